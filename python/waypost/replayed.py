"""A decision log under another configuration: which calls change, what that costs, and how much is known of it.

The extension decides each logged call again, with the signals, the moment and the draw that the log has. Here the calls
become totals, tables and a picture; estimates of scores come from the chances with which the log's choices were drawn.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from . import _waypost
from ._parts import parts
from ._progress import progress_bar

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Replay", "ReplayedCall", "replay"]

# Groups of changes that a text or a page lists; `to_dataframe()` has every call.
SHOWN = 12
MEASURES = ("score", "success", "cost", "latency")
UNITS = {"score": "", "success": "", "cost": " USD", "latency": " s"}


@dataclass(frozen=True)
class ReplayedCall:
    """One logged call, decided again.

    Attributes:
        id: The identity of the call.
        time: When it began, in UTC.
        at: The same in seconds since 1970.
        route: The route that was taken.
        route_to: The route that would be.
        served: Who served in the end.
        outcome: ``ok``, ``error``, ``refused`` or ``cancelled``, as logged.
        changed: Whether another deployment would be tried first.
        why: Why, in words; None where nothing changes.
        cost_from: US dollars, as logged.
        cost_to: What the same tokens would cost.
        latency_from: Seconds, as logged.
        latency_to: The mean seconds of whoever would be tried first, over the whole log.
        success_from: The share of attempts that answered, of whoever was tried first, over the whole log.
        success_to: The same of whoever would be.
        quality_from: Predicted quality, as logged.
        quality_to: Predicted quality of whoever would be tried first.
        score: The last score that somebody gave the call.
        propensity: The chance with which the choice was made.
        lacking: Signals that rules ask for and the log lacks. Then nothing else is said of the call.
        assumed: Deployments of whose state at that moment the log knows nothing: they count as free.
    """

    id: str
    time: str
    at: float
    route: str
    route_to: str | None
    served: str | None
    outcome: str
    changed: bool
    why: str | None
    cost_from: float | None
    cost_to: float | None
    latency_from: float | None
    latency_to: float | None
    success_from: float | None
    success_to: float | None
    quality_from: float | None
    quality_to: float | None
    score: float | None
    propensity: float | None
    lacking: list[str]
    assumed: list[str]
    _planned: tuple[str | None, str | None] = (None, None)
    _logged: list[tuple[str, float]] = field(default_factory=list, repr=False)
    _chances: list[tuple[str, float]] | None = field(default=None, repr=False)

    @property
    def from_(self) -> str | None:
        """Who was to be tried first; None if the call was refused."""
        return self._planned[0]

    @property
    def to(self) -> str | None:
        """Who would be tried first; None if the call would be refused."""
        return self._planned[1]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, ``from`` and ``to`` among it."""
        plain = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        return plain | {"from": self.from_, "to": self.to}


@dataclass(frozen=True)
class Total:
    """A sum over the calls of which both sides are known.

    Attributes:
        logged: As it was.
        replayed: As it would be.
        difference: The second less the first.
        calls: Calls of which both are known.
        unknown: Calls of which one is not: they are in neither.
    """

    logged: float
    replayed: float
    difference: float
    calls: int
    unknown: int


