"""What a way of choosing models is worth, measured on prompts that the models have answered already.

Nothing is called: a strategy says for each prompt whom it would have asked, and the data set knows what the answer was
worth. The measures are those of the field (RouteLLM's APGR and CPT, RouterBench's AIQ), computed by the extension.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import _waypost
from .datasets import Dataset, DatasetError, _names, load
from .router import Router

if TYPE_CHECKING:
    import os

    Strategy = Router | Callable[[Any], Any]

__all__ = ["Evaluation", "StrategyResult", "evaluate"]

BASELINES = ("random", "always-weak", "always-strong", "oracle")

# Enough that the ends of an interval of 95 % are each decided by more than ten resamples.
RESAMPLES = 500
# A win rate is a probability: from one half on the strong model is more likely to be worth it.
THRESHOLD = 0.5
# Half of the prompts must remain, or the data set is another one than was given.
LEAST_LEFT = 0.5


@dataclass(frozen=True)
class StrategyResult:
    """One strategy, measured.

    Attributes:
        name: Its name.
        kind: ``choices`` (it names models), ``scores`` (it gives win rates of the strong model), or ``baseline``.
        quality: Mean score as it would run; win rates run at the threshold.
        cost: Mean cost of a prompt as it would run, in the evaluation's ``cost_unit``.
        pgr: Share of the gap between weak and strong that it recovers as it would run.
        apgr: The average of that over all shares of calls to the strong model; None without a curve.
        aiq: Area under its cost–quality hull, over the highest cost of all strategies; None without costs.
        oracle_gap: How much better the oracle is.
        refused: Prompts that nobody would have answered: they score 0 and cost nothing.
        curve: ``strong`` (share of calls), ``quality`` and ``cost`` at RouteLLM's thresholds.
        frontier: Its ways of running by cost and quality.
        by_domain: For each domain ``prompts``, ``quality``, ``cost``, and the quality of ``weak``, ``strong``, ``oracle``.
        confusion: How often the oracle's model (outer) met the chosen one (inner).
        intervals: Ends of 95 % of the resamples, for each measure.
        routing_time: Seconds a prompt: ``mean``, ``p50``, ``p95``; None for baselines.
    """

    name: str
    kind: str
    quality: float
    cost: float | None
    pgr: float | None
    apgr: float | None
    aiq: float | None
    oracle_gap: float
    refused: int
    curve: list[dict[str, float]] = field(repr=False)
    frontier: list[dict[str, float]] = field(repr=False)
    by_domain: dict[str, dict[str, Any]] = field(repr=False)
    confusion: dict[str, dict[str, int]] = field(repr=False)
    intervals: dict[str, tuple[float, float]] = field(repr=False)
    # How long it took is no part of what was found: two runs are equal all the same.
    routing_time: dict[str, float] | None = field(repr=False, compare=False)
    _ends: dict[str, Any] = field(repr=False)

    def cpt(self, share: float) -> float | None:
        """Return the percentage of calls to the strong model that recovers this share of the gap; None without a curve.

        Args:
            share: Between 0 and 1; ``cpt(0.5)`` is RouteLLM's CPT(50 %).

        Returns:
            A percentage, 0 to 100.

        Raises:
            ValueError: The share is not between 0 and 1.
        """
        _check_share("share", share)
        return _waypost.cpt(self.curve, self._ends["weak"], self._ends["strong"], share)

    def cost_saved(self, *, at: float = 0.95) -> float:
        """Return what share of the best single model's cost is saved at a share of its quality.

        The cheapest way of running the strategy counts that reaches the quality. What does not reach it is mixed with the
        best model as far as is needed, so the saving is never below 0.

        Args:
            at: The share of the best single model's mean quality.

        Returns:
            Between 0 and 1: ``0.3`` says that 30 % of the cost are saved.

        Raises:
            ValueError: The data set has no costs, or ``at`` is not between 0 and 1.
        """
        _check_share("at", at)
        saved = _waypost.cost_saved(self.frontier, self._ends["best"], at) if self.cost is not None else None
        if saved is None:
            message = (
                "the data set has no costs, or the best model costs nothing; "
                "give `prices={model: (input, output)}` in US dollars per million tokens"
            )
            raise ValueError(message)
        return saved

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        named = {name: value for name, value in vars(self).items() if name != "_ends"}
        saved = {f"cost_saved{at}": self._saved(at / 100) for at in (95, 99)}
        plain = {**named, "cpt50": self.cpt(0.5), "cpt80": self.cpt(0.8), **saved}
        loaded: dict[str, Any] = json.loads(json.dumps(plain))
        return loaded

    def _saved(self, at: float) -> float | None:
        try:
            return self.cost_saved(at=at)
        except ValueError:
            return None


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What strategies are worth on a data set; its own measures are those of the first strategy.

    Attributes:
        dataset: The data set's name.
        prompts: How many prompts were compared.
        models: Each model alone: ``quality`` and ``cost``.
        strong: The model that win rates are about: the best single one unless given.
        weak: The model it is compared to.
        best: The best single model.
        cost_unit: ``usd``, ``calls`` (two models without costs: 1 for the strong one, 0 for the weak one), or None.
        mixing: What mixing single models at random reaches, by cost and quality.
        strategies: Every strategy by name; the baselines ``random``, ``always-weak``, ``always-strong`` and ``oracle`` last.
        notes: What the reader should know about the comparison.
    """

    dataset: str
    prompts: int
    models: dict[str, dict[str, float | None]]
    strong: str
    weak: str
    best: str
    cost_unit: str | None
    mixing: list[dict[str, float]]
    strategies: dict[str, StrategyResult]
    notes: list[str]

    @property
    def main(self) -> StrategyResult:
        """The first strategy."""
        return next(iter(self.strategies.values()))

    def __getitem__(self, name: str) -> StrategyResult:
        """Return a strategy by its name."""
        return self.strategies[name]

    @property
    def quality(self) -> float:
        """The first strategy's mean quality."""
        return self.main.quality

    @property
    def cost(self) -> float | None:
        """The first strategy's mean cost of a prompt, in ``cost_unit``."""
        return self.main.cost

    @property
    def curve(self) -> list[dict[str, float]]:
        """The first strategy's curve: ``strong`` (share of calls), ``quality``, ``cost``."""
        return self.main.curve

    @property
    def apgr(self) -> float | None:
        """RouteLLM's APGR of the first strategy; None without a curve."""
        return self.main.apgr

    @property
    def aiq(self) -> float | None:
        """RouterBench's AIQ of the first strategy; None without costs."""
        return self.main.aiq

    @property
    def oracle_gap(self) -> float:
        """How much better than the first strategy the oracle is."""
        return self.main.oracle_gap

    @property
    def by_domain(self) -> dict[str, dict[str, Any]]:
        """The first strategy on the prompts of each domain."""
        return self.main.by_domain

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """How often the oracle's model (outer) met the one that the first strategy chose (inner)."""
        return self.main.confusion

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The first strategy's bootstrap intervals of 95 %, for each measure."""
        return self.main.intervals

    @property
    def routing_time(self) -> dict[str, float] | None:
        """Seconds a prompt that the first strategy took to choose: ``mean``, ``p50``, ``p95``."""
        return self.main.routing_time

    def cpt(self, share: float) -> float | None:
        """Return RouteLLM's CPT of the first strategy, as :meth:`StrategyResult.cpt` does."""
        return self.main.cpt(share)

    def cost_saved(self, *, at: float = 0.95) -> float:
        """Return the first strategy's saving, as :meth:`StrategyResult.cost_saved` does.

        Example:
            ``assert evaluation.cost_saved(at=0.95) > 0.3``
        """
        return self.main.cost_saved(at=at)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        own = {name: value for name, value in vars(self).items() if name != "strategies"}
        return {**own, "strategies": {name: result.to_dict() for name, result in self.strategies.items()}}

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame: a row a strategy, a column a measure, with the ends of its interval beside it.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            message = "to_dataframe() needs pandas: pip install pandas; to_dict() has the same as plain data"
            raise ImportError(message) from None
        rows = [_flat(result) for result in self.strategies.values()]
        return pd.DataFrame(rows).set_index("strategy")

    def plot(self, ax: Any = None) -> Any:
        """Draw quality against cost: every strategy, every baseline, every model.

        Args:
            ax: Axes of matplotlib to draw on.

        Returns:
            Axes where matplotlib is installed, else a drawing with ``svg`` that a notebook shows.
        """
        from . import _chart

        return _chart.plot(self, ax)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write a page with the chart, the table, the domains and the notes. It loads nothing from anywhere.

        Args:
            path: Where; what is there is replaced.
        """
        from . import _report

        with open(path, "w", encoding="utf-8") as file:
            file.write(_report.page(self))

    def __repr__(self) -> str:
        first = self.main
        return f"Evaluation({self.dataset!r}, {self.prompts} prompts, {first.name}: quality {first.quality:.3f})"

    def _repr_html_(self) -> str:
        from . import _report

        return _report.fragment(self)


def evaluate(
    strategies: Strategy | Mapping[str, Strategy],
    dataset: Any,
    *,
    models: Mapping[str, str] | None = None,
    among: Iterable[str] | None = None,
    strong: str | None = None,
    weak: str | None = None,
    prices: Mapping[str, float | Sequence[float]] | None = None,
    threshold: float = THRESHOLD,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Measure what ways of choosing models would have been worth. Calls no model.

    Args:
        strategies: A :class:`Router`; a function from a prompt to the name of a model, to None (refused), or to a number,
            how likely the strong model is to be worth it; or a mapping from names to such.
        dataset: What :func:`waypost.datasets.load` reads, or gives.
        models: From a deployment, or what a function returns, to the data set's name of the model, where they differ.
        among: The models of the data set to compare; all unless given.
        strong: The model that win rates are about; the best single one unless given.
        weak: The model it is compared to; unless given the cheapest other one, without costs the worst.
        prices: For each model US dollars per million tokens of question and answer, or a number: US dollars a call.
        threshold: The win rate from which on the strong model is asked.
        resamples: How often the prompts are drawn anew for the intervals; 0 for none.
        seed: The seed of these draws.

    Returns:
        The evaluation; the first strategy's measures are its own.

    Raises:
        DatasetError: The data set cannot be read, or does not have what is asked for.
        ValueError: A strategy chose a model that the data set does not have, or an argument is out of range.

    Example:
        >>> import waypost
        >>> rows = [{"prompt": p, "scores": {"small": s, "large": 1}} for p, s in [("2+2?", 1), ("Prove it.", 0)]]
        >>> found = waypost.evaluate(lambda prompt: "large" if "Prove" in prompt else "small", rows)
        >>> found.quality, found.cost_saved(at=0.95)
        (1.0, 0.5)
    """
    named = _named(strategies)
    if resamples < 0 or not math.isfinite(threshold):
        message = "`resamples` must be 0 or more, and `threshold` a finite number"
        raise ValueError(message)
    data, notes = _usable(load(dataset), among)
    costs, unit = _costs(data, prices, notes)
    pair = _pair(data, costs, strong, weak)
    if unit is None and len(data.models) == 2:
        unit = "calls"
        costs = [[float(name == pair[0]) for name in data.models] for _ in data.prompts]
        notes.append("the data set has no costs: a call of the strong model counts as 1, of the weak one as 0")
    asked = {name: _asked(name, strategy, data, models or {}) for name, strategy in named.items()}
    domains = list(dict.fromkeys(data.domains))
    at = {name: data.models.index(name) for name in pair}
    baselines: list[Any] = ["random", {"choices": [at[pair[1]]] * len(data)}, {"choices": [at[pair[0]]] * len(data)}]
    found = _waypost.study(
        {
            "scores": data.scores,
            "costs": costs,
            "domains": [domains.index(domain) for domain in data.domains],
            "plans": [choice.plan for choice in asked.values()] + [*baselines, "oracle"],
            "strong": at[pair[0]],
            "weak": at[pair[1]],
            "threshold": threshold,
            "resamples": resamples,
            "seed": seed,
        }
    )
    results = zip([*asked, *BASELINES], found["strategies"], strict=True)
    ends = {name: found["models"][at[pair[number]]]["quality"] for number, name in enumerate(("strong", "weak"))}
    ends["best"] = found["models"][found["best"]]
    context = _Context(data.models, domains, unit, ends)
    return Evaluation(
        dataset=data.name,
        prompts=len(data),
        models={
            name: {"quality": point["quality"], "cost": point["cost"] if unit else None}
            for name, point in zip(data.models, found["models"], strict=True)
        },
        strong=pair[0],
        weak=pair[1],
        best=data.models[found["best"]],
        cost_unit=unit,
        mixing=found["mixing"] if unit else [],
        strategies={name: context.result(name, row, asked.get(name)) for name, row in results},
        notes=notes,
    )


