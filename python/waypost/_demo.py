"""`waypost demo`: an outage, a dying stream and a patient's letter, against fake providers on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ._terminal import indent, paint, say, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .errors import WaypostError
    from .results import ChatResponse, Decision
    from .router import Router
    from .testing import FakeFleet

RULE = "sensitive stays home"
LETTER = "Write to our patient anna.berg@example.org: her account DE89 3704 0044 0532 0130 00 was charged twice."
TRACES = (b"anna.berg", b"DE89")  # Either of them in a request means that it carried the letter.
QUESTION = "Why is the sky blue?"
PUBLIC = ("mini", "haiku")

ANSWERS = {
    "mini": "Air scatters blue light more than red.",
    "haiku": "Because air molecules scatter short wavelengths most, and blue reaches us from everywhere.",
    "house": "Dear Ms Berg, we are sorry: the second charge will be refunded within three days.",
}


def demo() -> int:
    """Tell the story; return the exit code."""
    from .router import Router

    began = time.monotonic()
    with _fleet() as fleet, Router(_config(fleet)) as router:
        say("Three deployments: two public ones, `mini` (cheap) and `haiku`, and `house`, a model of our own.", "dim")
        say("All are real HTTP servers on this machine that play their providers: no key, no network.", "dim")
        _cheapest(router)
        _outage(router, fleet)
        _stream(router, fleet)
        _breaker(router, fleet)
        kept = _sensitive(router, fleet)
    say()
    say(f"Done in {time.monotonic() - began:.1f} s. The same in your code: `Router(…)`, then `reply.decision`.", "dim")
    return 0 if kept else 1


def _fleet() -> FakeFleet:
    from .testing import FakeFleet, FakeProvider

    fleet = FakeFleet("openai")
    fleet.add("mini", FakeProvider("openai", ANSWERS["mini"], model="gpt-5-mini"))
    fleet.add("haiku", FakeProvider("anthropic", ANSWERS["haiku"], model="claude-haiku-4-5", latency=0.03))
    house = FakeProvider("openai", ANSWERS["house"], provider="openai-compatible", model="llama-3.3-70b", latency=0.06)
    fleet.add("house", house)
    return fleet


def _config(fleet: FakeFleet) -> dict[str, Any]:
    """Return what a user would write in a file, with short times so that nobody has to wait."""
    free = {"input": 0.0, "output": 0.0}
    config = fleet.config(
        *PUBLIC,
        fallback=["house"],
        strategy="cheapest",
        rules=[{"name": RULE, "when": "sensitive.any", "require": {"tags": ["private"]}}],
        resilience={
            "timeouts": {"connect": "500ms", "first_token": "200ms"},
            "retry": {"backoff": "20ms"},
            "breaker": {"failures": 3, "cooldown": "600ms"},
        },
    )
    config["deployments"]["house"].update(tags=["private"], price=free)
    return config


def _cheapest(router: Router) -> None:
    _scene("1. The cheapest model that can answer does")
    _told(router.chat(QUESTION))


def _outage(router: Router, fleet: FakeFleet) -> None:
    _scene("2. Its provider goes down; nobody notices")
    fleet.script("mini", 503)
    _told(router.chat(QUESTION))


def _stream(router: Router, fleet: FakeFleet) -> None:
    from .testing import Step

    _scene("3. A stream falls silent before its first token; another model takes over")
    fleet.script("mini", Step(stall_after=0))
    stream = router.stream(QUESTION)
    write("  ")
    for chunk in stream:
        write(chunk.text)
        time.sleep(0.01)
    say()
    if stream.response is not None:
        _explained(stream.response.decision)


def _breaker(router: Router, fleet: FakeFleet) -> None:
    _scene("4. An outage that lasts opens the breaker: no call waits for `mini` any more, until it is well again")
    fleet.script("mini", 503, forever=True)
    for _ in range(3):
        router.chat(QUESTION)
    seen = fleet["mini"].count
    _told(router.chat(QUESTION))
    say(f"  requests that `mini` saw of this call: {fleet['mini'].count - seen}", "cyan")
    fleet.script("mini")
    time.sleep(0.7)
    reply = router.chat(QUESTION)
    state = next(row.breaker for row in router.deployments if row.name == "mini")
    say(f"  0.7 s later `mini` is back: a probe went to `{reply.deployment}`, its breaker is {state}", "cyan")


def _sensitive(router: Router, fleet: FakeFleet) -> bool:
    _scene("5. A patient's letter stays at home, on the first try and on every other")
    say(f"  {LETTER}", "dim")
    _told(router.chat(LETTER))
    say()
    say("  Now `house` is down as well:")
    fleet.script("house", "refuse", forever=True)
    failures = [*_failures(router)]
    for error in failures:
        say(f"  {paint(type(error).__name__, 'red')}: {error}")
    if failures[-1].decision is not None:
        _explained(failures[-1].decision)
    say()
    return _proof(fleet)


def _failures(router: Router) -> Iterator[WaypostError]:
    """Ask until nobody is left to be tried; a leak would end it too, and be seen in the proof."""
    from .errors import NoCandidatesError, WaypostError

    for _ in range(5):
        try:
            router.chat(LETTER)
        except WaypostError as error:  # noqa: PERF203
            yield error
            if isinstance(error, NoCandidatesError):
                return


def _proof(fleet: FakeFleet) -> bool:
    """Count the requests that carried the letter, as the servers saw them."""
    carried = {
        name: sum(any(trace in request.raw for trace in TRACES) for request in fleet[name].requests)
        for name in (*PUBLIC, "house")
    }
    leaks = sum(carried[name] for name in PUBLIC)
    counts = ", ".join(f"`{name}` {count} of {fleet[name].count}" for name, count in carried.items())
    say(f"  requests with the letter in them, as the servers saw them: {counts}", "cyan")
    if leaks:
        say(f"  {leaks} went to a public model: this is a defect of waypost, please report it", "red", "bold")
    else:
        say("  none went to a public model", "green", "bold")
    return leaks == 0


def _scene(title: str) -> None:
    say()
    say(title, "bold")


def _told(reply: ChatResponse) -> None:
    cost = "unpriced" if reply.cost.usd is None else f"{reply.cost.usd:.6f} USD"
    saved = f", {reply.cost.saved_usd:.6f} USD saved" if reply.cost.saved_usd else ""
    say(f"  {paint(reply.deployment, 'green')}: {reply.text}")
    say(f"  {cost}{saved}, {reply.latency * 1e3:.0f} ms", "dim")
    _explained(reply.decision)


def _explained(decision: Decision) -> None:
    say(indent(decision.explain()), "dim")
