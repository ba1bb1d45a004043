"""What the weakest deployment behind a name can do: what a framework has to be told about a router."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .router import Router

SAMPLE = "Hello"  # Any prompt will do: every candidate is in the decision, with the refused ones.


@dataclass(frozen=True)
class Weakest:
    """The limits that hold whichever candidate serves.

    Attributes:
        context_window: Tokens, the smallest known; None if none is known.
        max_output: Tokens, the smallest known; None if none is known.
        tools: Whether all can call tools, as far as is known.
    """

    context_window: int | None
    max_output: int | None
    tools: bool


def weakest(router: Router, model: str) -> Weakest:
    """Return what holds for every candidate behind a name, fallbacks included."""
    core: Any = router._core
    while hasattr(core, "bare"):  # Past those who count decisions: nothing is asked here.
        core = core.bare
    decision = core.route(SAMPLE, {"model": model})
    names = {candidate.deployment for candidate in decision.candidates}
    facts = [status.capabilities for status in router.deployments if status.name in names]
    chats = [fact for fact in facts if not fact.get("embedding")]
    return Weakest(
        context_window=_least(map(_window, chats)),
        max_output=_least(fact.get("max_output") for fact in chats),
        tools=all(fact.get("tools") is not False for fact in chats),
    )


def _window(fact: Mapping[str, Any]) -> int | None:
    """Return what a prompt may fill: some providers take less than the window."""
    return _least([fact.get("context_window"), fact.get("max_input")])


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value), default=None)