# What was asked.


@dataclass(frozen=True)
class _Asked:
    """What a strategy said, and how long it took."""

    kind: str
    plan: dict[str, list[Any]]
    time: dict[str, float]


def _named(strategies: Any) -> dict[str, Any]:
    if isinstance(strategies, Router):
        return {"router": strategies}
    if callable(strategies):
        return {"strategy": strategies}
    if not isinstance(strategies, Mapping) or not strategies:
        message = "give a Router, a function, or a mapping from names to Routers and functions"
        raise TypeError(message)
    for name, strategy in strategies.items():
        if name in BASELINES:
            message = f"`{name}` is the name of a baseline; choose another"
            raise ValueError(message)
        if not isinstance(strategy, Router) and not callable(strategy):
            message = f"strategy `{name}` must be a Router or a function, not {type(strategy).__name__}"
            raise TypeError(message)
    return {str(name): strategy for name, strategy in strategies.items()}


def _asked(name: str, strategy: Any, data: Dataset, models: Mapping[str, str]) -> _Asked:
    columns = _Columns(name, data.models, models)
    ask = _router_asked(strategy, columns) if isinstance(strategy, Router) else strategy
    said: list[Any] = []
    seconds: list[float] = []
    for prompt in data.prompts:
        start = perf_counter()
        said.append(ask(prompt))
        seconds.append(perf_counter() - start)
    kinds = {_kind(answer) for answer in said if answer is not None}
    if kinds == {"scores"} and None not in said:
        wins = [float(answer) for answer in said]
        wrong = next((number for number, win in enumerate(wins, 1) if not math.isfinite(win)), None)
        if wrong is not None:
            message = f"strategy `{name}` gave a win rate that is no finite number, for prompt {wrong}"
            raise ValueError(message)
        return _Asked("scores", {"wins": wins}, _time(seconds))
    if kinds <= {"choices"}:
        return _Asked("choices", {"choices": [columns.find(answer) for answer in said]}, _time(seconds))
    message = f"strategy `{name}` must return names of models, or a number for every prompt, not both or anything else"
    raise ValueError(message)


