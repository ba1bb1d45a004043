"""Fake providers for tests: real HTTP servers on loopback, with scripted answers and faults.

They speak the wire formats of OpenAI, Anthropic, Gemini and Ollama, streamed and not, so that what is tested is what
runs: the client, its timeouts, its connections. No key and no network is needed, and they work beside any event loop.

    from waypost import Router
    from waypost.testing import FakeFleet, Step

    with FakeFleet("openai", "anthropic") as fleet:
        fleet.script("openai", [429, "reset", Step(cut_after=10)])      # then healthy
        with Router(fleet.config()) as router:
            reply = router.chat("Why is the sky blue?")
        assert reply.deployment == "anthropic"
        assert [request.status for request in fleet["openai"].requests] == [429]

One provider alone is a `FakeProvider`. What a step can do is in `Step`, the names that it can have in `step_names()`;
`scenario("F08")` is one of sixteen published failovers. `Replay` records a real provider's answers and plays them back.
"""

from __future__ import annotations

from .fleet import FakeFleet
from .provider import FakeProvider
from .replay import Replay
from .reply import SIXTY_WORDS, Reply
from .request import Request
from .scenarios import BENCH_INTERVAL, SCENARIOS, ends_with_assistant, scenario
from .script import Step, step_names

__all__ = [
    "BENCH_INTERVAL",
    "SCENARIOS",
    "SIXTY_WORDS",
    "FakeFleet",
    "FakeProvider",
    "Replay",
    "Reply",
    "Request",
    "Step",
    "ends_with_assistant",
    "scenario",
    "step_names",
]
