"""What a way of choosing models is worth, measured on prompts that the models have answered already.

Nothing is called: a strategy says for each prompt whom it would have asked, and the data set knows what the answer was
worth. The measures are those of the field (RouteLLM's APGR and CPT, RouterBench's AIQ), computed by the extension.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _waypost
from ._asked import BASELINES, Bench, ask_all, named
from ._figure import Figure
from ._scored import costs_of, pair_of, usable
from .datasets import load

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ._asked import Asked
    from .datasets import Dataset
    from .router import Router

    Strategy = Router | str | os.PathLike[str] | Mapping[str, Any] | Callable[..., Any]

__all__ = ["Evaluation", "StrategyResult", "evaluate"]

# Enough that the ends of an interval of 95 % are each decided by more than ten resamples.
RESAMPLES = 500
# A win rate is a probability: from one half on the strong model is more likely to be worth it.
THRESHOLD = 0.5
_NO_COSTS = (
    "the data set has no costs, or the best model costs nothing; "
    "give `prices={model: (input, output)}` in US dollars per million tokens"
)


@dataclass(frozen=True)
class StrategyResult:
    """One strategy, measured.

    Attributes:
        name: Its name.
        kind: ``choices`` (it names models), ``scores`` (it gives win rates of the strong model), ``predictions`` (it gives
            the quality of every model), or ``baseline``.
        quality: Mean score as it would run: win rates at the threshold, predictions with the best predicted model.
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
        found = _waypost.cpt(self.curve, self._ends["weak"], self._ends["strong"], share)
        return None if found is None else Figure(found, lambda: [self._told("cpt", found, share)])

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
            raise ValueError(_NO_COSTS)
        return Figure(saved, lambda: [self._told("cost_saved", saved, at)])

    def _told(self, measure: str, value: float, at: float | None = None) -> str:
        """Say in a sentence what a figure is."""
        names, between = self._ends["names"], self.intervals.get(f"{measure}{'' if at is None else round(at * 100)}")
        part = 100.0 if measure == "cost_saved" else 1.0
        form = {"cost_saved": ".1f", "cpt": ".1f", "cost": ".4g"}.get(measure, ".3f")
        near = f" (95 % of resamples: {between[0] * part:{form}} to {between[1] * part:{form}})" if between else ""
        share = "" if at is None else f"{at * 100:g} %"
        words = {
            "cost_saved": f"of the cost of `{names['best']}`, the best single model, saved at {share} of its quality",
            "cpt": f"of the calls go to `{names['strong']}` to recover {share} of the gap to `{names['weak']}`",
        }
        unit = " %" if at is not None else ""
        return f"`{self.name}`: {value * part:{form}}{unit}{near} {words.get(measure, measure)}"

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
        return self._figure("quality", self.main.quality)

    @property
    def cost(self) -> float | None:
        """The first strategy's mean cost of a prompt, in ``cost_unit``."""
        return None if self.main.cost is None else self._figure("cost", self.main.cost)

    @property
    def curve(self) -> list[dict[str, float]]:
        """The first strategy's curve: ``strong`` (share of calls), ``quality``, ``cost``."""
        return self.main.curve

    @property
    def apgr(self) -> float | None:
        """RouteLLM's APGR of the first strategy; None without a curve."""
        return None if self.main.apgr is None else self._figure("apgr", self.main.apgr)

    @property
    def aiq(self) -> float | None:
        """RouterBench's AIQ of the first strategy; None without costs."""
        return None if self.main.aiq is None else self._figure("aiq", self.main.aiq)

    @property
    def oracle_gap(self) -> float:
        """How much better than the first strategy the oracle is."""
        return self._figure("oracle_gap", self.main.oracle_gap)

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
        found = self.main.cpt(share)
        return None if found is None else self._figure("cpt", found, share)

    def cost_saved(self, *, at: float = 0.95) -> float:
        """Return the first strategy's saving, as :meth:`StrategyResult.cost_saved` does.

        Example:
            ``assert evaluation.cost_saved(at=0.95) > 0.3``
        """
        return self._figure("cost_saved", self.main.cost_saved(at=at), at)

    def mixing_saved(self, *, at: float = 0.95) -> float:
        """Return what drawing between single models at random saves: whatever saves less has learned nothing.

        Args:
            at: The share of the best single model's mean quality.

        Returns:
            Between 0 and 1, as :meth:`cost_saved` says it.

        Raises:
            ValueError: The data set has no costs, or ``at`` is not between 0 and 1.
        """
        _check_share("at", at)
        saved = _waypost.cost_saved(self.mixing, self.main._ends["best"], at) if self.mixing else None
        if saved is None:
            raise ValueError(_NO_COSTS)
        return saved

    def _figure(self, measure: str, value: float, at: float | None = None) -> Figure:
        """Return a number that says what it was measured on, and what the other strategies come to."""

        def tell() -> list[str]:
            from ._report import figures

            return [
                self.main._told(measure, float(value), at),
                f"on {self.dataset}, {self.prompts} prompts:",
                *figures(self),
            ]

        return Figure(value, tell)

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
    strategies: Strategy | Sequence[Strategy],
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
    progress: bool = False,
) -> Evaluation:
    """Measure what ways of choosing models would have been worth. Calls no model.

    Args:
        strategies: A strategy, a list of them, or a mapping from names to them. A strategy is a :class:`Router`; a
            configuration or the path of its file (keys that are not set are not needed); the name of a built-in strategy
            (``"cheapest"``), or one with options (``{"kind": "balanced", "cost": 1.0}``), or a function
            ``(candidates, signals) -> names``, over the models of the data set; the name of a model, which then answers
            everything; or a function from a prompt to the name of a model, to None (refused), to a number, how likely the
            strong model is to be worth it, or to a mapping from every model to its predicted quality.
        dataset: What :func:`waypost.datasets.load` reads, or gives.
        models: From a deployment, or what a function returns, to the data set's name of the model, where they differ.
        among: The models of the data set to compare; all unless given.
        strong: The model that win rates are about; the best single one unless given.
        weak: The model it is compared to; unless given the cheapest other one, without costs the worst.
        prices: For each model US dollars per million tokens of question and answer, or a number: US dollars a call.
        threshold: The win rate from which on the strong model is asked.
        resamples: How often the prompts are drawn anew for the intervals; 0 for none.
        seed: The seed of these draws.
        progress: Whether to show a progress bar (needs tqdm: ``pip install waypost[notebook]``).

    Returns:
        The evaluation; the first strategy's measures are its own.

    Raises:
        DatasetError: The data set cannot be read, or does not have what is asked for.
        ConfigError: A configuration is wrong.
        ValueError: A strategy chose a model that the data set does not have, or an argument is out of range.

    Example:
        >>> import waypost
        >>> rows = [{"prompt": p, "scores": {"small": s, "large": 1}} for p, s in [("2+2?", 1), ("Prove it.", 0)]]
        >>> found = waypost.evaluate(lambda prompt: "large" if "Prove" in prompt else "small", rows)
        >>> found.quality, found.cost_saved(at=0.95)
        (1.0, 0.5)
    """
    given = named(strategies)
    if resamples < 0 or not math.isfinite(threshold):
        message = "`resamples` must be 0 or more, and `threshold` a finite number"
        raise ValueError(message)
    data, notes = usable(load(dataset), among)
    costs, unit = costs_of(data, prices, notes)
    pair = pair_of(data, costs, strong, weak)
    if unit is None and len(data.models) == 2:
        unit = "calls"
        costs = [[float(name == pair[0]) for name in data.models] for _ in data.prompts]
        notes.append("the data set has no costs: a call of the strong model counts as 1, of the weak one as 0")
    asked = ask_all(given, Bench(data, costs, prices, models or {}), progress=progress)
    domains = list(dict.fromkeys(data.domains))
    at = {name: data.models.index(name) for name in pair}
    names = [*given, *(name for name in BASELINES if name not in given)]
    found = _waypost.study(
        {
            "scores": data.scores,
            "costs": costs,
            "domains": [domains.index(domain) for domain in data.domains],
            "plans": [asked[name].plan if name in asked else _baseline(name, pair, data) for name in names],
            "strong": at[pair[0]],
            "weak": at[pair[1]],
            "threshold": threshold,
            "resamples": resamples,
            "seed": seed,
        }
    )
    best = data.models[found["best"]]
    ends: dict[str, Any] = {
        "strong": found["models"][at[pair[0]]]["quality"],
        "weak": found["models"][at[pair[1]]]["quality"],
        "best": found["models"][found["best"]],
        "names": {"strong": pair[0], "weak": pair[1], "best": best},
        "unit": unit,
    }
    context = _Context(data.models, domains, unit, ends)
    rows = zip(names, found["strategies"], strict=True)
    return Evaluation(
        dataset=data.name,
        prompts=len(data),
        models={
            name: {"quality": point["quality"], "cost": point["cost"] if unit else None}
            for name, point in zip(data.models, found["models"], strict=True)
        },
        strong=pair[0],
        weak=pair[1],
        best=best,
        cost_unit=unit,
        mixing=found["mixing"] if unit else [],
        strategies={name: context.result(name, row, asked.get(name)) for name, row in rows},
        notes=notes,
    )


def _baseline(name: str, pair: tuple[str, str], data: Dataset) -> Any:
    """Return what is compared to, as the extension takes it."""
    always = {"always-strong": pair[0], "always-weak": pair[1]}
    return {"choices": [data.models.index(always[name])] * len(data)} if name in always else name


# What was found.


@dataclass(frozen=True)
class _Context:
    """The names behind the extension's numbers."""

    models: Sequence[str]
    domains: Sequence[str]
    unit: str | None
    ends: dict[str, Any]

    def result(self, name: str, row: Mapping[str, Any], asked: Asked | None) -> StrategyResult:
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
