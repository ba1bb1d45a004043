"""The marker `waypost`: what a test may cost, and how often it runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_REPEATS = 1000  # A slip of the pen (`repeat=1e6`) must not fill the memory with tests.


def options(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the marker's options, checked.

    Args:
        arguments: What was given without a name; nothing may be.
        named: `max_cost`, `repeat`, or both.

    Raises:
        ValueError: They are not what the marker takes; the message says what is.

    Example:
        >>> options((), {"max_cost": 0.01, "repeat": 3})
        {'max_cost': 0.01, 'repeat': 3}
    """
    unknown = [*map(repr, arguments), *(f"`{name}`" for name in named if name not in ("max_cost", "repeat"))]
    if unknown:
        msg = f"the marker `waypost` takes `max_cost` (US dollars) and `repeat` by name, not {unknown[0]}"
        raise ValueError(msg)
    repeat, most = named.get("repeat", 1), named.get("max_cost")
    if isinstance(repeat, bool) or not isinstance(repeat, int) or not 1 <= repeat <= MOST_REPEATS:
        msg = f"`repeat` is {repeat!r}: it must be a number from 1 to {MOST_REPEATS}"
        raise ValueError(msg)
    if most is not None and (isinstance(most, bool) or not isinstance(most, (int, float)) or not most >= 0):
        msg = f"`max_cost` is {most!r}: it must be an amount of US dollars"
        raise ValueError(msg)
    return {"max_cost": most, "repeat": repeat}


class Account:
    """What one test has spent, and may spend.

    Args:
        max_cost: US dollars at most; None for any amount.
    """

    def __init__(self, max_cost: float | None = None) -> None:
        """Start with nothing spent."""
        self.max_cost, self.usd, self.calls = max_cost, 0.0, 0
        self.unpriced: str | None = None
        self.decisions: list[Any] = []
        self._lock = threading.Lock()

    def decided(self, decision: Any) -> None:
        """Keep a decision; errors of configuration have none."""
        if decision is not None:
            with self._lock:
                self.decisions.append(decision)

    def answered(self, response: Any) -> None:
        """Note an answer and what it cost."""
        self.decided(response.decision)
        with self._lock:
            self.calls += 1
            self.usd += response.cost.usd or 0.0
            if response.cost.usd is None:
                self.unpriced = response.deployment

    @property
    def spent(self) -> str | None:
        """Why nothing more may be spent, or None."""
        if self.max_cost is None or self.usd < self.max_cost:
            return None
        return f"this test has spent ${self.usd:.4f} of its ${self.max_cost:g} (max_cost)"

    @property
    def wrong(self) -> str | None:
        """Why the test did not keep to its cost, or None."""
        if self.max_cost is None:
            return None
        if self.usd > self.max_cost:
            return f"this test cost ${self.usd:.4f}, more than its ${self.max_cost:g} (max_cost)"
        if self.unpriced is not None:
            return f"`{self.unpriced}` answered and has no price, so that nobody knows what this test cost (max_cost)"
        return None
