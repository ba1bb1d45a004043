"""The chart of an evaluation: quality against cost, drawn as SVG by hand, or by matplotlib where it is installed.

The drawing takes the colour of the text around it for lines and words, so it reads in a light theme and in a dark one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from .evaluation import Evaluation, StrategyResult

# Told apart by people who see colours differently, and bright enough on white and on black.
COLOURS = ("#4c8bd6", "#d9822b", "#2f9e62", "#c85a9e", "#8a6fd1", "#b08b1e", "#3aa6b0", "#d9534f")
WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 44
MARKS = {"random": "dotted", "always-weak": "▽", "always-strong": "△", "oracle": "★"}
TICKS = 5
# One call costs too little to read.
A_THOUSAND = 1000.0
# More names than these cover each other.
MOST_NAMED = 16
# What savings are measured at.
TARGET = 0.95
# Free space round the outermost points, as a share of what they span.
MARGIN = 0.06


@dataclass(frozen=True)
class Series:
    """One line or mark of the chart."""

    name: str
    points: list[tuple[float, float]]
    # `line`, `dashed`, `dotted`, or the sign that marks a point.
    look: str = "line"
    # The place of its colour; none for what belongs to the paper.
    colour: int | None = None
    # What stands beside each point.
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A drawing that a notebook shows.

    Attributes:
        svg: The drawing.
    """

    svg: str = field(repr=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the drawing to a file that a browser opens."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)

    def _repr_html_(self) -> str:
        return self.svg


def plot(evaluation: Evaluation, ax: Any = None) -> Any:
    """Draw on `ax`, else on new axes of matplotlib, else as SVG."""
    if ax is None:
        try:
            from matplotlib import pyplot as plt
        except ImportError:
            return Chart(svg(evaluation))
        ax = plt.subplots()[1]
    for one in series(evaluation):
        for (x, y), label in zip(one.points, one.labels, strict=False):
            ax.annotate(label, (x, y), xytext=(4, -10), textcoords="offset points", fontsize="x-small", color="grey")
        xs, ys = [x for x, _ in one.points], [y for _, y in one.points]
        colour = "grey" if one.colour is None else COLOURS[one.colour % len(COLOURS)]
        style = {"line": "-", "dashed": "--", "dotted": ":"}.get(one.look)
        if style and len(xs) > 1:
            ax.plot(xs, ys, style, color=colour, label=one.name, marker="." if one.look == "line" else None)
        else:
            mark = {"▽": "v", "△": "^", "★": "*", "·": "."}.get(one.look, "o")
            ax.plot(xs, ys, mark, color=colour, label=one.name)
    ax.axhline(_target(evaluation), color="lightgrey", linewidth=1, zorder=0)
    ax.text(1, _target(evaluation), _TARGET_WORDS, transform=ax.get_yaxis_transform(), fontsize="x-small", ha="right")
    ax.set_xlabel(axis(evaluation))
    ax.set_ylabel("mean quality")
    ax.legend()
    return ax


def axis(evaluation: Evaluation) -> str:
    """Say what the chart's first axis is."""
    if evaluation.cost_unit == "usd":
        return "cost of 1,000 prompts, US dollars"
    return f"share of calls to {evaluation.strong}"


_TARGET_WORDS = f"{TARGET:.0%} of the best single model's quality"


def _target(evaluation: Evaluation) -> float:
    return TARGET * (evaluation.models[evaluation.best]["quality"] or 0.0)


def series(evaluation: Evaluation) -> list[Series]:
    """Return what the chart shows: models and what mixing them reaches, then strategies, baselines among them."""
    priced = evaluation.cost_unit == "usd"
    found = []
    if priced:
        alone = [((m["cost"] or 0.0) * A_THOUSAND, m["quality"] or 0.0) for m in evaluation.models.values()]
        names = tuple(evaluation.models) if len(alone) <= MOST_NAMED else ()
        found.append(Series("single models", alone, "·", labels=names))
        # Of two models `random` is the same line.
        if len(alone) > 2:
            mixed = [(point["cost"] * A_THOUSAND, point["quality"]) for point in evaluation.mixing]
            found.append(Series("mixing single models", mixed, "dashed"))
    for place, (name, result) in enumerate(evaluation.strategies.items()):
        look = "line" if result.kind in ("scores", "predictions") else MARKS.get(name, "●")
        points = _line(result, priced=priced) if look in ("line", "dotted") else []
        across = (result.cost or 0.0) * A_THOUSAND if priced else _share(result, evaluation)
        here = (across, result.quality)
        found.append(Series(name, points or [here], look, place))
    return found


def _line(result: StrategyResult, *, priced: bool) -> list[tuple[float, float]]:
    # What predicts every model runs between more than two: its line is that of cost and quality.
    points = result.frontier if priced and result.kind == "predictions" else result.curve
    if priced:
        return [(point["cost"] * A_THOUSAND, point["quality"]) for point in points]
    return [(point["strong"], point["quality"]) for point in points]


def _share(result: StrategyResult, evaluation: Evaluation) -> float:
    calls = [(chosen, count) for row in result.confusion.values() for chosen, count in row.items()]
    return sum(count for chosen, count in calls if chosen == evaluation.strong) / evaluation.prompts


def svg(evaluation: Evaluation) -> str:
    """Return the chart as SVG."""
    return draw(series(evaluation), axis(evaluation), "mean quality", (_target(evaluation), _TARGET_WORDS))


def draw(parts: Sequence[Series], across: str, up: str, level: tuple[float, str] | None = None) -> str:
    """Draw lines and marks with axes and a legend, and a line across at a level that matters."""
    xs = _Scale([x for part in parts for x, _ in part.points], LEFT, WIDTH - RIGHT)
    ys = _Scale([y for part in parts for _, y in part.points], HEIGHT - BOTTOM, TOP)
    rows = (len(parts) + 2) // 3
    whole = HEIGHT + 20 * rows
    body = [_grid(xs, ys, across, up)]
    body += [_level(*level, ys)] if level and ys.low < level[0] < ys.high else []
    body += [_part(part, xs, ys) for part in parts]
    body += [_key(part, at) for at, part in enumerate(parts)]
    label = escape(f"{up} against {across}: " + ", ".join(part.name for part in parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img" aria-label="{label}" '
        f'style="max-width:{WIDTH}px;width:100%;color:inherit" font-family="system-ui,sans-serif" font-size="12" '
        f'fill="currentColor">{"".join(body)}</svg>'
    )


class _Scale:
    """From values to places on the paper."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        margin = (high - low or abs(high) or 1.0) * MARGIN
        self.low, self.high = low - margin, high + margin
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, as a person would choose them: steps of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough)
        first = math.ceil(self.low / step)
        return [at * step for at in range(first, math.floor(self.high / step) + 1)]


def _grid(xs: _Scale, ys: _Scale, across: str, up: str) -> str:
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    faint = 'stroke="currentColor" stroke-opacity=".15"'
    lines = [f'<path d="M{left} {TOP}V{bottom}H{right}" fill="none" stroke="currentColor" stroke-opacity=".5"/>']
    for value in xs.ticks():
        lines.append(f'<path d="M{xs(value):.1f} {TOP}V{bottom}" {faint}/>')
        lines.append(f'<text x="{xs(value):.1f}" y="{bottom + 16}" text-anchor="middle">{value:.6g}</text>')
    for value in ys.ticks():
        lines.append(f'<path d="M{left} {ys(value):.1f}H{right}" {faint}/>')
        lines.append(f'<text x="{left - 6}" y="{ys(value) + 4:.1f}" text-anchor="end">{value:.6g}</text>')
    middle = (TOP + bottom) / 2
    lines.append(f'<text x="{(left + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>')
    lines.append(f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    return "".join(lines)


def _level(value: float, words: str, ys: _Scale) -> str:
    place, right = ys(value), WIDTH - RIGHT
    line = f'<path d="M{LEFT} {place:.1f}H{right}" stroke="currentColor" stroke-opacity=".45" stroke-dasharray="1 5"/>'
    at = f'x="{right - 4}" y="{place + 12:.1f}" text-anchor="end" font-size="10" fill-opacity=".7"'
    return f"{line}<text {at}>{escape(words)}</text>"


def _paint(part: Series) -> str:
    return "currentColor" if part.colour is None else COLOURS[part.colour % len(COLOURS)]


def _part(part: Series, xs: _Scale, ys: _Scale) -> str:
    paint = _paint(part)
    if part.look in ("line", "dashed", "dotted") and len(part.points) > 1:
        places = " ".join(f"{xs(x):.1f},{ys(y):.1f}" for x, y in part.points)
        dash = {"dashed": ' stroke-dasharray="6 4"', "dotted": ' stroke-dasharray="2 3"'}.get(part.look, "")
        line = f'<polyline points="{places}" fill="none" stroke="{paint}" stroke-width="2"{dash}/>'
        return line + ("".join(_dot(part, x, y, xs, ys) for x, y in part.points) if part.look == "line" else "")
    beside = [_beside(text, x, y, xs, ys) for text, (x, y) in zip(part.labels, part.points, strict=False)]
    return "".join([*(_dot(part, x, y, xs, ys) for x, y in part.points), *beside])


def _beside(text: str, x: float, y: float, xs: _Scale, ys: _Scale) -> str:
    """Name a point, on the side where there is room."""
    left = xs(x) > (LEFT + WIDTH - RIGHT) / 2
    place = f'x="{xs(x) + (-9 if left else 9):.1f}" y="{ys(y) + 14:.1f}" text-anchor="{"end" if left else "start"}"'
    return f'<text {place} font-size="10" fill-opacity=".7">{escape(text.rsplit("/", 1)[-1])}</text>'


def _dot(part: Series, x: float, y: float, xs: _Scale, ys: _Scale) -> str:
    title = f"<title>{escape(part.name)}: quality {y:.4f} at {x:.4g}</title>"
    if part.look in ("▽", "△", "★"):
        return (
            f'<text x="{xs(x):.1f}" y="{ys(y) + 6:.1f}" text-anchor="middle" font-size="17" '
            f'fill="{_paint(part)}">{part.look}{title}</text>'
        )
    size = {"●": 5.5, "·": 2.5}.get(part.look, 3)
    return f'<circle cx="{xs(x):.1f}" cy="{ys(y):.1f}" r="{size}" fill="{_paint(part)}">{title}</circle>'


def _key(part: Series, at: int) -> str:
    x, y = LEFT + 190 * (at % 3), HEIGHT + 20 * (at // 3) + 8
    sign = {"line": "━", "dashed": "╌", "dotted": "┈"}.get(part.look, part.look)
    name = part.name if len(part.name) <= 24 else part.name[:23] + "…"
    return f'<text x="{x}" y="{y}"><tspan fill="{_paint(part)}">{sign}</tspan> {escape(name)}</text>'
