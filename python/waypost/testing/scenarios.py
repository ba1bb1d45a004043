"""Sixteen failovers: the faults of an independent public bench, as scripts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from .script import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .request import Request

BENCH_INTERVAL = 0.015
"""Seconds a token of the bench's healthy stream."""

SCENARIOS: Mapping[str, str] = {
    "F01": "429 with Retry-After: 2 once, then healthy",
    "F02": "429 without Retry-After, always",
    "F03": "500 once, then healthy",
    "F04": "503 always",
    "F05": "TCP reset before any byte, then healthy",
    "F06": "accepts and never answers (120 s)",
    "F07": "headers at once, first token after 20 s",
    "F08": "the stream dies after 40 of 60 tokens, without a terminal marker",
    "F09": "silent for 30 s after 20 tokens, then closes; healthy afterwards",
    "F10": "the tenth event is invalid JSON, the rest is fine; healthy afterwards",
    "F11": "complete and properly ended, but without the terminal marker",
    "F12": "400 context_length_exceeded, always",
    "F13": "400 content_policy_violation, always",
    "F14": "as F08, and the fallback refuses a request that ends with an assistant message",
    "F15": "503 for 60 s, then healthy",
    "F16": "503 always",
}


def ends_with_assistant(request: Request) -> bool:
    """Whether the conversation ends with an assistant message, a prefill.

    Example:
        >>> step = Step("prefill", when=ends_with_assistant, forever=True)
    """
    return request.last_role == "assistant"


def scenario(
    name: str, *, scale: float = 1.0, interval: float = BENCH_INTERVAL, part: Literal["primary", "fallback"] = "primary"
) -> list[Step]:  # fmt: skip
    """Return the script of one of the sixteen scenarios.

    Args:
        name: `F01` to `F16`.
        scale: Shortens (or stretches) all times but the interval between tokens: with 0.1 the outage of F15 is six
            seconds.
        interval: Seconds a token of the answers.
        part: Whose script: the primary's, which has the fault, or the fallback's, which is healthy but for F14.

    Returns:
        Steps for `FakeProvider.script`; the last one never ends, so that healthy answers keep the pace.

    Example:
        >>> scenario("F01")[0]
        Step(429, retry_after=2.0)
        >>> scenario("F15", scale=0.1)[0]
        Step(503, for_seconds=6.0)
    """
    if name not in SCENARIOS or part not in ("primary", "fallback"):
        msg = f"unknown scenario `{name}` ({part}): one of {', '.join(SCENARIOS)}, primary or fallback"
        raise ValueError(msg)
    healthy = Step(interval=interval, forever=True)
    if part == "fallback":
        return (
            [Step("prefill", when=ends_with_assistant, interval=interval, forever=True)] if name == "F14" else [healthy]
        )
    faults = [replace(step, interval=interval) if step.what == "ok" else step for step in _FAULTS[name](scale)]
    return faults if faults[-1].forever else [*faults, healthy]


def _always(step: Step) -> list[Step]:
    return [replace(step, forever=True)]


_FAULTS: Mapping[str, Callable[[float], list[Step]]] = {
    "F01": lambda s: [Step(429, retry_after=2 * s)],
    "F02": lambda _: _always(Step(429)),
    "F03": lambda _: [Step(500)],
    "F04": lambda _: _always(Step(503)),
    "F05": lambda _: [Step("reset")],
    "F06": lambda s: _always(Step("hang", delay=120 * s)),
    "F07": lambda s: _always(Step(first_token_delay=20 * s)),
    "F08": lambda _: _always(Step(cut_after=40)),
    "F09": lambda s: [Step(stall_after=20, stall=30 * s, cut_after=20)],
    "F10": lambda _: [Step(bad_event_at=10)],
    "F11": lambda _: _always(Step(no_done=True)),
    "F12": lambda _: _always(Step("context_length")),
    "F13": lambda _: _always(Step("content_filter")),
    "F14": lambda _: _always(Step(cut_after=40)),
    "F15": lambda s: [Step(503, for_seconds=60 * s)],
    "F16": lambda _: _always(Step(503)),
}
