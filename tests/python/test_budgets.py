"""Budgets: what is spent is spent, also by calls at once, and the error says which budget and until when."""

from __future__ import annotations

import asyncio
import time

import pytest
from waypost import BudgetExceededError, Router
from waypost.testing import FakeProvider, Reply

PRICE = {"input": 1.0, "output": 1000.0}
# An answer of ten tokens costs a cent; the caller allows no more.
REPLY = Reply("ten tokens", usage={"prompt_tokens": 0, "completion_tokens": 10})


@pytest.fixture
def fake():
    with FakeProvider("openai", REPLY) as fake:
        yield fake


def router(fake: FakeProvider, usd: float, *, price: object = PRICE, **budget: object) -> Router:
    deployment = fake.deployment(**({"price": price} if price else {}))
    if not price:
        deployment["model"] = "openai-compatible/nobody-knows-its-price"
    return Router({"deployments": {"a": deployment}, "budgets": {"daily": {"usd": usd, "window": "1d", **budget}}})


def test_a_spent_budget_is_an_error_with_its_name_and_its_end(fake: FakeProvider) -> None:
    with router(fake, 0.025) as r:
        assert r.chat("Hi", max_tokens=10).cost.usd == pytest.approx(0.01)
        r.chat("Hi", max_tokens=10)
        with pytest.raises(BudgetExceededError, match="`daily`") as caught:
            r.chat("Hi", max_tokens=10)
        error = caught.value
        assert error.budget == "daily"
        assert time.time() < error.resets_at <= time.time() + 86_400
        assert error.retry_after == pytest.approx(error.resets_at - time.time(), abs=5)
        assert [c.reason for c in error.decision.candidates] == ["budget"]
        decision = r.route("Hi", max_tokens=10)
        assert (decision.chosen, decision.error) == (None, "BudgetExceededError")
        assert 'waypost_budget_used_ratio{budget="daily"} 0.8' in r.metrics()
        assert r.signals("Hi")["budgets"]["daily"] == pytest.approx(0.8, abs=0.01)
        with pytest.raises(BudgetExceededError):
            list(r.stream("Hi", max_tokens=10))
    assert len(fake.requests) == 2


async def test_calls_at_once_never_overspend(fake: FakeProvider) -> None:
    fake.latency = 0.05
    with router(fake, 0.105) as r:
        calls = [r.achat("Hi", max_tokens=10) for _ in range(60)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        served = [x for x in results if not isinstance(x, Exception)]
        assert len(served) == len(fake.requests) == 10
        assert all(isinstance(x, BudgetExceededError) for x in results if isinstance(x, Exception))


async def test_leaving_a_stream_books_what_came(fake: FakeProvider) -> None:
    fake.reply, fake.interval = Reply("word " * 50, usage=False), 0.01
    with router(fake, 1.0) as r:
        async with r.astream("Hi") as stream:
            async for chunk in stream:
                if chunk.text:
                    break
        for _ in range(100):
            used = r.signals("Hi")["budgets"]["daily"]
            if 0 < used < 0.06:
                break
            await asyncio.sleep(0.02)
        assert 0 < used < 0.06


def test_a_failure_costs_nothing(fake: FakeProvider) -> None:
    fake.script(*[400] * 3)
    with router(fake, 0.011) as r:
        for _ in range(3):
            with pytest.raises(Exception, match=r".") as caught:
                r.chat("Hi", max_tokens=10)
            assert not isinstance(caught.value, BudgetExceededError)
        r.chat("Hi", max_tokens=10)


def test_the_unpriced_is_refused_and_says_so(fake: FakeProvider) -> None:
    with router(fake, 5.0, price=None) as r:
        with pytest.raises(BudgetExceededError) as caught:
            r.chat("Hi")
        assert "unpriced" in caught.value.decision.candidates[0].detail
        assert any("has no price" in warning for warning in r._core.warnings())
    assert not fake.requests


def test_accounts_and_fallback(fake: FakeProvider) -> None:
    with FakeProvider("openai", REPLY) as house:
        config = {
            "deployments": {
                "a": fake.deployment(price=PRICE),
                "house": house.deployment(price={"input": 0.0, "output": 0.0}),
            },
            "routes": {"auto": {"candidates": ["a"], "fallback": ["house"]}},
            "budgets": {"team": {"usd": 0.015, "window": "1h", "per": "tag:team"}},
        }
        with Router(config) as r:
            ask = lambda team: r.chat("Hi", max_tokens=10, tags=[f"team:{team}"]).deployment  # noqa: E731
            assert [ask("x"), ask("x"), ask("y")] == ["a", "house", "a"]
            r.reload(config)
            assert ask("x") == "house", "a reload forgets nothing"
