"""What the routers of a test run did: counted, summed up, and written as a report. No prompt is in it."""

from __future__ import annotations

import html
import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..results import Decision

VERSION = 2  # Of the report; it rises when a key changes its meaning.
_COUNTS = ("decisions", "calls", "refused", "failed")  # Of a route; a request is refused before any attempt.


class Tally:
    """Decisions, calls, cost and cases, added up."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._lock = threading.Lock()
        self.started = time.time()
        self.decisions = self.calls = self.unpriced = 0
        self.usd = self.saved_usd = 0.0
        self.errors: Counter[str] = Counter()
        self.routes: dict[str, dict[str, Any]] = {}
        self.cases: list[dict[str, Any]] = []
        self.slowest: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.decisions or self.cases)

    def may_call(self) -> None:
        """Refuse nothing."""

    def decided(self, decision: Decision, *, call: bool = False) -> None:
        """Count a decision."""
        with self._lock:
            self.decisions += 1
            route = self._route(decision.route)
            route["decisions"] += 1
            if decision.chosen is not None:
                route["deployments"][decision.chosen] += 1
            else:
                route["failed" if decision.attempts else "refused"] += 1
            self.calls += call
            route["calls"] += call
            if decision.error is not None:
                self.errors[decision.error] += 1
            if self.slowest is None or decision.overhead_us > self.slowest["overhead_us"]:
                self.slowest = {
                    "overhead_us": decision.overhead_us,
                    "test": current_test(),
                    "route": decision.route,
                    "chosen": decision.chosen,
                }

    def answered(self, response: Any) -> None:
        """Count an answer, with what it cost and the decision behind it."""
        self.decided(response.decision, call=True)
        with self._lock:
            cost, route = response.cost, self._route(response.decision.route)
            if cost.usd is None:
                self.unpriced += 1
            else:
                self.usd += cost.usd
                self.saved_usd += cost.saved_usd or 0.0
                route["usd"] += cost.usd
            route["seconds"] += response.latency

    def failed(self, error: BaseException) -> None:
        """Count a call that failed."""
        decision = getattr(error, "decision", None)
        if decision is not None:
            self.decided(decision, call=True)
        else:
            with self._lock:
                self.errors[type(error).__name__] += 1

    def case(self, wrong: Iterable[str]) -> None:
        """Count a case: right if nothing is wrong."""
        with self._lock:
            self.cases.append({"test": current_test(), "wrong": list(wrong)})

    def _route(self, name: str) -> dict[str, Any]:
        empty: dict[str, Any] = {**dict.fromkeys(_COUNTS, 0), "usd": 0.0, "seconds": 0.0, "deployments": Counter()}
        return self.routes.setdefault(name, empty)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        right = sum(not case["wrong"] for case in self.cases)
        return {
            "version": VERSION,
            "started": self.started,
            "duration": time.time() - self.started,
            "decisions": self.decisions,
            "calls": self.calls,
            "errors": dict(self.errors),
            "cost": {"usd": self.usd, "saved_usd": self.saved_usd, "unpriced": self.unpriced},
            "routes": {
                name: {**route, "deployments": dict(route["deployments"])}
                for name, route in sorted(self.routes.items())
            },
            "cases": {
                "total": len(self.cases),
                "right": right,
                "accuracy": right / len(self.cases) if self.cases else None,
                "wrong": [case for case in self.cases if case["wrong"]],
                "results": {case["test"]: not case["wrong"] for case in self.cases},
            },
            "slowest": self.slowest,
        }

    def merge(self, other: Mapping[str, Any]) -> None:
        """Add what another process has counted."""
        self.started = min(self.started, other["started"])
        self.decisions += other["decisions"]
        self.calls += other["calls"]
        self.errors.update(other["errors"])
        self.usd += other["cost"]["usd"]
        self.saved_usd += other["cost"]["saved_usd"]
        self.unpriced += other["cost"]["unpriced"]
        for name, theirs in other["routes"].items():
            ours = self._route(name)
            for key in (*_COUNTS, "usd", "seconds"):
                ours[key] += theirs[key]
            ours["deployments"].update(theirs["deployments"])
        results = other["cases"]["results"]
        self.cases += other["cases"]["wrong"] + [
            {"test": test, "wrong": []} for test, right in results.items() if right
        ]
        theirs = other["slowest"]
        if theirs and (self.slowest is None or theirs["overhead_us"] > self.slowest["overhead_us"]):
            self.slowest = theirs


def current_test() -> str:
    """Return the test that runs, as pytest names it."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]


# Telling.


