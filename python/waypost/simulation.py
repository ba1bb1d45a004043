"""Simulations: what an outage would do to latency, cost and success, played in virtual time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Column", "Load", "Outage", "Percentiles", "Phase", "Simulation", "simulate"]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of seconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stats:
    """Figures over some calls.

    Attributes:
        calls: How many.
        answered: Those that were answered.
        failed: Those that ended with an error.
        left: Those whose caller left.
        success_rate: The answered among the answered and the failed, 0..1; None if there are none.
        torn: Answers that were given out as whole and were not. There are none unless waypost has a defect.
        requests: Requests that were sent to providers for them.
        hedges: Those among them that were second copies of a slow request.
        hedge_share: Second copies among the requests, 0..1; None if there were none.
        hedges_won: Answers that a second copy gave.
        first_token: Seconds to the first token, of the answered streams.
        latency: Seconds to the whole answer, of the answered.
        until_error: Seconds to the error, of the failed.
        cost_usd: US dollars for the calls whose price is known.
        unpriced: Answers whose price is not known.
    """

    calls: int
    answered: int
    failed: int
    left: int
    success_rate: float | None
    torn: int
    requests: int
    hedges: int
    hedge_share: float | None
    hedges_won: int
    first_token: Percentiles | None
    latency: Percentiles | None
    until_error: Percentiles | None
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase(_Stats):
    """A part of the time: ``all``, and where the scenario has outages ``before``, ``during`` and ``after``.

    Attributes:
        name: Which part.
        start: Seconds from the start of the simulation.
        end: Seconds from the start.
    """

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(_Stats):
    """A step of the time, with the calls that were made in it.

    Attributes:
        start: Seconds from the start of the simulation.
        answered_by: By deployment: calls that it answered.
        sent_to: By deployment: requests that it was sent.
        breaker_open: The deployments whose breaker was not closed at the end.
    """

    start: float
    answered_by: Mapping[str, int]
    sent_to: Mapping[str, int]
    breaker_open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that went wrong.

    Attributes:
        deployments: At whom.
        fault: What, as scenarios spell it.
        share: The share of requests that it befell, 0..1.
        start: Seconds from the start of the simulation.
        end: Seconds from the start.
    """

    deployments: tuple[str, ...]
    fault: str
    share: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Load:
    """What a deployment had to do.

    Attributes:
        name: Which.
        requests: Requests that it was sent.
        faulty: Those that it did not answer, by the scenario's doing.
        answered: Calls that it answered.
        most_at_once: The most requests at once.
        breaker_open: Seconds in which its breaker was not closed.
        cost_usd: US dollars spent on it.
    """

    name: str
    requests: int
    faulty: int
    answered: int
    most_at_once: int
    breaker_open: float
    cost_usd: float


@dataclass(frozen=True)
class Simulation:
    """What a simulation found.

    Attributes:
        scenario: The scenario's name.
        seed: The seed, which gives the same simulation again.
        duration: Seconds that were simulated.
        step: Seconds of a column.
        phases: The parts of the time, ``all`` first.
        baseline: The same without the outages of the scenario; None if it has none.
        errors: How the failed calls failed: kind of error and how many, the most frequent first.
        outages: What went wrong, when.
        deployments: What each deployment had to do, in the order written.
        columns: The run in steps.
    """

    scenario: str
    seed: int
    duration: float
    step: float
    phases: tuple[Phase, ...]
    baseline: tuple[Phase, ...] | None
    errors: Mapping[str, int]
    outages: tuple[Outage, ...]
    deployments: tuple[Load, ...]
    columns: tuple[Column, ...] = field(repr=False)
    _report: Mapping[str, Any] = field(repr=False, compare=False)

    def phase(self, name: str) -> Phase:
        """Return the part of the time of this name.

        Args:
            name: ``"all"``, ``"before"``, ``"during"`` or ``"after"``.

        Raises:
            KeyError: The simulation has no such part.

        Example:
            >>> from waypost import simulate
            >>> simulate(["ollama/llama3.3"], "calm").phase("all").success_rate
            1.0
        """
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise KeyError(name)

    def explain(self) -> str:
        """Say it as a table with sparklines, as ``waypost simulate`` prints it."""
        from ._simulation import explain

        return explain(self)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; one seed gives the same to the last digit."""
        return dict(self._report)

    def to_html(self) -> str:
        """Return it as a page of its own that loads nothing from anywhere, with the picture and the tables."""
        from ._simulation import page

        return page(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file that a browser opens, or the picture alone to one that ends in ``.svg``."""
        from ._simulation import svg

        text = svg(self) if os.fspath(path).lower().endswith(".svg") else self.to_html()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        from ._simulation import fragment

        return fragment(self)


