"""A simulation for people: a table with sparklines for a terminal, a picture and tables for a page and a notebook.

The picture takes the colour of the text around it for lines and words, so it reads in a light theme and in a dark one.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ._chart import COLOURS
from ._html import _chip, _chips, _count, _money, _page, _seconds, _table
from ._report import _HEAD
from ._terminal import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .simulation import Column, Phase, Simulation

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 60  # Signs of a sparkline.
FAILED = "#d9534f"
HEAD = ("", "calls", "success", "first token p50", "p95", "p99", "whole p50", "p95", "p99", "cost", "requests a call")

WIDTH, LEFT, RIGHT, PANEL, GAP = 760, 56, 12, 110, 34
MARKS = 6  # Of the axis of time.


# Words.


def explain(found: Simulation) -> str:
    """Say a simulation as a table and sparklines."""
    lines = [f"scenario `{found.scenario}` for {_time(found.duration)}, seed {found.seed}"]
    lines += [f"  {line}" for line in _happened(found)]
    lines += ["", *table(HEAD, rows(found), right=range(1, len(HEAD))), ""]
    lines += _sparklines(found)
    copies = _copies(found)
    if copies:
        lines += ["", copies]
    if found.errors:
        lines += ["", "errors: " + ", ".join(f"{kind} {count:,}" for kind, count in found.errors.items())]
    torn = found.phase("all").torn
    if torn:
        lines.append(f"{torn} answers were given out as whole and were not: a defect of waypost, please report it")
    return "\n".join(lines)


def _copies(found: Simulation) -> str:
    """Say how many second copies went out and what came of them."""
    everything = found.phase("all")
    if not everything.hedges:
        return ""
    share = _share(everything.hedge_share or 0.0)
    return f"hedges: {everything.hedges:,} second copies, {share} of requests; {everything.hedges_won:,} answered first"


def rows(found: Simulation) -> list[list[str]]:
    """Return the table of phases, each followed by the same without the outages where that differs in kind."""
    calm = {phase.name: phase for phase in found.baseline or ()}
    body = []
    for phase in (*found.phases[1:], found.phases[0]):
        body.append(_row(phase.name, phase))
        if phase.name in calm and (phase.name == "during" or len(found.phases) == 1):
            body.append(_row("  without it", calm[phase.name]))
    return body


def _row(name: str, phase: Phase) -> list[str]:
    percentiles = [
        "" if spread is None else _seconds(value)
        for spread in (phase.first_token, phase.latency)
        for value in ((spread.p50, spread.p95, spread.p99) if spread else (None, None, None))
    ]
    success = "" if phase.success_rate is None else _share(phase.success_rate)
    a_call = f"{phase.requests / phase.calls:.2f}" if phase.calls else ""
    cost = _money(phase.cost_usd) + (" +?" if phase.unpriced else "")
    return [name, f"{phase.calls:,}", success, *percentiles, cost, a_call]


def _happened(found: Simulation, most: int = 8) -> list[str]:
    lines = [
        f"{', '.join(outage.deployments)}: {outage.fault} from {_time(outage.start)} to {_time(outage.end)}"
        + (f", {_share(outage.share)} of requests" if outage.share < 1 else "")
        for outage in found.outages[:most]
    ]
    rest = len(found.outages) - most
    return lines + ([f"… and {rest} more"] if rest > 0 else [])


def _sparklines(found: Simulation) -> list[str]:
    groups = _grouped(found.columns)
    drawn: list[tuple[str, list[float | None], Callable[[float], str]]] = [
        ("failed", [float(sum(c.failed for c in g)) for g in groups], _number),
        (
            "first token p95",
            [_worst(c.first_token.p95 if c.first_token else None for c in g) for g in groups],
            _seconds,
        ),
        ("whole answer p95", [_worst(c.latency.p95 if c.latency else None for c in g) for g in groups], _seconds),
        ("cost", [sum(c.cost_usd for c in g) for g in groups], _money),
    ]
    for load in found.deployments:
        sent: list[float | None] = [float(sum(c.sent_to[load.name] for c in g)) for g in groups]
        drawn.append((f"to {load.name}", sent, _number))
    body = []
    for name, values, told in drawn:
        known = [value for value in values if value is not None]
        if any(known):
            body.append([name, sparkline(values), f"{told(min(known))} … {told(max(known))}"])
    notes = [
        f"{load.name}: breaker open for {_time(load.breaker_open)}" for load in found.deployments if load.breaker_open
    ]
    return [*table(("by time", "", "least … most"), body), *notes]


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values from nothing to the most as a row of bars; where there is none, a blank."""
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    last = len(BARS) - 1
    return "".join(" " if value is None else BARS[round(value / most * last)] for value in values)


