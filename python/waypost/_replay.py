"""A replay for people: lines for a terminal, a picture of whose calls go where, a part of a notebook, a page."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

from ._chart import COLOURS
from ._html import _chips, _count, _dim, _folded, _page, _table
from ._report import _HEAD
from ._terminal import table
from .replayed import MEASURES, SHOWN, UNITS

if TYPE_CHECKING:
    from .replayed import Replay, ReplayedCall, Total

NOBODY = "nobody"
CHANGES = ("from", "to", "calls", "Δ cost", "Δ latency", "why")
TOTALS = ("", "logged", "replayed", "difference", "calls", "not known")
ESTIMATES = ("mean of a call", "logged", "IPS", "SNIPS", "doubly robust", "draws", "worth", "could be drawn")
# A weight that rests on fewer draws than these is told with a warning.
FEW = 100
# What the log could not have chosen is told from here on.
COVERED = 0.999

WIDTH, COLUMN, GAP, LONGEST = 760, 14, 10, 260
LEFT, RIGHT, TOP = 220, 540, 30
LONG = 28  # Letters of a name that have room beside the picture.


def text(found: Replay) -> str:
    """Return the lines for a terminal."""
    lines = [_headline(found)]
    lines += [f"  {note}" for note in notes(found)]
    changes = _changes(found)
    if changes:
        lines += ["", *table(list(CHANGES), changes, right=[2, 3, 4])]
    totals = _totals(found)
    if totals:
        lines += ["", *table(list(TOTALS), totals, right=range(1, 6))]
    estimates = _estimates(found)
    if estimates:
        lines += ["", *table(list(ESTIMATES), estimates, right=range(5, 8))]
    return "\n".join(lines)


def fragment(found: Replay) -> str:
    """Return the replay as a part of a page."""
    head = f'<div class="wp-head"><b>{escape(_headline(found))}</b></div>'
    parts = [head, _chips(notes(found))]
    if found.replayed:
        parts.append(picture(found))
    for columns, rows, numbers in (
        (CHANGES, _changes(found), [2, 3, 4]),
        (TOTALS, _totals(found), range(1, 6)),
        (ESTIMATES, _estimates(found), range(5, 8)),
    ):
        if rows:
            cells = [[escape(cell) for cell in row] for row in rows]
            parts.append(_table(columns, cells, numbers=numbers))
    parts.append(_folded("how this is known", f"<p>{_dim(escape(HOW))}</p>"))
    return _page(*parts)


HOW = (
    "Every call of the log was decided again from its signals, its moment and its draw. Costs are the logged tokens at the "
    "other deployment's price; latencies and success are the other deployment's means over the whole log. Estimates weigh "
    "each outcome by how much likelier the other configuration makes the choice (IPS, SNIPS), or correct a mean for each "
    "deployment by it (doubly robust), with 95 % intervals; of what the log could not have drawn they say nothing."
)


def page(found: Replay) -> str:
    """Return the replay as a page."""
    return _HEAD.format(title=escape(f"Replay of {found.log}")) + fragment(found) + "\n</body></html>\n"


def notes(found: Replay) -> list[str]:
    """Say what a reader must know beside the figures."""
    said = [f"{_count(count, 'call')} not replayed: {_lack(name)}" for name, count in found.lacking.items()]
    assumed = sorted({name for call in found.changed if call.to in call.assumed for name in [call.to or ""]})
    if assumed:
        said.append(f"of {', '.join(assumed)} the log has no state: taken as free")
    thin = [name for name, one in found.estimates.items() if one["coverage"] < COVERED]
    if thin:
        least = min(found.estimates[name]["coverage"] for name in thin)
        said.append(f"estimates cover {least:.0%} of the choices: the rest the log could not have drawn")
    return said


def _lack(name: str) -> str:
    if name == "facts":
        return "written by an earlier version, which kept no facts"
    return f"a rule reads `{name}`, which the log lacks"


def _headline(found: Replay) -> str:
    replayed, changed = len(found.replayed), len(found.changed)
    refused = sum(call.to is None and call.from_ is not None for call in found.changed)
    more = f", {refused} of them refused" if refused else ""
    return f"{_count(len(found.calls), 'call')}, {replayed} replayed, {changed} changed{more}"


def _changes(found: Replay) -> list[list[str]]:
    groups: dict[tuple[str, str], list[ReplayedCall]] = defaultdict(list)
    for call in found.changed:
        groups[call.from_ or NOBODY, call.to or NOBODY].append(call)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    rows = [
        [before, after, str(len(calls)), _delta(calls, "cost", " USD"), _delta(calls, "latency", " s"), _why(calls)]
        for (before, after), calls in ordered[:SHOWN]
    ]
    if len(ordered) > SHOWN:
        rows.append(["…", "", str(sum(len(calls) for _, calls in ordered[SHOWN:])), "", "", ""])
    return rows


def _why(calls: list[ReplayedCall]) -> str:
    """Say the reason that most of them have."""
    counts: dict[str, int] = defaultdict(int)
    for call in calls:
        counts[call.why or ""] += 1
    most = max(counts, key=lambda why: counts[why])
    return most if len(counts) == 1 else f"{most} (and {len(counts) - 1} other)"


def _delta(calls: list[ReplayedCall], name: str, unit: str) -> str:
    pairs = [(getattr(call, f"{name}_from"), getattr(call, f"{name}_to")) for call in calls]
    known = [after - before for before, after in pairs if before is not None and after is not None]
    return _signed(sum(known), unit) if known else "?"


def _signed(value: float, unit: str) -> str:
    return f"{value:+.4g}{unit}" if value else f"0{unit}"


def _totals(found: Replay) -> list[list[str]]:
    names = [("cost", " USD"), ("latency", " s"), ("success", " calls"), ("quality", "")]
    totals: list[tuple[str, str, Total]] = [(name, unit, getattr(found, name)) for name, unit in names]
    return [
        [
            name,
            f"{total.logged:.4g}{unit}",
            f"{total.replayed:.4g}{unit}",
            _signed(total.difference, unit),
            str(total.calls),
            str(total.unknown or ""),
        ]
        for name, unit, total in totals
        if total.calls
    ]


def _estimates(found: Replay) -> list[list[str]]:
    rows = []
    for name in MEASURES:
        one = found.estimates.get(name)
        if one is None:
            continue
        told = [_interval(one[kind], UNITS[name]) for kind in ("logged", "ips", "snips", "dr")]
        worth = f"{one['effective']:.0f}" + (" (few)" if one["effective"] < FEW else "")
        rows.append([name, *told, str(one["trials"]), worth, f"{one['coverage']:.0%}"])
    return rows


def _interval(estimate: dict[str, float] | None, unit: str) -> str:
    if estimate is None:
        return "none"
    return f"{estimate['value']:.4g}{unit} ({estimate['low']:.4g} … {estimate['high']:.4g})"


# The picture.


def picture(found: Replay) -> str:
    """Draw whose calls go where: who was tried first on the left, who would be on the right, as thick as there are calls."""
    flows = {(a or NOBODY, b or NOBODY): count for (a, b), count in found.flows().items()}
    names = _ordered(flows)
    whole = max(1, sum(flows.values()))
    left, right = _stack(names, flows, 0, whole), _stack(names, flows, 1, whole)
    height = max((at + tall for at, tall in [*left.values(), *right.values()]), default=TOP) + 16
    body = [_heading(LEFT, "end", "logged"), _heading(RIGHT, "start", "replayed")]
    used = {**{(0, name): at for name, (at, _) in left.items()}, **{(1, name): at for name, (at, _) in right.items()}}
    for (before, after), count in sorted(
        flows.items(), key=lambda item: (names.index(item[0][0]), names.index(item[0][1]))
    ):
        thick = LONGEST * count / whole
        start, end = used[0, before], used[1, after]
        used[0, before], used[1, after] = start + thick, end + thick
        body.append(_ribbon(start, end, thick, f"{before} → {after}: {_count(count, 'call')}", _colour(before, names)))
    for side, stack in enumerate((left, right)):
        body += [_bar(side, name, stack[name], flows, names) for name in stack]
    label = escape(", ".join(f"{count} calls {a} → {b}" for (a, b), count in flows.items()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}" '
        f'style="max-width:{WIDTH}px;width:100%;color:inherit" font-family="system-ui,sans-serif" font-size="12" '
        f'fill="currentColor">{"".join(body)}</svg>'
    )


def _ordered(flows: dict[tuple[str, str], int]) -> list[str]:
    """Order everyone by calls on the left, then on the right; refusals stand last."""
    weight: dict[str, float] = defaultdict(float)
    for (before, after), count in flows.items():
        weight[before] += count
        weight[after] += count / (1 + sum(flows.values()))
    return sorted(weight, key=lambda name: (name == NOBODY, -weight[name], name))


def _stack(
    names: list[str], flows: dict[tuple[str, str], int], side: int, whole: int
) -> dict[str, tuple[float, float]]:
    at, stack = float(TOP), {}
    for name in names:
        count = sum(n for ends, n in flows.items() if ends[side] == name)
        if count:
            tall = LONGEST * count / whole
            stack[name] = (at, tall)
            at += tall + GAP
    return stack


def _heading(x: int, anchor: str, words: str) -> str:
    return f'<text x="{x}" y="16" text-anchor="{anchor}" font-weight="600">{words}</text>'


def _colour(name: str, names: list[str]) -> str:
    return "#888888" if name == NOBODY else COLOURS[names.index(name) % len(COLOURS)]


def _ribbon(start: float, end: float, thick: float, title: str, colour: str) -> str:
    x0, x1 = LEFT + COLUMN, RIGHT - COLUMN
    middle = (x0 + x1) / 2
    path = (
        f"M{x0} {start:.1f}C{middle} {start:.1f} {middle} {end:.1f} {x1} {end:.1f}v{thick:.1f}"
        f"C{middle} {end + thick:.1f} {middle} {start + thick:.1f} {x0} {start + thick:.1f}z"
    )
    return f'<path d="{path}" fill="{colour}" fill-opacity=".35"><title>{escape(title)}</title></path>'


def _bar(side: int, name: str, place: tuple[float, float], flows: dict[tuple[str, str], int], names: list[str]) -> str:
    at, tall = place
    count = sum(n for ends, n in flows.items() if ends[side] == name)
    x, words = (LEFT, LEFT - 6) if side == 0 else (RIGHT - COLUMN, RIGHT + 6)
    anchor = "end" if side == 0 else "start"
    shown = name if len(name) <= LONG else name[: LONG - 1] + "…"
    said = f'<tspan>{escape(shown)}</tspan> <tspan fill-opacity=".6">{count:,}</tspan>'
    return (
        f'<rect x="{x}" y="{at:.1f}" width="{COLUMN}" height="{max(tall, 1):.1f}" fill="{_colour(name, names)}">'
        f"<title>{escape(name)}</title></rect>"
        f'<text x="{words}" y="{at + tall / 2 + 4:.1f}" text-anchor="{anchor}">{said}</text>'
    )
