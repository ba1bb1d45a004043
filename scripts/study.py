"""Measures plain ways of choosing models on public scored prompts: the simple means that a predictor has to beat.

    python scripts/study.py FOLDER [--prices prices.json] [--labels 1500]

FOLDER holds scored prompts as `waypost.datasets.load` reads them, a file a data set, in rows `id, category, prompt, scores`.
What learns, learns on one half of the prompts (by a hash of the prompt) and is measured on the other.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import waypost
from waypost import datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# What comes with waypost, by the names that `evaluate` takes.
SHIPPED = ("cheapest",)
# Files that belong together; of more than two models those are compared that have a price.
SETS: dict[str, list[str]] = {
    "MMLU (RouteLLM)": ["routellm_mmlu"],
    "GSM8K (RouteLLM)": ["routellm_gsm8k"],
    "ZeroEval": ["zeroeval_gsm", "zeroeval_math_l5", "zeroeval_crux"],
    "MMLU-Pro": ["mmlu_pro"],
    "LLMRouter": ["llmrouter_uiuc"],
    "RouterArena": ["routerarena_sub10"],
}
# Words are counted as if each had been seen so often in a prompt of mean gain: rare ones say little.
SHRINK = 10.0
CHARACTERS_A_TOKEN = 4
# Where a data set does not say how long answers are.
ANSWER_TOKENS = 200


def main() -> None:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prices", type=Path, help="US dollars per million tokens of question and answer, by model")
    parser.add_argument("--labels", type=int, help="learn from at most so many prompts")
    arguments = parser.parse_args()
    prices = json.loads(arguments.prices.read_text()) if arguments.prices else {}
    tested: dict[str, datasets.Dataset] = {}
    learned: dict[str, datasets.Dataset] = {}
    for name, files in SETS.items():
        paths = [path for stem in files for path in arguments.folder.glob(f"{stem}.*jsonl*")]
        if len(paths) == len(files):
            data = prepared([datasets.load(path) for path in paths], prices)
            learned[name] = sample(half(data, odd=True), arguments.labels)
            tested[name] = half(data, odd=False)
    for name, data in tested.items():
        strategies: dict[str, Any] = {
            **{strategy: strategy for strategy in SHIPPED},
            "length of the prompt": lambda prompt: float(len(prompt)),
            "mean of the domain": by_domain(learned[name], data),
            "words": by_words([learned[name]]),
        }
        others = [other for at, other in learned.items() if at != name and other.models == data.models]
        if others:
            strategies["words of other sets"] = by_words(others)
        show(name, waypost.evaluate(strategies, data))


def prepared(parts: Sequence[datasets.Dataset], prices: Mapping[str, Any]) -> datasets.Dataset:
    """Return one data set of the models that all parts have, at their prices."""
    models = [model for model in parts[0].models if all(model in part.models for part in parts)]
    if len(models) > 2:
        models = [model for model in models if model in prices]
    parts = [part.among(models).where(lambda row: not row.get("excluded_by_paper")).complete() for part in parts]

    def joined(column: str) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(getattr(part, column) for part in parts))

    columns = ("prompts", "scores", "costs", "tokens", "domains", "facts")
    data = replace(parts[0], **{column: joined(column) for column in columns})
    if len(models) == 2 or all(None not in row for row in data.costs):
        return data
    return replace(data, costs=tuple(tuple(costs(data, at, prices)) for at in range(len(data))))


def costs(data: datasets.Dataset, at: int, prices: Mapping[str, Any]) -> Iterable[float]:
    """Return what each model's answer to a prompt costs."""
    for model, tokens in zip(data.models, data.tokens[at], strict=True):
        question, answer = tokens or (len(data.prompts[at]) / CHARACTERS_A_TOKEN, ANSWER_TOKENS)
        yield (question * prices[model][0] + answer * prices[model][1]) / 1e6