def summary(report: Mapping[str, Any]) -> list[str]:
    """Return the lines at the end of the run."""
    cost, cases, slowest = report["cost"], report["cases"], report["slowest"]
    parts = [f"{report['decisions']} decisions", f"{report['calls']} calls", dollars(cost)]
    if cases["total"]:
        parts.append(f"cases {cases['right']}/{cases['total']} right ({cases['accuracy']:.1%})")
    lines = [", ".join(parts)]
    for name, route in report["routes"].items():
        ends = [*sorted(route["deployments"].items(), key=lambda item: -item[1])]
        ends += [(word, route[word]) for word in ("refused", "failed") if route[word]]
        lines.append(f"  {name} → {', '.join(f'{end} {count}' for end, count in ends)}")
    if report["errors"]:
        lines.append("  errors: " + ", ".join(f"{name} {count}" for name, count in sorted(report["errors"].items())))
    if slowest:
        lines.append(f"  slowest decision {slowest['overhead_us']:.0f} µs in {slowest['test']}")
    return lines


def dollars(cost: Mapping[str, Any]) -> str:
    """Return a cost in words."""
    unpriced = f" ({cost['unpriced']} unpriced)" if cost["unpriced"] else ""
    budget = f" of ${cost['budget']:g}" if cost.get("budget") is not None else ""
    return f"${cost['usd']:.4f}{budget}{unpriced}"


def write(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report, as JSON or as a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = page(report) if path.suffix.lower() == ".html" else json.dumps(report, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "td,th{padding:.25rem .8rem;text-align:left;border-bottom:1px solid #ddd}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}h2{font-size:1.1rem;margin-top:2rem}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}td,th{border-color:#333}}"
)


def page(report: Mapping[str, Any]) -> str:
    """Return the report as a page that needs nothing beside it."""
    cost, cases, slowest = report["cost"], report["cases"], report["slowest"]
    facts = [("Decisions", str(report["decisions"])), ("Calls", str(report["calls"])), ("Cost", dollars(cost))]
    facts.append(("Saved", f"${cost['saved_usd']:.4f}"))
    if cases["total"]:
        facts.append(("Cases right", f"{cases['right']} of {cases['total']} ({cases['accuracy']:.1%})"))
    if slowest:
        facts.append(("Slowest decision", f"{slowest['overhead_us']:.0f} µs, {slowest['test']}"))
    routes = [
        (
            name,
            *(route[word] for word in _COUNTS),
            f"${route['usd']:.4f}",
            _share(route["deployments"]),
        )
        for name, route in report["routes"].items()
    ]
    sections = [_table((), facts), "<h2>Routes</h2>"]
    sections.append(_table(("Route", "Decisions", "Calls", "Refused", "Failed", "Cost", "Deployments"), routes))
    if cases["wrong"]:
        wrong = [(case["test"], "; ".join(case["wrong"])) for case in cases["wrong"]]
        sections += ["<h2>Cases that are wrong</h2>", _table(("Test", "What"), wrong)]
    if report["errors"]:
        sections += ["<h2>Errors</h2>", _table(("Error", "Times"), sorted(report["errors"].items()))]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>waypost: test report</title>'
        f"<style>{_STYLE}</style><h1>waypost</h1>{''.join(sections)}</html>"
    )


def _share(deployments: Mapping[str, int]) -> str:
    total = sum(deployments.values()) or 1
    return ", ".join(f"{name} {count / total:.0%}" for name, count in sorted(deployments.items(), key=lambda i: -i[1]))


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    top = "".join(f"<th>{html.escape(name)}" for name in header)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) for row in rows)
    return f"<table>{'<tr>' + top if top else ''}{body}</table>"


def _cell(value: Any) -> str:
    kind = ' class="n"' if isinstance(value, (int, float)) else ""
    return f"<td{kind}>{html.escape(str(value))}"


# Budgets.


class Ledger:
    """US dollars spent in a run, over all its processes if they share a file.

    Args:
        budget: What may be spent; None for any amount.
        path: The shared file.
    """

    def __init__(self, budget: float | None, path: str | None = None) -> None:
        """Start with nothing spent."""
        self.budget, self.path = budget, path
        self._own = 0.0
        self._lock = threading.Lock()

    def add(self, usd: float) -> None:
        """Note that this was spent."""
        with self._lock:
            self._own += usd
            if self.path is not None:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
                try:
                    os.write(descriptor, f"{usd!r}\n".encode())
                finally:
                    os.close(descriptor)

    @property
    def spent(self) -> float:
        """What was spent so far."""
        if self.path is None:
            return self._own
        return sum(float(line) for line in Path(self.path).read_text(encoding="ascii").splitlines())

    @property
    def exceeded(self) -> str | None:
        """Why nothing more may be spent, or None."""
        if self.budget is None or (spent := self.spent) < self.budget:
            return None
        return f"the budget of this run is spent: ${spent:.4f} of ${self.budget:g} (--waypost-budget)"
