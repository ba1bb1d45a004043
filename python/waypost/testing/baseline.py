"""The cases of a run beside those of an earlier one: what was wrong then may be wrong now, what was right may not.

A policy that gets nine cases of ten right is worth having, and a test suite that is red because of the tenth is not
looked at. The baseline is a report of the run that was found good enough.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .tally import VERSION, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Baseline:
    """An earlier run's cases.

    Args:
        path: The report of that run, in JSON.
        update: Whether this run's report takes its place.

    Raises:
        ValueError: There is no such report, or it is none.
    """

    def __init__(self, path: Path, *, update: bool) -> None:
        """Read the report, unless it is about to be replaced."""
        self.path, self.update = path, update
        self.report: dict[str, Any] = {} if update else _read(path)

    @property
    def cases(self) -> Mapping[str, bool]:
        """Each case's test, and whether it was right."""
        return self.report.get("cases", {}).get("results", {})  # type: ignore[no-any-return]

    def excuses(self, test: str) -> str | None:
        """Why a case that is wrong does not fail the run, or None."""
        if self.update:
            return f"wrong; taken into {self.path.name}"
        return f"wrong, as it was in {self.path.name}" if self.cases.get(test) is False else None

    def ended(self, report: Mapping[str, Any]) -> list[str]:
        """Write the report if it is to be the baseline; return what is told of the comparison."""
        if self.update:
            write(self.path, report)
            return [f"  baseline: {self.path.name} is this run"]
        return compared(self.report, report)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        msg = f"there is no baseline `{path}`; run pytest with --waypost-update too, and this run is it"
        raise ValueError(msg)
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"the baseline `{path}` is no JSON: {error}"
        raise ValueError(msg) from error
    if not isinstance(report, dict) or report.get("version") != VERSION or "results" not in report.get("cases", {}):
        msg = f"the baseline `{path}` is no report of this version; take it anew with --waypost-update"
        raise ValueError(msg)
    return report


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the lines that compare two reports: the cases that are in both, and what a call cost."""
    was, is_ = before["cases"]["results"], now["cases"]["results"]
    both = [test for test in is_ if test in was]
    lines = []
    if both:
        right = (sum(was[test] for test in both), sum(is_[test] for test in both))
        shares = " → ".join(f"{count}/{len(both)} ({count / len(both):.1%})" for count in right)
        lines.append(f"  baseline: cases right {shares}")
    lines += [f"    now wrong: {test}" for test in both if was[test] and not is_[test]]
    lines += [f"    now right: {test}" for test in both if is_[test] and not was[test]]
    missing, fresh = len(was) - len(both), len(is_) - len(both)
    if missing or fresh:
        lines.append(f"    {fresh} cases are new, {missing} did not run")
    if before["calls"] and now["calls"]:
        costs = " → ".join(f"${report['cost']['usd'] / report['calls']:.6f}" for report in (before, now))
        lines.append(f"    cost of a call {costs}")
    return lines
