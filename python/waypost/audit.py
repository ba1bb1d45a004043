"""The decision log, read: whether it is as it was written, and what reached whom.

`[telemetry] log = "waypost.db"` makes a router write every call that ends into an SQLite file. Any SQLite client reads
it; this module has the two questions that an audit asks. In a process whose router writes the file, read it with
:func:`query` and not with Python's ``sqlite3``: two SQLite libraries in one process undo each other's locks.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from waypost import Router, audit
    >>> from waypost.testing import FakeProvider
    >>> path = Path(tempfile.mkdtemp()) / "waypost.db"
    >>> with FakeProvider() as fake:
    ...     deployment = {**fake.deployment(), "region": "us-east-1"}
    ...     with Router({"deployments": {"a": deployment}, "telemetry": {"log": str(path)}}) as router:
    ...         reply = router.chat("My patient was diagnosed with diabetes mellitus type 2.")
    >>> audit.verify(path).intact
    True
    >>> [row["deployment"] for row in audit.reached(path, health=True, region="us")]
    ['a']
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _waypost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Path = str | os.PathLike[str]

__all__ = ["Fault", "Verdict", "query", "reached", "verify"]


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong with a log."""

    kind: str
    """``"changed"``, ``"missing"``, ``"added"``, ``"view"``, ``"head"`` or ``"file"``."""
    message: str
    """In words."""
    seq: int | None = None
    """The number of the row; None for what concerns the whole file."""


@dataclass(frozen=True)
class Verdict:
    """What a verification found."""

    rows: int
    """Rows in the chain."""
    head: str
    """The hash of the last one. Keep it elsewhere: it shows later that the chain was not written anew."""
    dropped: int
    """Rows that could not be written, as marks in the chain say."""
    pruned: int
    """The number of the last row that was removed for its age; 0 if none was."""
    fault: Fault | None = None
    """The first thing that is wrong; None for an intact log."""

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, added or taken away."""
        return self.fault is None

    def __bool__(self) -> bool:
        return self.intact


def verify(path: Path, *, head: str | None = None) -> Verdict:
    """Verify the hash chain of a log.

    Args:
        path: The log.
        head: The ``head`` of an earlier verification, which must still be in the chain.

    Returns:
        The verdict; it is true if the log is intact.

    Raises:
        OSError: There is no such file, or it is no decision log.

    Example:
        >>> verify("waypost.db")  # doctest: +SKIP
        Verdict(rows=1204, head='9f2c…', dropped=0, pruned=0, fault=None)
    """
    found = _waypost.verify_log(os.fspath(path), head)
    fault = found.pop("fault")
    return Verdict(**found, fault=Fault(**fault) if fault else None)


def query(path: Path, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
    """Ask a log in SQL; nothing can be written.

    Args:
        path: The log.
        sql: A query over ``reached``, ``decisions``, ``attempts``, ``feedback``, ``gaps``.
        parameters: Values for its ``?`` or ``:name``.

    Returns:
        The rows as mappings.

    Raises:
        OSError: There is no such file.
        ValueError: The query is wrong.

    Example:
        >>> query("waypost.db", "SELECT outcome, count(*) AS calls FROM decisions GROUP BY 1")  # doctest: +SKIP
        [{'outcome': 'ok', 'calls': 1204}]
    """
    return _waypost.query_log(os.fspath(path), sql, parameters)


def reached(
    path: Path,
    *,
    personal: bool | None = None,
    secrets: bool | None = None,
    health: bool | None = None,
    region: str | None = None,
    provider: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> list[dict[str, Any]]:
    """Say which requests reached which deployments: an attempt a row, if the request may have left this machine.

    Args:
        path: The log.
        personal: Only requests with personal data, or only those without.
        secrets: The same of secrets.
        health: The same of health data.
        region: Only deployments whose region begins so: ``"us"`` finds ``us-east-1``.
        provider: Only this provider's.
        since: A date or a time in UTC, ISO 8601: ``"2026-07-01"``.
        until: The same; calls that began before it.

    Returns:
        Rows of the view ``reached``, oldest first.

    Raises:
        OSError: There is no such file.

    Example:
        >>> reached("waypost.db", health=True, region="us", since="2026-07-01")  # doctest: +SKIP
        []
    """
    conditions: list[str] = []
    values: list[Any] = []
    for name, wanted in (("personal", personal), ("secrets", secrets), ("health", health)):
        if wanted is not None:
            # What was not looked through counts as what is asked for.
            conditions.append(f"coalesce({name}, ?) = ?")
            values += [int(wanted), int(wanted)]
    for condition, value in (
        ("lower(substr(region, 1, length(?1))) = lower(?1)", region),
        ("provider = ?", provider),
        ("time >= ?", since),
        ("time < ?", until),
    ):
        if value is not None:
            conditions.append(condition.replace("?1", "?"))
            values += [value] * condition.count("?")
    where = " AND ".join(conditions) or "1"
    return query(path, f"SELECT * FROM reached WHERE {where} ORDER BY at, attempt", values)  # noqa: S608