@dataclass(frozen=True)
class Replay:
    """A log under another configuration.

    Attributes:
        calls: Every logged call, in the order in which they were made.
        estimates: For ``score``, ``success``, ``cost`` and ``latency``, where the log has them: what a call would have been
            worth, estimated from the chances of the log's choices: ``ips``, ``snips`` and ``dr`` with the ends of 95 %
            (``value``, ``low``, ``high``), ``logged``, ``trials``, ``effective``, ``largest`` and ``coverage``.
        log: The log that was read.
    """

    calls: list[ReplayedCall]
    estimates: dict[str, dict[str, Any]]
    log: str

    @property
    def replayed(self) -> list[ReplayedCall]:
        """The calls that could be decided again."""
        return [call for call in self.calls if not call.lacking]

    @property
    def changed(self) -> list[ReplayedCall]:
        """The calls for which another deployment would be tried first, or none."""
        return [call for call in self.calls if call.changed]

    @property
    def lacking(self) -> dict[str, int]:
        """Signals that rules ask for and the log lacks, each with the calls that could not be decided for it."""
        return dict(Counter(name for call in self.calls for name in call.lacking).most_common())

    @property
    def cost(self) -> Total:
        """US dollars of all calls that could be decided again."""
        return self._total("cost")

    @property
    def latency(self) -> Total:
        """Seconds of all calls: as logged, and where the choice changes the mean of the other deployment."""
        return self._total("latency")

    @property
    def success(self) -> Total:
        """Calls expected to be answered by whoever is tried first, by the share of attempts that answered."""
        return self._total("success")

    @property
    def quality(self) -> Total:
        """The sum of predicted qualities, where both configurations predict them."""
        return self._total("quality")

    def _total(self, name: str) -> Total:
        pairs = [(getattr(call, f"{name}_from"), getattr(call, f"{name}_to")) for call in self.replayed]
        known = [(before, after) for before, after in pairs if before is not None and after is not None]
        logged, replayed = sum(before for before, _ in known), sum(after for _, after in known)
        return Total(logged, replayed, replayed - logged, len(known), len(pairs) - len(known))

    def flows(self) -> dict[tuple[str | None, str | None], int]:
        """Return how many calls go from whom to whom; None stands for a refusal."""
        return dict(Counter((call.from_, call.to) for call in self.replayed).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "log": self.log,
            "calls": len(self.calls),
            "replayed": len(self.replayed),
            "changed": len(self.changed),
            "lacking": self.lacking,
            **{name: asdict(getattr(self, name)) for name in ("cost", "latency", "success", "quality")},
            "estimates": self.estimates,
            "changes": [call.to_dict() for call in self.changed],
        }

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with a row for each logged call.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            message = "to_dataframe() needs pandas: pip install pandas; to_dict() has the same as plain data"
            raise ImportError(message) from None
        columns = [name for name in ReplayedCall.__dataclass_fields__ if not name.startswith("_")]
        order = [*columns[:4], "from", "to", *columns[4:]]
        return pd.DataFrame([call.to_dict() for call in self.calls], columns=order).set_index("id")

    def explain(self) -> str:
        """Say it in a table: what changes, the totals, the estimates."""
        from ._replay import text

        return text(self)

    def plot(self) -> Any:
        """Draw whose calls go where, as SVG that a notebook shows and ``save`` writes to a file."""
        from ._chart import Chart
        from ._replay import picture

        return Chart(picture(self))

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write a page with the picture and the tables. It loads nothing from anywhere.

        Args:
            path: Where; what is there is replaced.
        """
        from ._replay import page

        with open(path, "w", encoding="utf-8") as file:
            file.write(page(self))

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return f"Replay({len(self.calls)} calls, {len(self.changed)} changed)"

    def _repr_html_(self) -> str:
        from ._replay import fragment

        return fragment(self)


def replay(
    log: str | os.PathLike[str],
    config: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
    *,
    strategy: Any = None,
    since: str | None = None,
    until: str | None = None,
    progress: bool = False,
) -> Replay:
    """Say what another configuration would have decided on the calls of a decision log.

    Every call is decided again by the code that decides live ones, from what the log holds: signals, needs, how busy and how
    fast everyone was, the draw of chance. Nothing is sent, keys that are not set do not matter, and the result is the same
    each time. A call for which a rule asks what the log lacks (its text, or ``metadata`` that was not kept) is counted and
    named, never guessed.

    Args:
        log: The file that ``[telemetry] log`` names.
        config: As for :class:`Router`: a file, a mapping or a list.
        strategy: The strategy of the route ``auto``, as for :class:`Router`.
        since: A date or a time in UTC, ISO 8601: only calls from then on.
        until: The same; only calls before then.
        progress: Show a bar (needs tqdm).

    Returns:
        The calls, totals and estimates.

    Raises:
        ConfigError: The configuration is wrong.
        OSError: There is no such file, or it is no log.
        ValueError: A date cannot be read.

    Example:
        >>> from waypost import Router, replay
        >>> from waypost.testing import FakeFleet
        >>> import os, tempfile
        >>> fleet, folder = FakeFleet("openai", "anthropic"), tempfile.mkdtemp()
        >>> log = os.path.join(folder, "waypost.db")
        >>> with Router(fleet.config(telemetry={"log": log})) as router:
        ...     replies = [router.chat("Hello") for _ in range(3)]
        >>> found = replay(log, fleet.config(routes={"auto": {"candidates": ["anthropic"]}}))
        >>> found.flows()
        {('openai', 'anthropic'): 3}
        >>> fleet.close()
    """
    extra = {} if strategy is None else {"strategy": strategy}
    source, options, functions = parts(config, extra)
    first, last = _seconds(since), _seconds(until)
    with progress_bar(0, wanted=progress) as bar:
        rows = _waypost.replay(log, source, options, functions, first, last, bar)
    calls = [_call(row) for row in rows]
    return Replay(calls, _estimates(calls), str(log))


def _seconds(date: str | None) -> float | None:
    if date is None:
        return None
    moment = datetime.fromisoformat(date.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _call(row: Mapping[str, Any]) -> ReplayedCall:
    known = {name: row[name] for name in ReplayedCall.__dataclass_fields__ if not name.startswith("_")}
    return ReplayedCall(
        **known, _planned=(row["from"], row["to"]), _logged=list(row["logged"]), _chances=row["chances"]
    )


def _estimates(calls: Iterable[ReplayedCall]) -> dict[str, dict[str, Any]]:
    """Estimate each measure of which the log has outcomes."""
    drawn = [call for call in calls if call.propensity and call._chances is not None and not call.lacking]
    ended = [call for call in drawn if call.outcome in ("ok", "error")]
    rewards: dict[str, Callable[[ReplayedCall], float | None]] = {
        # A call that would be refused has no answer to score or to wait for.
        "score": lambda call: call.score if call.to else None,
        "success": lambda call: float(call.outcome == "ok"),
        "cost": lambda call: call.cost_from,
        "latency": lambda call: call.latency_from if call.to else None,
    }
    found = {}
    for name, reward in rewards.items():
        trials = [_trial(call, value) for call in ended if (value := reward(call)) is not None]
        estimate = _waypost.off_policy(trials)
        if estimate is not None:
            found[name] = estimate
    return found


def _trial(call: ReplayedCall, reward: float) -> dict[str, Any]:
    return {
        "reward": reward,
        "action": call.from_,
        "propensity": call.propensity,
        "target": call._chances,
        "logged": call._logged,
    }
