"""Second copies of slow requests, with real threads and real servers. Exact times are in tests/rust/hedging.rs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from calling import FORMS, STREAMS, call, config, idle, took
from waypost import ConfigError, Router
from waypost.testing import FakeProvider, Step


def hedged(*fakes: FakeProvider, after: Any = "100ms", max_extra: float = 1.0, **top: Any) -> Router:
    """Return a router that hedges over these."""
    return Router(config(*fakes, resilience={"hedge": {"after": after, "max_extra": max_extra}}, **top))


def outcomes(reply: Any) -> list[tuple[str, str, bool]]:
    """Return who was tried, how it ended, and whether it was a copy."""
    return [(attempt.deployment, attempt.outcome, attempt.hedge) for attempt in reply.decision.attempts]


@pytest.mark.parametrize("form", FORMS)
def test_a_slow_one_is_outrun_by_its_copy_and_cancelled_at_its_provider(form: str) -> None:
    with FakeProvider() as a, FakeProvider(reply="from b") as b:
        a.script(Step(delay=5, first_token_delay=5, forever=True))
        router = hedged(a, b, each={"price": {"input": 1.0, "output": 10.0}})
        with took(2.0, at_least=0.1):
            reply = call(router, form)
        assert (reply.text, reply.deployment) == ("from b", "b")
        assert outcomes(reply) == [("a", "cancelled", False), ("b", "ok", True)]
        slow, copy = reply.decision.attempts
        assert slow.error is None
        assert slow.possibly_billed
        assert slow.message == "`b` answered first"
        assert 0.1 <= copy.started < 1.0
        assert "`a` was slow, and its copy to `b` answered first" in reply.decision.reason
        assert idle(router)
        spend = {row.name: row.spend for row in router.deployments}
        assert spend["a"] > 0
        assert spend["b"] == pytest.approx(reply.cost.usd)
        until = time.monotonic() + 2
        while a.open_connections and time.monotonic() < until:
            time.sleep(0.01)
        assert a.open_connections == 0
        assert "waypost_hedges_won_total 1" in router.metrics()


@pytest.mark.parametrize("form", STREAMS)
def test_the_percentile_is_measured_on_first_tokens(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        # Noise of the machine may earn one of the first calls a copy: enough is left for the slow one.
        router = hedged(a, b, after="p95", max_extra=0.5)
        for _ in range(20):
            call(router, form)
        assert a.count == 20
        a.script(Step(first_token_delay=5))
        with took(2.0):
            reply = call(router, form)
        assert outcomes(reply) == [("a", "cancelled", False), ("b", "ok", True)]


def test_o10_copies_stay_within_their_share_under_overload() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        for fake in (a, b):
            fake.script(Step(delay=0.05, forever=True))
        router = hedged(a, b, after="5ms", max_extra=0.05)
        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda _: call(router, "chat"), range(200)))
        copies = sum(attempt.hedge for reply in replies for attempt in reply.decision.attempts)
        assert 1 <= copies <= 10
        assert a.count + b.count == 200 + copies
        assert idle(router)
        assert all(row.breaker == "closed" for row in router.deployments)


def test_a_copy_never_leaves_what_policy_allows() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(Step(delay=0.5, forever=True))
        rules = [{"name": "home", "when": "sensitive.any", "deny": {"deployments": ["b"]}}]
        router = hedged(a, b, rules=rules)
        assert call(router, "chat", "Write to anna.berg@example.org").deployment == "a"
        assert b.count == 0
        assert call(router, "chat", "Write a poem").deployment == "b"


def test_its_settings_are_checked() -> None:
    with FakeProvider() as a, pytest.raises(ConfigError) as caught:
        hedged(a, after="p100")
    assert caught.value.path == "resilience.hedge.after"
