"""The two sources of the bundled catalogue, read into rows of one form; `scripts/catalogue.py` has the rules."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
Rows = dict[str, Row]

LITELLM_FILE = "litellm/model_prices_and_context_window_backup.json"

# waypost's providers that litellm has rows of, and what it calls them where the names differ.
NAMES = """openai azure anthropic gemini vertex bedrock mistral cohere groq deepseek xai together fireworks
    openrouter cerebras perplexity nvidia moonshot zai minimax dashscope nebius deepinfra vercel voyage jina ollama"""
LITELLM_PROVIDERS = NAMES.split()
LITELLM_OWNERS = {
    "azure": ("azure", "azure_ai"),
    "bedrock": ("bedrock", "bedrock_converse"),
    "cohere": ("cohere", "cohere_chat"),
    "fireworks": ("fireworks_ai", "fireworks_ai-embedding-models"),
    "jina": ("jina_ai",),
    "nvidia": ("nvidia_nim",),
    "together": ("together_ai",),
    "vercel": ("vercel_ai_gateway",),
    "vertex": ("vertex_ai",),  # and all that begins so
}
# waypost's provider -> genai-prices'.
SAME = (
    "openai azure anthropic mistral cohere groq deepseek together fireworks openrouter cerebras perplexity zai minimax"
)
GENAI = {name: name for name in SAME.split()} | {
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "xai": "x-ai",
    "moonshot": "moonshotai",
    "voyage": "voyageai",
}
# Where genai-prices lets another provider's rows stand in: those names are no evidence of what is offered.
ONLY_PRICES = {"azure", "vertex"}
FIREWORKS = "accounts/fireworks/models/"  # stands before every name there; rows are without it
# litellm's modes that waypost speaks, and whether they embed; Responses only where waypost speaks it.
MODES = {"chat": False, "responses": False, "embedding": True}
RESPONSES = {"openai", "azure", "xai"}
# Whose API has both a JSON mode and JSON schemas: a model that follows the second answers the first.
JSON_MODE = {"openai", "azure", "gemini", "mistral", "groq", "xai", "together", "fireworks", "deepseek"}
FREE = {"ollama"}  # a user's own machine: facts, never a price
# Rows of litellm that are not names of models: price buckets, and Bedrock by region or commitment.
NOT_A_MODEL = re.compile(r"^(together-ai-|fireworks-ai-)|\s|^(\*|[a-z]{2}(-gov)?-[a-z]+-\d)/|-commitment/")

FLAGS = {  # letter: litellm's key
    "v": "supports_vision",
    "a": "supports_audio_input",
    "f": "supports_pdf_input",
    "t": "supports_function_calling",
    "p": "supports_parallel_function_calling",
    "s": "supports_response_schema",
    "r": "supports_reasoning",
    "c": "supports_assistant_prefill",
}
MILLION = 1_000_000


# --- litellm -------------------------------------------------------------------------------------------------------


def per_million(value: float | None) -> float | None:
    """A price a token as a price a million, without the noise of the multiplication."""
    return None if value is None else round(float(value) * MILLION, 6)


def abilities(provider: str, name: str, record: Row) -> dict[str, bool]:
    """What a record of litellm states, by letter."""
    known = {letter: record[key] for letter, key in FLAGS.items() if isinstance(record.get(key), bool)}
    modalities = record.get("supported_modalities")
    if modalities:
        known.setdefault("v", "image" in modalities)
        known.setdefault("a", "audio" in modalities)
    if "claude" in name:
        known.pop("s", None)
        if isinstance(record.get("supports_native_structured_output"), bool):
            known["s"] = record["supports_native_structured_output"]
    if known.get("s") and provider in JSON_MODE and "claude" not in name:
        known["j"] = True
    known["e"] = MODES[record["mode"]]
    return known


def litellm_tiers(record: Row) -> list[list[float | None]]:
    """Tiers from the keys `…_above_200k_tokens`, or from `tiered_pricing` (whose first range is the base)."""
    keys = (
        "input_cost_per_token",
        "output_cost_per_token",
        "cache_read_input_token_cost",
        "cache_creation_input_token_cost",
    )
    tiers = []
    thresholds = {int(m[1]) for key in record if (m := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key))}
    for thousand in sorted(thresholds):
        special = [
            per_million(record.get(f"{key}_above_{thousand}k_tokens")) if record.get(key) else None for key in keys
        ]
        tiers.append([thousand * 1000, *special, None])
    for step in record.get("tiered_pricing", [])[1:]:
        prices = [per_million(step.get(key)) for key in (*keys, "output_cost_per_reasoning_token")]
        tiers.append([int(step["range"][0]), *prices])
    return tiers


def litellm_price(record: Row) -> list[Any] | None:
    """The price that a record states, as the fields of `Price`; zero and absent are unknown."""
    base = {**record, **record["tiered_pricing"][0]} if record.get("tiered_pricing") else record
    paid = per_million(base.get("input_cost_per_token"))
    answer = per_million(base.get("output_cost_per_token"))
    if MODES[record["mode"]]:
        answer = answer or 0.0
    if not paid or answer is None or (answer == 0 and not MODES[record["mode"]]):
        return None
    cache = [per_million(base.get(f"cache_{kind}_input_token_cost")) or None for kind in ("read", "creation")]
    reasoning = per_million(base.get("output_cost_per_reasoning_token")) or None
    return [paid, answer, *cache, reasoning if reasoning != answer else None, None, litellm_tiers(record)]


def litellm_rows(provider: str, records: dict[str, Row]) -> tuple[Rows, set[str]]:
    """Rows of one provider, and the names that litellm knows as something other than chat or embedding."""
    owners = LITELLM_OWNERS.get(provider, (provider,))
    rows: Rows = {}
    other: set[str] = set()
    # Full keys first: where a bare one says otherwise, it is the older.
    for key, record in sorted(sorted(records.items(), reverse=True), key=lambda item: "/" not in item[0]):
        owner = record.get("litellm_provider", "")
        if owner not in owners and not (provider == "vertex" and owner.startswith("vertex_ai")):
            continue
        name = key
        for prefix in (*(f"{owner}/" for owner in owners), FIREWORKS):
            name = name.removeprefix(prefix)
        mode = record.get("mode")
        if mode not in MODES or (mode == "responses" and provider not in RESPONSES):
            other.add(name.lower())
        elif not NOT_A_MODEL.search(name):
            row = litellm_row(provider, name, record)
            rows[name] = united(rows[name], row) if name in rows else row
    return rows, other


def united(row: Row, other: Row) -> Row:
    """Two records of one model, under a bare and a full key: the first, with what it lacks from the second."""
    parts = {key: other[key] if row[key] is None else row[key] for key in row}
    return parts | {"a": other["a"] | row["a"]}


def litellm_row(provider: str, name: str, record: Row) -> Row:
    """One record as a row whose abilities and price are not packed yet."""
    return {
        "w": int(record["max_input_tokens"]) if record.get("max_input_tokens") else None,
        "o": int(record["max_output_tokens"])
        if record.get("max_output_tokens") and record["mode"] != "embedding"
        else None,
        "a": abilities(provider, name, record),
        "p": None if provider in FREE else litellm_price(record),
    }


# --- genai-prices --------------------------------------------------------------------------------------------------


def equal_names(match: Any) -> set[str]:
    """The names that a clause lists one by one."""
    if hasattr(match, "equals"):
        return {match.equals}
    return {name for clause in getattr(match, "or_", ()) for name in equal_names(clause)}


def current(model: Any, as_of: date) -> Any:
    """The prices of a model on a day; among those by hour of day the dearest, so that no estimate is too low."""
    if not isinstance(model.prices, list):
        return model.prices
    noon = datetime(as_of.year, as_of.month, as_of.day, 12, tzinfo=timezone.utc)
    by_hour = [c.prices for c in model.prices if hasattr(c.constraint, "start_time")]
    dated = [c for c in model.prices if not hasattr(c.constraint, "start_time")]
    active = [c.prices for c in dated if c.constraint is None or c.constraint.active(noon)] or [model.prices[0].prices]
    return max([active[-1], *by_hour], key=lambda prices: base(prices.input_mtok) or 0)


def base(value: Any) -> float | None:
    """The price below the first tier."""
    return None if value is None else round(float(getattr(value, "base", value)), 6)


def at(value: Any, start: int) -> float | None:
    """The price of a prompt just longer than `start`."""
    if value is None or not hasattr(value, "tiers"):
        return base(value)
    return round(float(next((tier.price for tier in reversed(value.tiers) if tier.start <= start), value.base)), 6)


def genai_price(model: Any, as_of: date) -> list[Any] | None:
    """The price that genai-prices states, as the fields of `Price`."""
    prices = current(model, as_of)
    fields = [
        getattr(prices, f"{key}_mtok", None)
        for key in ("input", "output", "cache_read", "cache_write", "output_reasoning")
    ]
    paid, answer, *rest = [base(field) for field in fields]
    if paid is None or (answer is None and not is_embedding(model.id)):
        return None
    fee = base(getattr(prices, "requests_kcount", None))
    starts = sorted({tier.start for field in fields for tier in getattr(field, "tiers", ())})
    tiers = [[start, *(differing(at(field, start), base(field)) for field in fields)] for start in starts]
    return [paid, answer or 0.0, *rest, None if not fee else fee / 1000, tiers]


def differing(value: float | None, usual: float | None) -> float | None:
    """`value`, unless it is the usual one."""
    return None if value == usual else value


def is_embedding(name: str) -> bool:
    """Whether a name says that the model embeds: only for rows that must have no price of an answer."""
    return bool(re.search(r"embed|^voyage-", name)) and "rerank" not in name


def read_litellm(path: Path) -> tuple[dict[str, Row], str]:
    """Return the table and the version of litellm, from its wheel."""
    with zipfile.ZipFile(path) as wheel:
        return json.loads(wheel.read(LITELLM_FILE)), path.name.split("-")[1]
