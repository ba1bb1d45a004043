"""Words for a terminal: colours where they are welcome, and tables that line up."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def coloured(stream: TextIO) -> bool:
    """Tell whether a stream goes to a person who has not refused colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """Return the text in these styles (`bold`, `dim`, `red` …), plain where no colour is wanted."""
    if not styles or not coloured(stream or sys.stdout):
        return text
    return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"


def say(text: str = "", *styles: str) -> None:
    """Print a line."""
    write(paint(text, *styles) + "\n")


def complain(text: str, *styles: str) -> None:
    """Print a line to stderr."""
    sys.stderr.write(paint(text, *styles, stream=sys.stderr) + "\n")


def fail(text: str) -> None:
    """Print an error to stderr."""
    complain(f"{paint('error', 'red', stream=sys.stderr)}: {text}")


def write(text: str) -> None:
    """Print a piece of a line, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def indent(text: str, by: int = 4) -> str:
    """Move every line to the right."""
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Return the lines of a table, without the columns in which no row has anything."""
    body = [list(row) for row in rows]
    kept = [at for at in range(len(head)) if any(row[at] for row in body)]
    wide = {at: max(_width(row[at]) for row in [list(head), *body]) for at in kept}
    ends = set(right)
    lines = ["  ".join(_fit(row[at], wide[at], at in ends) for at in kept).rstrip() for row in [list(head), *body]]
    return [paint(lines[0], "dim"), *lines[1:]]


def _fit(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
