"""An evaluation for people: the fragment that a notebook shows, and a page of its own."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ._chart import A_THOUSAND, svg
from ._html import _chips, _count, _dim, _folded, _page, _seconds, _table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .evaluation import Evaluation, StrategyResult

COLUMNS = (
    "strategy",
    "quality",
    "cost of 1,000",
    "APGR",
    "CPT 50 %",
    "CPT 80 %",
    "AIQ",
    "saved at 95 %",
    "saved at 99 %",
    "to the oracle",
    "refused",
    "routing, p50",
)

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{margin:2rem;background:Canvas;color:CanvasText;
font:14px/1.5 system-ui,sans-serif}}</style></head><body><h1>{title}</h1>
"""


def fragment(evaluation: Evaluation) -> str:
    """Return the evaluation as a part of a page."""
    return _page(_head(evaluation), svg(evaluation), _strategies(evaluation), _details(evaluation), _notes(evaluation))


def page(evaluation: Evaluation) -> str:
    """Return the evaluation as a page."""
    title = escape(f"Evaluation on {evaluation.dataset}")
    return _HEAD.format(title=title) + fragment(evaluation) + "\n</body></html>\n"


def lines(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return the table of strategies as plain text: its head and its rows, without the columns that say nothing."""
    rows = [
        [f"{value} ({near})" if near else value for value, near in _cells(result)]
        for result in evaluation.strategies.values()
    ]
    kept = [at for at in range(len(COLUMNS)) if any(row[at] for row in rows)]
    return [COLUMNS[at] for at in kept], [[row[at] for at in kept] for row in rows]


def figures(evaluation: Evaluation) -> list[str]:
    """Return a line a strategy with what matters most, for the message of a failed assertion."""
    wide = max(map(len, evaluation.strategies))
    found = []
    for name, result in evaluation.strategies.items():
        plain = result.to_dict()
        told = [f"quality {plain['quality']:.3f}"]
        told += [f"cost {plain['cost']:.3g}"] if plain["cost"] is not None else []
        saved = [(at, plain[f"cost_saved{at}"]) for at in (95, 99)]
        told += [f"saved at {at} %: {100 * value:.1f} %" for at, value in saved if value is not None]
        told += [f"APGR {plain['apgr']:.3f}"] if plain["apgr"] is not None else []
        found.append(f"  {name:<{wide}}  {'  '.join(told)}")
    return [*found, *(f"  {line}" for line in mixing(evaluation))]


def _head(evaluation: Evaluation) -> str:
    unit = {"usd": "cost in US dollars for 1,000 prompts", "calls": "cost in calls of the strong model"}
    facts = [
        _count(evaluation.prompts, "prompt"),
        _count(len(evaluation.models), "model"),
        f"strong: {evaluation.strong}",
        f"weak: {evaluation.weak}",
        f"best single model: {evaluation.best}",
        unit.get(evaluation.cost_unit or "", "no costs"),
    ]
    return _chips(facts)


def _strategies(evaluation: Evaluation) -> str:
    """Return the table of strategies, each interval below its figure, without the columns that say nothing."""
    rows = [[(escape(value), escape(near)) for value, near in _cells(one)] for one in evaluation.strategies.values()]
    kept = [at for at in range(len(COLUMNS)) if any(row[at][0] for row in rows)]
    told = [[value + (f"<br>{_dim(near)}" if near else "") for value, near in (row[at] for at in kept)] for row in rows]
    return _table([COLUMNS[at] for at in kept], told, numbers=range(1, len(kept)))


def _cells(result: StrategyResult) -> list[tuple[str, str]]:
    """Return each figure of a strategy, with its interval where there is one to see."""
    plain, between = result.to_dict(), result.intervals

    def told(name: str, form: str, times: float = 1.0, unit: str = "") -> tuple[str, str]:
        value = plain[name]
        if value is None:
            return "", ""
        low, high = (f"{end * times:{form}}" for end in between.get(name, (0.0, 0.0)))
        return f"{value * times:{form}}{unit}", f"{low}–{high}" if low != high else ""

    # Shares of calls need no more digits than the shares; money is read by the thousand prompts.
    thousand = A_THOUSAND if result._ends["unit"] == "usd" else 1.0
    return [
        (result.name, ""),
        told("quality", ".3f"),
        told("cost", ".3g", thousand),
        told("apgr", ".3f"),
        told("cpt50", ".1f"),
        told("cpt80", ".1f"),
        told("aiq", ".3f"),
        told("cost_saved95", ".0f", 100, " %"),
        told("cost_saved99", ".0f", 100, " %"),
        told("oracle_gap", ".3f"),
        (str(result.refused) if result.refused else "", ""),
        (_seconds(result.routing_time["p50"]) if result.routing_time else "", ""),
    ]


def _details(evaluation: Evaluation) -> str:
    thousand = A_THOUSAND if evaluation.cost_unit == "usd" else 1.0
    models = [
        [escape(name), f"{row['quality']:.3f}", "" if row["cost"] is None else f"{row['cost'] * thousand:.3g}"]
        for name, row in sorted(evaluation.models.items(), key=lambda item: -(item[1]["quality"] or 0.0))
    ]
    parts = [_folded("single models", _table(["model", "quality", "cost of 1,000"], models, numbers=(1, 2)))]
    for name, result in evaluation.strategies.items():
        if result.kind != "baseline":
            parts.append(_folded(f"{name}: domains", _domains(result, thousand)))
            parts.append(_folded(f"{name}: against the oracle", _confusion(result.confusion)))
    return "".join(parts)


def _domains(result: StrategyResult, thousand: float) -> str:
    columns = ["domain", "prompts", "quality", "cost", "weak", "strong", "oracle"]
    rows = [
        [
            escape(name),
            f"{row['prompts']:,}",
            *(
                "" if row[column] is None else f"{row[column] * (thousand if column == 'cost' else 1.0):.3g}"
                for column in columns[2:]
            ),
        ]
        for name, row in result.by_domain.items()
    ]
    heads = ["cost of 1,000" if column == "cost" else column for column in columns]
    return _table(heads, rows, numbers=range(1, len(columns)))


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> str:
    chosen = list(dict.fromkeys(name for row in confusion.values() for name in row))
    rows = [
        [escape(oracle), *(f"{row[name]:,}" if name in row else "" for name in chosen)]
        for oracle, row in confusion.items()
    ]
    return _dim("rows: the oracle's model; columns: the one that was chosen") + _table(
        ["", *chosen], rows, numbers=range(1, len(chosen) + 1)
    )


def mixing(evaluation: Evaluation) -> list[str]:
    """Return what mixing single models saves, in a sentence; nothing where there are no costs."""
    try:
        saved = {at: evaluation.mixing_saved(at=at / 100) for at in (95, 99)}
    except ValueError:
        return []
    told = " and ".join(f"{100 * value:.1f} % at {at} %" for at, value in saved.items())
    return [f"Mixing single models at random saves {told}; whatever saves less has learned nothing from the prompt."]


def _notes(evaluation: Evaluation) -> str:
    told = [
        *evaluation.notes,
        *mixing(evaluation),
        "In brackets: 95 % of the resamples of the prompts. What is saved is compared to the best single model alone.",
    ]
    return "".join(f"<div>{_dim(escape(note))}</div>" for note in told)