def _kind(answer: Any) -> str:
    if isinstance(answer, str):
        return "choices"
    # Numbers of other libraries (numpy's, for one) are numbers too; a truth value is no win rate.
    number = hasattr(answer, "__float__") and not isinstance(answer, bool)
    return "scores" if number else type(answer).__name__


def _router_asked(router: Router, columns: _Columns) -> Callable[[Any], str | None]:
    for row in router.deployments:
        columns.also[row.name] = [f"{row.provider}/{row.model}", row.model]

    def ask(prompt: Any) -> str | None:
        return router.route(prompt).chosen

    return ask


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
        if said is None:
            return None
        if said not in self._known:
            self._known[said] = self.columns.index(self._column(said))
        return self._known[said]

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


def _time(seconds: Sequence[float]) -> dict[str, float]:
    rising = sorted(seconds)
    at = len(rising) - 1
    return {"mean": sum(rising) / len(rising), "p50": rising[at // 2], "p95": rising[round(0.95 * at)]}


# The data.


def _usable(data: Dataset, among: Iterable[str] | None) -> tuple[Dataset, list[str]]:
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


def _costs(
    data: Dataset, prices: Mapping[str, float | Sequence[float]] | None, notes: list[str]
) -> tuple[list[list[float]], str | None]:
    if prices is not None:
        return _priced(data, prices), "usd"
    lacking = [name for at, name in enumerate(data.models) if any(row[at] is None for row in data.costs)]
    if not lacking:
        return [[cost or 0.0 for cost in row] for row in data.costs], "usd"
    if len(data.models) > 2:
        notes.append("the data set has no costs, so nothing is said about cost: give `prices`")
    return [[0.0] * len(data.models) for _ in data.prompts], None


def _priced(data: Dataset, prices: Mapping[str, float | Sequence[float]]) -> list[list[float]]:
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


def _pair(data: Dataset, costs: list[list[float]], strong: str | None, weak: str | None) -> tuple[str, str]:
    """Return the strong and the weak model."""
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


# What was found.


@dataclass(frozen=True)
class _Context:
    """The names behind the extension's numbers."""

    models: Sequence[str]
    domains: Sequence[str]
    unit: str | None
    ends: dict[str, Any]

    def result(self, name: str, row: Mapping[str, Any], asked: _Asked | None) -> StrategyResult:
        measures = row["measures"]
        confusion: dict[str, dict[str, int]] = {}
        for oracle, chosen, count in row["confusion"]:
            confusion.setdefault(self.models[int(oracle)], {})[self.models[int(chosen)]] = count
        paid = {"cost", "aiq", "cost_saved95", "cost_saved99"}
        return StrategyResult(
            name=name,
            kind=asked.kind if asked else "baseline",
            quality=measures["quality"],
            cost=measures["cost"] if self.unit else None,
            pgr=measures["pgr"],
            apgr=measures["apgr"],
            aiq=measures["aiq"] if self.unit else None,
            oracle_gap=measures["oracle_gap"],
            refused=row["refused"],
            curve=row["curve"],
            frontier=row["frontier"],
            by_domain={self.domains[int(part["domain"])]: self._domain(part) for part in row["domains"]},
            confusion=confusion,
            intervals={of: (low, high) for of, low, high in row["intervals"] if self.unit or of not in paid},
            routing_time=asked.time if asked else None,
            _ends=self.ends,
        )

    def _domain(self, part: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in part.items() if name != "domain"}
        return kept if self.unit else {**kept, "cost": None}


def _flat(result: StrategyResult) -> dict[str, Any]:
    """Return the measures of a strategy in one row."""
    plain = result.to_dict()
    names = ("quality", "cost", "pgr", "apgr", "cpt50", "cpt80", "aiq", "cost_saved95", "cost_saved99", "oracle_gap")
    row: dict[str, Any] = {"strategy": result.name, "kind": result.kind}
    for name in names:
        row[name] = plain[name]
        row[f"{name}_low"], row[f"{name}_high"] = result.intervals.get(name, (None, None))
    row["refused"] = result.refused
    row["routing_time_p50"] = result.routing_time["p50"] if result.routing_time else None
    return row


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        message = f"`{name}` must be between 0 and 1"
        raise ValueError(message)
