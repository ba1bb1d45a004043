"""A data set, made ready to compare strategies on: prompts that every model has answered, costs, the strong and the weak model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .datasets import Dataset, DatasetError, _names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Prices = Mapping[str, float | Sequence[float]]

# Half of the prompts must remain, or the data set is another one than was given.
LEAST_LEFT = 0.5


def usable(data: Dataset, among: Iterable[str] | None) -> tuple[Dataset, list[str]]:
    """Return the prompts that every model has answered: only these can be compared."""
    if among is not None:
        data = data.among(among)
    if len(data.models) < 2:
        message = f"`{data.name}` has one model, {_names(data.models)}; a choice needs at least two"
        raise DatasetError(message)
    whole = data.complete()
    missing = len(data) - len(whole)
    if len(whole) < LEAST_LEFT * len(data) or not len(whole):
        counts = {name: sum(row[at] is not None for row in data.scores) for at, name in enumerate(data.models)}
        listed = ", ".join(f"`{name}` {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
        message = (
            f"only {len(whole)} of {len(data)} prompts of `{data.name}` have a score of every model; "
            f"compare fewer with `among=[…]`. Scores: {listed}"
        )
        raise DatasetError(message)
    notes = [f"{missing} of {len(data)} prompts were left out: not every model has a score for them"] if missing else []
    return whole, notes


def costs_of(data: Dataset, prices: Prices | None, notes: list[str]) -> tuple[list[list[float]], str | None]:
    """Return what each answer cost, and in which unit; zeros and None where nobody knows."""
    if prices is not None:
        return _priced(data, prices), "usd"
    lacking = [name for at, name in enumerate(data.models) if any(row[at] is None for row in data.costs)]
    if not lacking:
        return [[cost or 0.0 for cost in row] for row in data.costs], "usd"
    if len(data.models) > 2:
        notes.append("the data set has no costs, so nothing is said about cost: give `prices`")
    return [[0.0] * len(data.models) for _ in data.prompts], None


def _priced(data: Dataset, prices: Prices) -> list[list[float]]:
    missing = [name for name in data.models if name not in prices]
    if missing:
        message = f"`prices` has none for {_names(missing)}; add them, or leave these models out with `among`"
        raise ValueError(message)
    return [
        [_price(name, prices[name], count) for name, count in zip(data.models, row, strict=True)] for row in data.tokens
    ]


def _price(name: str, price: float | Sequence[float], tokens: tuple[float, float] | None) -> float:
    if isinstance(price, (int, float)):
        parts = [float(price)]
        cost = parts[0]
    else:
        parts = [float(part) for part in price]
        if tokens is None:
            message = (
                f"the data set has no tokens of `{name}`, so a price per token says nothing; give US dollars a call"
            )
            raise ValueError(message)
        if len(parts) != 2:
            message = (
                f"the price of `{name}` must be two numbers, per million tokens of question and answer, or one a call"
            )
            raise ValueError(message)
        cost = (tokens[0] * parts[0] + tokens[1] * parts[1]) / 1e6
    if not all(math.isfinite(part) and part >= 0 for part in parts):
        message = f"the price of `{name}` must be 0 or more"
        raise ValueError(message)
    return cost


def pair_of(data: Dataset, costs: list[list[float]], strong: str | None, weak: str | None) -> tuple[str, str]:
    """Return the strong and the weak model: those given, else the best and the cheapest of the others."""
    unknown = [name for name in (strong, weak) if name is not None and name not in data.models]
    if unknown:
        message = f"the data set has no model {_names(unknown)}; it has {_names(data.models)}"
        raise ValueError(message)
    if strong is not None and strong == weak:
        message = f"the strong and the weak model are both `{strong}`; name two"
        raise ValueError(message)

    def quality(name: str) -> float:
        at = data.models.index(name)
        return sum(row[at] or 0.0 for row in data.scores)

    def cost(name: str) -> float:
        at = data.models.index(name)
        return sum(row[at] for row in costs)

    best = strong or max((name for name in data.models if name != weak), key=lambda name: (quality(name), -cost(name)))
    others = [name for name in data.models if name != best]
    return best, weak or min(others, key=lambda name: (cost(name), quality(name)))
