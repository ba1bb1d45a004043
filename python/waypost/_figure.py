"""Numbers that can say what they mean, so that a failing test shows more than one number beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Figure(float):
    """A measured number: a float in every way, besides what the pytest plugin shows where an assertion on it fails."""

    __slots__ = ("_tell",)
    _tell: Callable[[], list[str]]

    def __new__(cls, value: float, tell: Callable[[], list[str]]) -> Figure:  # noqa: PYI034
        """Take the value, and what tells about it when it is asked."""
        figure = super().__new__(cls, value)
        figure._tell = tell
        return figure

    def waypost_explains(self) -> list[str]:
        """Return lines that say what was measured."""
        return self._tell()

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        """Travel as a plain number."""
        return float, (float(self),)
