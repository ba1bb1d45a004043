"""Strategies in all forms that users have them in → what each says to every prompt.

A strategy is asked, never called: routers decide with `route()`, functions are given the prompt alone.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._keys import stand_in
from ._progress import progress_bar
from .datasets import Dataset, _names
from .router import Router

if TYPE_CHECKING:
    from ._scored import Prices

BASELINES = ("random", "always-weak", "always-strong", "oracle")
KINDS = (
    "priority",
    "weighted",
    "round_robin",
    "cheapest",
    "fastest",
    "least_busy",
    "balanced",
    "quality",
    "cascade",
    "bandit",
)
_FORMS = (
    "a Router, a configuration or its file, the name of a strategy or of a model, a function, "
    "or a mapping from names to such"
)
_FILES = (".toml", ".yaml", ".yml", ".json")
# Nothing is sent; whoever tried would find nobody at this address.
_NOWHERE = "http://127.0.0.1:9/v1"
# A router takes answers to be this long until it has seen some, so a call of a model is estimated at what it costs on average.
_ANSWER_TOKENS = 400


@dataclass(frozen=True)
class Asked:
    """What a strategy said, and how long it took."""

    kind: str
    plan: dict[str, list[Any]]
    time: dict[str, float]


@dataclass(frozen=True)
class Bench:
    """What strategies are asked about."""

    data: Dataset
    costs: Sequence[Sequence[float]]
    prices: Prices | None
    # What deployments and functions call the models of the data set, where they call them otherwise.
    models: Mapping[str, str]


def named(strategies: Any) -> dict[str, Any]:
    """Give every strategy a name; None stands for a baseline, which is in every comparison anyway."""
    if isinstance(strategies, Mapping) and not _is_config(strategies):
        found = {str(name): strategy for name, strategy in strategies.items()}
    elif isinstance(strategies, (list, tuple)):
        found = {}
        for strategy in strategies:
            name = _name(strategy)
            taken = sum(other == name or other.startswith(f"{name} ") for other in found)
            found[f"{name} {taken + 1}" if taken else name] = strategy
    else:
        found = {_name(strategies, "strategy"): strategies}
    if not found:
        message = f"there is no strategy; give {_FORMS}"
        raise TypeError(message)
    for name, strategy in found.items():
        _check(name, strategy)
    return {name: None if name in BASELINES else strategy for name, strategy in found.items()}


def _check(name: str, strategy: Any) -> None:
    if name in BASELINES and strategy != name:
        message = f"`{name}` is the name of a baseline; choose another"
        raise ValueError(message)
    known = isinstance(strategy, (Router, str, os.PathLike)) or callable(strategy) or _is_config(strategy)
    if not known:
        message = f"strategy `{name}` must be {_FORMS}, not {type(strategy).__name__}"
        raise TypeError(message)


def _is_config(strategy: Any) -> bool:
    """Tell a configuration, or a strategy of one, from a mapping of strategies by what only they have."""
    if not isinstance(strategy, Mapping):
        return False
    fleet = strategy.get("deployments")
    return isinstance(strategy.get("kind"), str) or (isinstance(fleet, (Mapping, list)) and bool(fleet))


def _name(strategy: Any, function: str | None = None) -> str:
    if isinstance(strategy, Router):
        return "router"
    if isinstance(strategy, Mapping):
        return str(strategy.get("kind", "router"))
    if isinstance(strategy, (str, os.PathLike)):
        return str(strategy)
    return function or str(getattr(strategy, "__name__", type(strategy).__name__)).strip("<>")


def ask_all(strategies: Mapping[str, Any], bench: Bench, *, progress: bool) -> dict[str, Asked]:
    """Return what each strategy says to every prompt; baselines are not asked."""
    asked = {name: strategy for name, strategy in strategies.items() if strategy is not None}
    prompts = len(bench.data)
    said = {}
    with progress_bar(prompts * len(asked), wanted=progress, unit="prompt") as advance, ExitStack() as routers:
        for place, (name, strategy) in enumerate(asked.items()):
            before = place * prompts
            tell = None if advance is None else (lambda done, before=before: advance(before + done))
            said[name] = _asked(name, strategy, bench, routers, tell)
    return said


def _asked(name: str, strategy: Any, bench: Bench, routers: ExitStack, tell: Callable[[int], None] | None) -> Asked:
    columns = _Columns(name, bench.data.models, bench.models)
    ask = _question(name, strategy, bench, columns, routers)
    said: list[Any] = []
    seconds: list[float] = []
    for done, prompt in enumerate(bench.data.prompts, 1):
        start = perf_counter()
        said.append(ask(prompt))
        seconds.append(perf_counter() - start)
        if tell is not None:
            tell(done)
    time = _time(seconds)
    kinds = {_kind(answer) for answer in said if answer is not None}
    if kinds == {"scores"} and None not in said:
        return Asked("scores", {"wins": _finite(name, said)}, time)
    if kinds == {"predictions"} and None not in said:
        return Asked("predictions", {"values": [columns.row(answer, at) for at, answer in enumerate(said, 1)]}, time)
    if kinds <= {"choices"}:
        return Asked("choices", {"choices": [columns.find(answer) for answer in said]}, time)
    message = (
        f"strategy `{name}` must return names of models, or a number for every prompt, or a mapping from models to "
        "predicted qualities for every prompt; not several of them or anything else"
    )
    raise ValueError(message)


def _kind(answer: Any) -> str:
    if isinstance(answer, str):
        return "choices"
    if isinstance(answer, Mapping):
        return "predictions"
    # Numbers of other libraries (numpy's, for one) are numbers too; a truth value is no win rate.
    number = hasattr(answer, "__float__") and not isinstance(answer, bool)
    return "scores" if number else type(answer).__name__


def _finite(name: str, said: Sequence[Any]) -> list[float]:
    wins = [float(answer) for answer in said]
    wrong = next((number for number, win in enumerate(wins, 1) if not math.isfinite(win)), None)
    if wrong is not None:
        message = f"strategy `{name}` gave a win rate that is no finite number, for prompt {wrong}"
        raise ValueError(message)
    return wins


def _time(seconds: Sequence[float]) -> dict[str, float]:
    rising = sorted(seconds)
    at = len(rising) - 1
    return {"mean": sum(rising) / len(rising), "p50": rising[at // 2], "p95": rising[round(0.95 * at)]}


# What is asked.


def _question(name: str, strategy: Any, bench: Bench, columns: _Columns, routers: ExitStack) -> Callable[[Any], Any]:
    """Return what answers a prompt; routers that are made for it are closed in the end."""
    if isinstance(strategy, str) and strategy in bench.data.models:
        return lambda _: strategy
    if callable(strategy) and not _ranks(strategy):
        return strategy  # type: ignore[no-any-return]
    if not isinstance(strategy, Router):
        strategy = routers.enter_context(_router(name, strategy, bench))
    for row in strategy.deployments:
        columns.also[row.name] = [f"{row.provider}/{row.model}", row.model]
    return lambda prompt: strategy.route(prompt).chosen


def _ranks(function: Any) -> bool:
    """Tell whether a function is a router's own strategy, `(candidates, signals) -> names`, by what it must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in places and one.default is inspect.Parameter.empty for one in parameters) == 2


