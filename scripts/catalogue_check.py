"""Checks of the bundled catalogue against a second calculator and a third opinion, called by `scripts/catalogue.py`."""

from __future__ import annotations

import random
import sys
from collections import Counter
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from catalogue_sources import FIREWORKS, GENAI, genai_price

# waypost's provider -> models.dev's.
MODELS_DEV = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "gemini": "google",
    "vertex": "google-vertex",
    "bedrock": "amazon-bedrock",
    "mistral": "mistral",
    "cohere": "cohere",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "xai",
    "together": "togetherai",
    "fireworks": "fireworks-ai",
    "openrouter": "openrouter",
    "cerebras": "cerebras",
    "perplexity": "perplexity",
    "moonshot": "moonshotai",
    "zai": "zai",
    "minimax": "minimax",
    "dashscope": "alibaba",
    "nebius": "nebius",
    "deepinfra": "deepinfra",
    "vercel": "vercel",
}
PRICE = ("input", "output", "cache_read", "cache_write")
SEED = 20_251
SAMPLE = 900
# Pairs of usage and cost that both agree on, for src/catalog/builtin/tests.rs.
PAIRS = 250
FIXTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "catalogue" / "costs.tsv"


def say(text: str) -> None:
    """One line of the report."""
    sys.stdout.write(text + "\n")


def cost(price: list[Any], usage: dict[str, int]) -> float:
    """The arithmetic of `Price::cost` in src/catalog/price.rs, in USD."""
    paid, answer, read, write, reasoning, fee, tiers = [*price, *[None] * (7 - len(price))]
    prompt = usage["input"] + usage["cache_read"] + usage["cache_write"]
    tier = next((t for t in reversed(tiers or []) if prompt > t[0]), [])
    tier = [*tier, *[None] * (6 - len(tier))]
    paid, answer, read, write, reasoning = (
        usual if special is None else special
        for special, usual in zip(tier[1:], (paid, answer, read, write, reasoning), strict=True)
    )
    total = usage["input"] * paid + usage["output"] * answer
    total += usage["cache_read"] * (paid if read is None else read) + usage["cache_write"] * (
        paid if write is None else write
    )
    total += usage["reasoning"] * (answer if reasoning is None else reasoning)
    return total / 1e6 + (fee or 0)


def usages(rng: random.Random) -> dict[str, int]:
    """A made-up answer: short and long prompts, with and without cache and reasoning."""
    prompt = rng.choice([100, 3_000, 40_000, 150_000, 250_000, 700_000])
    read, write = (rng.choice([0, 0, prompt // 3]) for _ in "rw")
    return {
        "input": prompt - read - write,
        "cache_read": read,
        "cache_write": write,
        "output": rng.choice([1, 800, 9_000]),
        "reasoning": rng.choice([0, 0, 2_000]),
    }


def calculated(model: Any, source: Any, usage: dict[str, int], as_of: date) -> float:
    """What genai-prices' own calculator says; at the dearest hour, where prices go by hour."""
    from genai_prices import Usage

    theirs = Usage(
        input_tokens=usage["input"] + usage["cache_read"] + usage["cache_write"],
        output_tokens=usage["output"] + usage["reasoning"],
        cache_read_tokens=usage["cache_read"],
        cache_write_tokens=usage["cache_write"],
        output_reasoning_tokens=usage["reasoning"],
    )
    hours = [datetime(as_of.year, as_of.month, as_of.day, hour, tzinfo=timezone.utc) for hour in (2, 8, 20)]
    return max(float(model.calc_price(theirs, source, genai_request_timestamp=hour).total_price) for hour in hours)


def close(mine: float, theirs: float) -> bool:
    """Equal but for the last digits of a float."""
    return abs(mine - theirs) <= 1e-12 + 1e-7 * theirs


def verify(catalogue: dict[str, Any], genai: dict[str, Any], as_of: date) -> None:
    """Our arithmetic on genai-prices' prices, and our rows as they are, against genai-prices' own calculator."""
    rng = random.Random(SEED)
    rows = [
        (p, name, row["p"])
        for p, rows in catalogue["models"].items()
        if p in GENAI
        for name, row in rows.items()
        if "p" in row
    ]
    arithmetic, data = Counter[bool](), Counter[bool]()
    agreed, apart = [], []
    for provider, name, price in rng.sample(rows, min(SAMPLE, len(rows))):
        source = genai[GENAI[provider]]
        model = source.find_model(name) or source.find_model(FIREWORKS + name)
        published = model and genai_price(model, as_of)
        if not published:
            continue
        usage = usages(rng)
        expected = calculated(model, source, usage, as_of)
        arithmetic[close(cost(published, usage), expected)] += 1
        same = close(cost(price, usage), expected)
        data[same] += 1
        if same:
            agreed.append("\t".join((provider, name, *map(str, usage.values()), repr(expected))))
        else:
            apart.append(f"  {provider}/{name}: ours {price}, genai-prices {published}")
    tried = data.total()
    say(f"verify: of {tried} costs the arithmetic agrees in {arithmetic[True]}, the rows as they are in {data[True]}")
    for line in sorted(apart):
        say(line)
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_text("\n".join(sorted(agreed[:PAIRS])) + "\n", encoding="utf-8")


def third_opinion(record: dict[str, Any]) -> dict[str, Any]:
    """A record of models.dev in our words."""
    limit, takes, money = record.get("limit", {}), record.get("modalities", {}).get("input", []), record.get("cost", {})
    facts = {
        "w": limit.get("context") or None,
        "i": limit.get("input") or None,
        "o": limit.get("output") or None,
        "v": "image" in takes,
        "a": "audio" in takes,
        "f": "pdf" in takes,
        "t": record.get("tool_call"),
        "r": record.get("reasoning"),
        "s": record.get("structured_output"),
    }
    return facts | {f"price {field}": money.get(field) or None for field in PRICE}


def own_opinion(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ours, in the same words."""
    facts = {key: row.get(key) for key in "wio"}
    facts |= {letter.lower(): letter.islower() for letter in row.get("a", "")}
    return facts | dict(zip((f"price {field}" for field in PRICE), row.get("p", []), strict=False))


def report(catalogue: dict[str, Any], models_dev: dict[str, Any], worst: int = 12) -> None:
    """Where the bundled facts disagree with models.dev: counts by field, and the rows that differ most."""
    same, other = Counter[str](), Counter[str]()
    rows: dict[str, list[tuple[float, str]]] = {}
    for provider, theirs in MODELS_DEV.items():
        by_name = {name.lower(): record for name, record in models_dev.get(theirs, {}).get("models", {}).items()}
        for name, row in catalogue["models"].get(provider, {}).items():
            full = f"accounts/fireworks/models/{name}" if provider == "fireworks" else name
            if (record := by_name.get(full.lower())) is None:
                continue
            mine = own_opinion(row)
            for field, opinion in third_opinion(record).items():
                if opinion is None or mine.get(field) is None:
                    continue
                if mine[field] == opinion:
                    same[field] += 1
                    continue
                other[field] += 1
                ratio = (
                    1.0
                    if isinstance(opinion, bool)
                    else max(mine[field], opinion) / max(min(mine[field], opinion), 1e-9)
                )
                rows.setdefault(field, []).append(
                    (ratio, f"{provider}/{name}: ours {mine[field]}, models.dev {opinion}")
                )
    for field in sorted(same | other):
        say(f"{field}: {same[field]} agree, {other[field]} differ")
        for _, line in sorted(rows.get(field, []), reverse=True)[:worst]:
            say(f"    {line}")