def _grouped(columns: Sequence[Column]) -> list[Sequence[Column]]:
    size = -(-len(columns) // WIDEST) or 1
    return [columns[at : at + size] for at in range(0, len(columns), size)]


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _share(share: float) -> str:
    # What is not all must not be rounded to all.
    text = f"{share:.1%}"
    return ">99.9%" if text == "100.0%" and share < 1 else text


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.3g} s"
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes), f"{rest} s" * bool(rest and not hours)]
    return " ".join(part for part in parts if part)


# The page.


def page(found: Simulation) -> str:
    """Return the simulation as a page."""
    title = escape(f"Simulation of {found.scenario}")
    return _HEAD.format(title=title) + fragment(found) + "\n</body></html>\n"


def fragment(found: Simulation) -> str:
    """Return the simulation as a part of a page."""
    everything = found.phase("all")
    facts = [_time(found.duration), _count(everything.calls, "call"), f"seed {found.seed}", *_happened(found)]
    facts += filter(None, [_copies(found)])
    head = f'<div class="wp-head"><b>{escape(found.scenario)}</b></div>' + _chips(facts)
    phases = _table(HEAD, [[escape(cell) for cell in row] for row in rows(found)], numbers=range(1, len(HEAD)))
    errors = [_chip(f"{kind} {count:,}", "wp-bad") for kind, count in found.errors.items()]
    failed = f'<div class="wp-head">{"".join(errors)}</div>' if errors else ""
    return _page(head, svg(found), phases, failed, _loads(found))


def _loads(found: Simulation) -> str:
    columns = ("deployment", "answered", "requests", "with a fault", "most at once", "breaker open", "cost")
    body = [
        [
            escape(load.name),
            f"{load.answered:,}",
            f"{load.requests:,}",
            f"{load.faulty:,}" if load.faulty else "",
            f"{load.most_at_once:,}",
            _time(load.breaker_open) if load.breaker_open else "",
            _money(load.cost_usd),
        ]
        for load in found.deployments
    ]
    return _table(columns, body, numbers=range(1, len(columns)))


# The picture.


def svg(found: Simulation) -> str:
    """Draw who answered, how fast and at what cost, over time; outages are shaded, open breakers are bars."""
    names = [load.name for load in found.deployments if load.requests or load.breaker_open]
    panels = [_answers(found, names), _latencies(found), _costs(found)]
    strips = [name for name in names if any(name in column.breaker_open for column in found.columns)]
    top, parts = 30.0, []
    for title, height, body in panels:
        parts.append(_panel(found, title, top, height, body))
        top += PANEL + GAP
    parts.append(_breakers(found, strips, top))
    top += 14 * len(strips) + (10 if strips else 0)
    parts.append(_axis(found, top))
    parts.append(_legend(found, names, top + 38))
    whole = top + 38 + 18 * ((len(names) + 1) // 4 + 1)
    label = escape(f"Simulation of {found.scenario}: answers, latency and cost over time")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole:.0f}" role="img" aria-label="{label}" '
        f'style="max-width:{WIDTH}px;width:100%;color:inherit" font-family="system-ui,sans-serif" font-size="11" '
        f'fill="currentColor">{"".join(parts)}</svg>'
    )


def _x(found: Simulation, seconds: float) -> float:
    return LEFT + min(seconds / found.duration, 1.0) * (WIDTH - LEFT - RIGHT)


def _answers(found: Simulation, names: Sequence[str]) -> tuple[str, float, Callable[[float], str]]:
    most = max((column.calls for column in found.columns), default=0) or 1
    width = max(_x(found, found.step) - LEFT - 0.4, 0.4)

    def body(top: float) -> str:
        bars = []
        for column in found.columns:
            stack = [(COLOURS[at % len(COLOURS)], column.answered_by[name]) for at, name in enumerate(names)]
            y = top + PANEL
            for colour, count in (*stack, (FAILED, column.failed)):
                height = count / most * PANEL
                y -= height
                if count:
                    bars.append(
                        f'<rect x="{_x(found, column.start):.1f}" y="{y:.1f}" width="{width:.1f}" '
                        f'height="{height:.1f}" fill="{colour}"/>'
                    )
        return "".join(bars)

    return "calls a step, by who answered", float(most), body


