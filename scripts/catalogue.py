"""Build `src/catalog/builtin.json`, the bundled table of models, from two MIT-licensed packages.

    python -m venv .catalogue && .catalogue/bin/pip install genai-prices
    .catalogue/bin/pip download --no-deps litellm
    .catalogue/bin/python scripts/catalogue.py --litellm litellm-*.whl --as-of 2026-11-25 --verify [--report FILE]

litellm has windows, abilities and prices, genai-prices has prices with history and tiers. The rules, in one place:

* A fact is written only where a source states it; absent means unknown. litellm writes `true` where a model can and
  mostly nothing where it cannot, so absence is unknown; only its list of input modalities says no, to images and audio
  (the lists leave out files also where a model takes them).
* A window is prompt and answer together. litellm's `max_input_tokens` is often the prompt alone (GPT-5: 272k of 400k).
  Where the window of genai-prices is exactly that plus `max_output_tokens`, both are kept; else `max_input_tokens` is
  the window, which can only be too careful. `max_output_tokens` that is the whole window is no limit and left out.
* A price is litellm's, which has a row for each name and region, else genai-prices', which matches names by pattern. If
  both agree on input and output, what the first lacks of cache prices and tiers is taken from the second. No price at
  all, or zero from litellm: unpriced. Prices by hour of day are written at their dearest.
* A cache write that costs less than a prompt is left out and so charged as prompt: mostly it is a fee beside the prompt
  (OpenRouter's Gemini) or a slip (OpenAI's, who charge none), and where it is true the cost is only too careful.
* `json_mode` follows from `json_schema` where the provider's API has both. Claude's `json_schema` counts if native.

A row: `w` window, `i` longest prompt, `o` longest answer, `a` abilities (a letter each, capitals say no), `p` price as
the fields of `Price` in order, USD per million tokens.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import date, datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from catalogue_sources import (
    FIREWORKS,
    GENAI,
    LITELLM_PROVIDERS,
    NOT_A_MODEL,
    ONLY_PRICES,
    Row,
    Rows,
    equal_names,
    genai_price,
    is_embedding,
    litellm_rows,
    read_litellm,
)

OUTPUT = Path(__file__).parent.parent / "src" / "catalog" / "builtin.json"
LETTERS = "vaftpsjrclde"  # …, json_mode, …, logprobs, seed, embedding: the order they are written in


def filled(price: list[Any] | None, other: list[Any] | None) -> list[Any] | None:
    """`price` with what it lacks (cache prices, tiers) from `other`, if both agree on input and output."""
    if price is None or other is None or price[:2] != other[:2]:
        return price or other
    return [theirs if mine in (None, []) else mine for mine, theirs in zip(price, other, strict=True)]


def merge(row: Row, model: Any, as_of: date) -> None:
    """Adds to a row what genai-prices knows."""
    window = model.context_window
    if window and row["w"] is None:
        row["w"] = int(window)
    elif window and row["o"] and window == row["w"] + row["o"]:
        row["w"], row["i"] = int(window), row["w"]
    row["p"] = filled(row["p"], genai_price(model, as_of))


def named(provider: str, theirs: Any) -> dict[str, tuple[str, Any]]:
    """The models that genai-prices lists by name, under their names in lower case."""
    found: dict[str, tuple[str, Any]] = {}
    for model in theirs.models if theirs else ():
        names = equal_names(model.match) | ({model.id} if theirs.find_model(model.id) is model else set())
        for name in sorted(names, key=lambda name: (name != model.id, name)):
            short = name.removeprefix(FIREWORKS)
            foreign = (provider == "gemini" and "claude" in name) or name.startswith(f"{provider}/")
            if not foreign and not NOT_A_MODEL.search(short):
                found.setdefault(short.lower(), (short, model))
    return found


def provider_rows(provider: str, litellm: dict[str, Row], genai: dict[str, Any], as_of: date) -> Rows:
    """All rows of one provider, not packed yet."""
    rows, other = litellm_rows(provider, litellm) if provider in LITELLM_PROVIDERS else ({}, set())
    theirs = genai.get(GENAI.get(provider, ""))
    exact = named(provider, theirs)
    seen = {name.lower() for name in rows} | other
    for lower, (name, model) in sorted(exact.items()):
        if provider not in ONLY_PRICES and lower not in seen and genai_price(model, as_of):
            rows[name] = {"w": None, "o": None, "a": {"e": True} if is_embedding(lower) else {}, "p": None}
    for name, row in rows.items():
        _, model = exact.get(name.lower(), (name, None))
        if theirs and (model := model or theirs.find_model(name, all_providers=list(genai.values()))):
            merge(row, model, as_of)
    return rows


def huggingface_rows(genai: dict[str, Any], as_of: date) -> Rows:
    """The router of Hugging Face: `org/model:provider`, one row for each that serves it."""
    rows: Rows = {}
    for source, provider in sorted(genai.items()):
        if source.startswith("huggingface_"):
            for model in provider.models:
                row = {"w": model.context_window, "o": None, "a": {}, "p": genai_price(model, as_of)}
                rows[f"{model.id}:{source.removeprefix('huggingface_')}"] = row
    return rows


def open_rows(table: dict[str, Rows]) -> Rows:
    """Open weights under their names at Hugging Face: the widest window, the abilities that any host has."""
    rows: Rows = {}
    closed = re.compile(r"^(anthropic|openai/(?!gpt-oss)|xai|google/gemini|.*:)", re.IGNORECASE)
    for provider in ("together", "deepinfra", "nebius", "huggingface"):
        for full, row in sorted(table[provider].items()):
            name = full.split(":")[0] if provider == "huggingface" else full
            if name.count("/") != 1 or closed.search(name):
                continue
            name = next((known for known in rows if known.lower() == name.lower()), name)
            mine = rows.setdefault(name, {"w": None, "o": None, "a": {}, "p": None})
            mine["w"] = max(mine["w"] or 0, row["w"] or 0) or None
            for letter in set("vartpe") & set(row["a"]):
                mine["a"][letter] = mine["a"].get(letter, False) or row["a"][letter]
    return {name: row for name, row in rows.items() if packed(row)}


def honest(price: list[Any]) -> list[Any]:
    """The price without cache writes that cost less than a prompt."""
    *head, write, reasoning, fee, tiers = price
    paid = head[0]
    for tier in tiers:
        tier[4] = tier[4] if tier[4] is not None and tier[4] >= (tier[1] or paid) else None
    return [*head, write if write is not None and write >= paid else None, reasoning, fee, tiers]


def trimmed(values: list[Any]) -> list[Any]:
    """Whole numbers as integers, without the empty end."""
    values = [
        trimmed(v) if isinstance(v, list) else int(v) if isinstance(v, float) and v.is_integer() else v for v in values
    ]
    while values and values[-1] in (None, []):
        values.pop()
    return values


def packed(row: Row) -> Row:
    """A row as it is written."""
    known = row["a"]
    letters = "".join(c if known[c] else c.upper() for c in LETTERS if c in known)
    price = trimmed(honest(row["p"])) if row["p"] else None
    longest = None if row["o"] and row["w"] and row["o"] >= row["w"] else row["o"]
    parts = {"w": row["w"], "i": row.get("i"), "o": longest, "a": letters, "p": price}
    return {key: value for key, value in parts.items() if value}


# Where recorded traffic shows the sources to be wrong: (provider, model) → abilities by letter.
CORRECTIONS: dict[tuple[str, str], dict[str, bool]] = {
    # Calls tools since version 3.1 of the model behind the name.
    ("deepseek", "deepseek-reasoner"): {"t": True},
}


def build(litellm: dict[str, Row], genai: dict[str, Any], as_of: date, versions: dict[str, str]) -> dict[str, Any]:
    """The whole catalogue; the same input gives the same value."""
    table = {
        provider: provider_rows(provider, litellm, genai, as_of) for provider in sorted({*LITELLM_PROVIDERS, *GENAI})
    }
    table["huggingface"] = huggingface_rows(genai, as_of)
    for (provider, model), abilities in CORRECTIONS.items():
        if model in table.get(provider, {}):
            table[provider][model]["a"].update(abilities)
    models = {
        provider: {name: row for name in sorted(rows) if (row := packed(rows[name]))}
        for provider, rows in sorted(table.items())
        if rows
    }
    weights = open_rows(table)
    return {
        "as_of": as_of.isoformat(),
        "sources": versions,
        "models": models,
        "open": {name: packed(weights[name]) for name in sorted(weights)},
    }


def render(catalogue: dict[str, Any]) -> str:
    """JSON with one model a line, so that a change of the sources is a readable diff."""

    def dump(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=True)

    def block(rows: Rows) -> str:
        return "{\n" + ",\n".join(f"{dump(name)}:{dump(row)}" for name, row in rows.items()) + "\n}"

    models = ",\n".join(f"{dump(provider)}:{block(rows)}" for provider, rows in catalogue["models"].items())
    head = f'"as_of":{dump(catalogue["as_of"])},\n"sources":{dump(catalogue["sources"])}'
    return f'{{\n{head},\n"models":{{\n{models}\n}},\n"open":{block(catalogue["open"])}\n}}\n'


def main() -> int:
    """Read the sources, write the file, and check it if asked."""
    parser = argparse.ArgumentParser(description="Build the bundled model catalogue.")
    parser.add_argument(
        "--litellm", type=Path, required=True, help="litellm's wheel, from `pip download --no-deps litellm`"
    )
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=datetime.now(timezone.utc).date(), help="prices of this day (today)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compare costs with genai-prices' own calculator, and write the pairs that the Rust test reads",
    )
    parser.add_argument("--report", type=Path, help="models.dev's table: print where the sources disagree")
    options = parser.parse_args()

    from genai_prices.data import providers

    litellm, litellm_version = read_litellm(options.litellm)
    genai = {provider.id: provider for provider in providers}
    versions = {"genai-prices": version("genai-prices"), "litellm": litellm_version}
    catalogue = build(litellm, genai, options.as_of, versions)
    text = render(catalogue)
    options.output.write_text(text, encoding="utf-8")
    counts = {provider: len(rows) for provider, rows in catalogue["models"].items()}
    size, total, weights = f"{len(text) / 1024:.0f} KiB", sum(counts.values()), len(catalogue["open"])
    sys.stdout.write(f"{options.output}: {size}, {total} models, {weights} open weights: {counts}\n")
    if options.verify or options.report:
        import catalogue_check

        if options.verify:
            catalogue_check.verify(catalogue, genai, options.as_of)
        if options.report:
            catalogue_check.report(catalogue, json.loads(options.report.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