def half(data: datasets.Dataset, *, odd: bool) -> datasets.Dataset:
    """Return the half of the prompts that is learned from, or the one that is measured on."""
    return data.where(lambda row: crc32(row["prompt"].encode()) % 2 == odd)


def sample(data: datasets.Dataset, most: int | None) -> datasets.Dataset:
    """Return at most so many prompts, spread over all of them."""
    order = sorted(data.prompts, key=lambda prompt: crc32(prompt[::-1].encode()))
    kept = set(order[:most])
    return data.where(lambda row: row["prompt"] in kept)


def by_domain(learned: datasets.Dataset, tested: datasets.Dataset) -> Callable[[str], dict[str, float]]:
    """Predict that a model is as good as it was on average in the prompt's domain."""
    rows: dict[str, list[Sequence[Any]]] = defaultdict(list)
    for domain, scores in zip(learned.domains, learned.scores, strict=True):
        rows[domain].append(scores)
        rows[""].append(scores)
    means = {
        domain: [sum(column) / len(column) for column in zip(*found, strict=True)] for domain, found in rows.items()
    }
    domains = dict(zip(tested.prompts, tested.domains, strict=True))
    return lambda prompt: dict(zip(learned.models, means.get(domains[prompt], means[""]), strict=True))


def by_words(learned: Sequence[datasets.Dataset]) -> Callable[[str], dict[str, float]]:
    """Predict each model's quality from the mean quality on prompts that share words, relative to the overall mean."""
    models = learned[0].models
    pairs = [pair for data in learned for pair in zip(data.prompts, data.scores, strict=True)]
    means = [sum(row[at] for _, row in pairs) / len(pairs) for at in range(len(models))]
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(models) + 1))
    for prompt, row in pairs:
        for word in words(prompt):
            held = sums[word]
            held[-1] += 1
            for at, score in enumerate(row):
                held[at] += score - means[at]

    def predict(prompt: str) -> dict[str, float]:
        known = [sums[word] for word in words(prompt) if word in sums]
        shifts = [
            sum(held[at] / (held[-1] + SHRINK) for held in known) / max(1, len(known)) for at in range(len(models))
        ]
        return {model: mean + shift for model, mean, shift in zip(models, means, shifts, strict=True)}

    return predict


def words(prompt: str) -> set[str]:
    """Return the words of a prompt, and pairs of neighbours."""
    found = re.findall(r"[a-z]+|[^\sa-z]", prompt.lower())
    return {*found, *map(" ".join, pairwise(found))}


def show(name: str, found: waypost.Evaluation) -> None:
    """Print what was found as rows of a Markdown table."""
    print(f"\n{name}: {found.prompts} prompts, {len(found.models)} models, strong {found.strong}, weak {found.weak}")
    if found.cost_unit == "usd":
        print(
            f"| mixing single models | | | | {found.mixing_saved(at=0.95):.0%} | {found.mixing_saved(at=0.99):.0%} | |"
        )
    for strategy, one in found.strategies.items():
        plain = one.to_dict()
        cells = [told(one, plain, key, form) for key, form in COLUMNS.items()]
        time = f"{one.routing_time['p50'] * 1e6:.0f} µs" if one.routing_time else ""
        print(f"| {strategy} | {' | '.join([*cells, time])} |")


COLUMNS = {"apgr": ".3f", "cpt50": ".1f", "cpt80": ".1f", "cost_saved95": ".0%", "cost_saved99": ".0%"}


def told(one: waypost.evaluation.StrategyResult, plain: Mapping[str, Any], key: str, form: str) -> str:
    """Return a figure with half of its interval's width."""
    if plain[key] is None:
        return ""
    low, high = one.intervals[key]
    near = f" ± {(high - low) / 2:{form}}" if high > low and key in ("apgr", "cost_saved95", "cost_saved99") else ""
    return f"{plain[key]:{form}}{near}"


if __name__ == "__main__":
    main()