def simulate(
    config: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | None = None,
    scenario: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    outage: str | None = None,
    seed: int = 0,
) -> Simulation:
    """Play a scenario on a configuration in virtual time: what would an outage do to latency, cost and success?

    The router is the one that serves calls, with its limits, breakers, retries and budgets; only time and the providers are made
    up. Nothing is sent, and keys that are not set do not matter. An hour takes about as long as its calls take to compute.

    Args:
        config: As for :class:`Router`: a file, a mapping or a list; None for the environment.
        scenario: A built-in scenario by name (``"outage"``, ``"errors"``, ``"rate_limit"``, ``"slow"``, ``"silence"``,
            ``"cut_streams"``, ``"flapping"``, ``"rush"``, ``"random"``, ``"calm"``), a file, or a mapping of the same structure
            (docs/simulate.md). ``"outage"`` unless given.
        outage: Whom a built-in scenario hits: a provider, a deployment, a glob or ``"tag:NAME"``. Unless given, the provider that
            the default route asks first.
        seed: Another seed is another run of the same scenario; the same seed is the same run.

    Returns:
        The figures before, during and after, by step and by deployment, beside those of the same run without the outages.

    Raises:
        ConfigError: The configuration or the scenario is wrong.

    Example:
        >>> from waypost import simulate
        >>> found = simulate(["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"], outage="openai")
        >>> found.phase("during").success_rate > 0.99
        True
    """
    from ._parts import parts
    from ._waypost import simulate_run

    source, _, functions, _ = parts(config, {})
    played: Any = (
        "outage" if scenario is None else os.fspath(scenario) if isinstance(scenario, os.PathLike) else scenario
    )
    if not isinstance(played, str):
        played = dict(played)
    return _simulation(simulate_run(source, functions, played, outage, seed))


def _simulation(report: dict[str, Any]) -> Simulation:
    names = [row["name"] for row in report["deployments"]]
    return Simulation(
        scenario=report["scenario"],
        seed=report["seed"],
        duration=report["duration"],
        step=report["step"],
        phases=_phases(report["phases"]),
        baseline=None if report["baseline"] is None else _phases(report["baseline"]),
        errors=dict(report["errors"]),
        outages=tuple(
            Outage(tuple(row["deployments"]), row["fault"], row["share"], row["from"], row["to"])
            for row in report["outages"]
        ),
        deployments=tuple(Load(**row) for row in report["deployments"]),
        columns=tuple(_column(row, names) for row in report["columns"]),
        _report=report,
    )


_STATS = tuple(known.name for known in fields(_Stats))


def _stats(row: Mapping[str, Any]) -> dict[str, Any]:
    stats = {name: row[name] for name in _STATS}
    for name in ("first_token", "latency", "until_error"):
        stats[name] = None if stats[name] is None else Percentiles(**stats[name])
    return stats


def _phases(rows: Sequence[Mapping[str, Any]]) -> tuple[Phase, ...]:
    return tuple(Phase(name=row["name"], start=row["from"], end=row["to"], **_stats(row)) for row in rows)


def _column(row: Mapping[str, Any], names: Sequence[str]) -> Column:
    return Column(
        start=row["from"],
        answered_by=dict(zip(names, row["answered_by"], strict=True)),
        sent_to=dict(zip(names, row["sent_to"], strict=True)),
        breaker_open=tuple(name for name, is_open in zip(names, row["breaker_open"], strict=True) if is_open),
        **_stats(row),
    )