def _router(name: str, strategy: Any, bench: Bench) -> Router:
    if isinstance(strategy, Mapping) and "deployments" in strategy:
        return Router(strategy)
    if callable(strategy) or isinstance(strategy, Mapping) or strategy in KINDS:
        return Router({"deployments": _deployments(bench)}, strategy=strategy)
    path = Path(strategy)
    if isinstance(strategy, os.PathLike) or path.suffix.lower() in _FILES:
        with stand_in(path):
            return Router(path)
    near = get_close_matches(strategy, [*BASELINES, *KINDS, *bench.data.models], n=1)
    listed = f"strategies are {_names(KINDS)}; models {_names(bench.data.models)}"
    hint = f"did you mean `{near[0]}`?" if near else listed
    message = f"strategy `{name}`: there is no strategy, model or configuration file `{strategy}`; {hint}"
    raise ValueError(message)


def _deployments(bench: Bench) -> list[dict[str, Any]]:
    """Return a deployment for each model of the data set, at what its calls cost there."""
    return [
        {
            "name": model,
            "model": f"openai-compatible/{model}",
            "base_url": _NOWHERE,
            "api_key": "",
            "price": _per_million(bench, at, model),
        }
        for at, model in enumerate(bench.data.models)
    ]


def _per_million(bench: Bench, at: int, model: str) -> dict[str, float]:
    price = (bench.prices or {}).get(model)
    if isinstance(price, Sequence):
        return {"input": float(price[0]), "output": float(price[1])}
    mean = sum(row[at] for row in bench.costs) / len(bench.costs)
    return {"input": 0.0, "output": mean / _ANSWER_TOKENS * 1e6}


class _Columns:
    """From what a strategy says to a model of the data set."""

    def __init__(self, strategy: str, columns: Sequence[str], given: Mapping[str, str]) -> None:
        self.strategy = strategy
        self.columns = columns
        self.given = given
        # What a deployment is also known as: its model.
        self.also: dict[str, list[str]] = {}
        self._known: dict[str, int] = {}
        unknown = [name for name in given.values() if name not in columns]
        if unknown:
            message = f"`models` names {_names(unknown)}, which the data set does not have; it has {_names(columns)}"
            raise ValueError(message)

    def find(self, said: str | None) -> int | None:
        """Return the place of a model, or None for none."""
        if said is None:
            return None
        if said not in self._known:
            self._known[said] = self.columns.index(self._column(said))
        return self._known[said]

    def row(self, said: Mapping[Any, Any], prompt: int) -> list[float]:
        """Return the predicted quality of every model."""
        values = {self.find(str(name)): float(value) for name, value in said.items()}
        missing = [name for at, name in enumerate(self.columns) if not math.isfinite(values.get(at, math.nan))]
        if missing:
            message = (
                f"strategy `{self.strategy}` predicts no finite quality of {_names(missing)} for prompt {prompt}; "
                "predict every model, or compare fewer with `among=[…]`"
            )
            raise ValueError(message)
        return [values[at] for at in range(len(self.columns))]

    def _nearest(self, names: Sequence[str]) -> str:
        """Return the model of the data set whose name is most like one of these."""

        def likeness(column: str) -> float:
            return max(SequenceMatcher(None, _last(name).lower(), _last(column).lower()).ratio() for name in names)

        return max(self.columns, key=likeness)

    def _column(self, said: str) -> str:
        names = [said, *self.also.get(said, [])]
        for name in names:
            if name in self.given:
                return self.given[name]
        for name in names:
            if name in self.columns:
                return name
        for name in names:
            near = [column for column in self.columns if _last(column) == _last(name)]
            if len(near) == 1:
                return near[0]
        theirs = ", ".join(f"`{name}`" + (f" (`{also[0]}`)" if also else "") for name, also in self._said(said))
        message = (
            f"strategy `{self.strategy}` chose `{said}`, which is no model of the data set. It can choose {theirs}; "
            f"the data set has {_names(self.columns)}. Say which is which: models={{{said!r}: {self._nearest(names)!r}}}, "
            "`--match` on the command line"
        )
        raise ValueError(message)

    def _said(self, said: str) -> Iterable[tuple[str, list[str]]]:
        return self.also.items() if self.also else [(said, [])]


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