def _latencies(found: Simulation) -> tuple[str, float, Callable[[float], str]]:
    known = [column.latency.p95 for column in found.columns if column.latency]
    most = max(known, default=0.0) or 1.0

    def body(top: float) -> str:
        lines = []
        for which, colour in (("first_token", COLOURS[2]), ("latency", COLOURS[4])):
            for name, dash in (("p50", ""), ("p95", ' stroke-dasharray="4 3"')):
                places = [
                    (_x(found, column.start + found.step / 2), top + PANEL - getattr(spread, name) / most * PANEL)
                    for column in found.columns
                    if (spread := getattr(column, which)) is not None
                ]
                line = " ".join(f"{x:.1f},{max(y, top):.1f}" for x, y in places)
                lines.append(
                    f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
                    if line
                    else ""
                )
        legend = (
            f'<text x="{WIDTH - RIGHT - 260}" y="{top - 5:.1f}">'
            f'<tspan fill="{COLOURS[2]}">━</tspan> first token  <tspan fill="{COLOURS[4]}">━</tspan> whole answer, '
            "━ p50  ╌ p95</text>"
        )
        return "".join(lines) + legend

    return "seconds", most, body


def _costs(found: Simulation) -> tuple[str, float, Callable[[float], str]]:
    most = max((column.cost_usd for column in found.columns), default=0.0) or 1.0
    width = max(_x(found, found.step) - LEFT - 0.4, 0.4)

    def body(top: float) -> str:
        return "".join(
            f'<rect x="{_x(found, column.start):.1f}" y="{top + PANEL - column.cost_usd / most * PANEL:.1f}" '
            f'width="{width:.1f}" height="{column.cost_usd / most * PANEL:.1f}" fill="{COLOURS[5]}"/>'
            for column in found.columns
            if column.cost_usd
        )

    return "US dollars a step", most, body


def _panel(found: Simulation, title: str, top: float, most: float, body: Callable[[float], str]) -> str:
    right, bottom = WIDTH - RIGHT, top + PANEL
    faint = 'stroke="currentColor" stroke-opacity=".15"'
    shades = "".join(
        f'<rect x="{_x(found, outage.start):.1f}" y="{top:.1f}" height="{PANEL}" fill="{FAILED}" fill-opacity=".13" '
        f'width="{max(_x(found, outage.end) - _x(found, outage.start), 1):.1f}">'
        f"<title>{escape(', '.join(outage.deployments))}: {escape(outage.fault)}</title></rect>"
        for outage in found.outages
    )
    lines = "".join(
        f'<path d="M{LEFT} {top + PANEL * (1 - share):.1f}H{right}" {faint}/>'
        f'<text x="{LEFT - 6}" y="{top + PANEL * (1 - share) + 4:.1f}" text-anchor="end">{most * share:.3g}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    frame = f'<path d="M{LEFT} {top:.1f}V{bottom:.1f}H{right}" fill="none" stroke="currentColor" stroke-opacity=".5"/>'
    return f'{shades}{lines}{body(top)}{frame}<text x="{LEFT}" y="{top - 5:.1f}">{escape(title)}</text>'


def _breakers(found: Simulation, names: Sequence[str], top: float) -> str:
    parts = []
    width = _x(found, found.step) - LEFT
    for at, name in enumerate(names):
        y = top - 16 + 14 * at
        parts += [
            f'<rect x="{_x(found, column.start):.1f}" y="{y:.1f}" width="{width:.1f}" height="9" fill="#c88a1d"/>'
            for column in found.columns
            if name in column.breaker_open
        ]
        parts.append(f'<text x="{LEFT + 4}" y="{y + 8:.1f}" font-size="10">breaker of {escape(name)} open</text>')
    return "".join(parts)


def _axis(found: Simulation, top: float) -> str:
    marks = []
    for at in range(MARKS + 1):
        seconds = found.duration * at / MARKS
        x = _x(found, seconds)
        anchor = "end" if at == MARKS else "middle"
        marks.append(f'<text x="{x:.1f}" y="{top:.1f}" text-anchor="{anchor}">{_time(seconds) if at else "0"}</text>')
    return "".join(marks)


def _legend(found: Simulation, names: Sequence[str], top: float) -> str:
    entries = [(COLOURS[at % len(COLOURS)], name) for at, name in enumerate(names)]
    if found.errors:
        entries.append((FAILED, "failed"))
    parts = []
    for at, (colour, name) in enumerate(entries):
        x, y = LEFT + 176 * (at % 4), top + 18 * (at // 4)
        short = name if len(name) <= 26 else name[:25] + "…"
        parts.append(f'<text x="{x}" y="{y - 6:.1f}"><tspan fill="{colour}">■</tspan> {escape(short)}</text>')
    return "".join(parts)
