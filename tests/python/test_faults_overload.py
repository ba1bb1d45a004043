"""Breakers, budgets and overload (FAULTS §E), with real threads and real servers. Exact times are in tests/rust."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from calling import FORMS, attempts, call, config, failure, idle, took
from waypost import NoCandidatesError, RateLimitError, Router
from waypost.testing import FakeProvider, Step


def row(router: Router, name: str = "a") -> Any:
    """How a deployment stands."""
    return next(status for status in router.deployments if status.name == name)


def breaker(**settings: Any) -> dict[str, Any]:
    """Return `resilience` with this breaker, and one attempt a call."""
    return {"resilience": {"breaker": settings, "retry": {"attempts": 1}}}


@pytest.mark.parametrize("form", FORMS)
def test_o1_it_opens_exactly_at_its_number(form: str) -> None:
    with FakeProvider() as a:
        router = Router(config(a, **breaker(failures=3)))
        a.script(500, 500, 200, 500, 500, 400, 500)
        for n in range(7):
            assert row(router).breaker == "closed", n
            call(router, form) if n == 2 else failure(router, form)
        assert row(router).breaker == "open"
        assert row(router).failures == {"server": 5, "invalid_request": 1}
        error = failure(router, form)
        assert isinstance(error, NoCandidatesError)
        assert error.decision.candidates[0].reason == "breaker_open"
        assert 14 < error.retry_after <= 15
        assert 14 < row(router).opens_in <= 15
        assert a.count == 7


def test_o2_half_of_all_failing_opens_it() -> None:
    with FakeProvider() as a:
        router = Router(config(a, **breaker()))
        a.script(*[500, 200] * 20)
        for n in range(12):
            failure(router, "chat") if n % 2 == 0 else call(router, "chat")
            if row(router).breaker == "open":
                break
        assert row(router).breaker == "open"
        assert a.count == 11


def test_o2_its_ratio_and_its_least_number_are_the_configurations() -> None:
    with FakeProvider() as a:
        router = Router(config(a, **breaker(ratio=0.2, min_calls=4)))
        a.script(200, 200, 200, 500)
        for n in range(4):
            assert row(router).breaker == "closed", n
            failure(router, "chat") if n == 3 else call(router, "chat")
        assert row(router).breaker == "open"


def test_o3_one_failure_at_the_start_opens_nothing() -> None:
    with FakeProvider() as a:
        router = Router(config(a, **breaker()))
        a.script(500)
        failure(router, "chat")
        assert row(router).breaker == "closed"


@pytest.mark.parametrize("form", ["achat", "astream"])
def test_o4_one_probe_and_the_others_go_elsewhere(form: str) -> None:
    async def burst(router: Router) -> list[str]:
        async def one() -> str:
            if form == "achat":
                return (await router.achat("Hello")).deployment
            stream = router.astream("Hello")
            async for _ in stream:
                pass
            return stream.response.deployment

        return await asyncio.gather(*(one() for _ in range(200)))

    with FakeProvider() as a, FakeProvider() as b:
        a.script(500)
        router = Router(config(a, b, resilience={"breaker": {"failures": 1, "cooldown": "0.1s"}}))
        router.chat("Hello")
        assert row(router).breaker == "open"
        time.sleep(0.12)
        assert row(router).breaker == "half_open"
        a.script(Step(delay=0.3), forever=True)
        served = asyncio.run(burst(router))
        assert served.count("a") == 1
        assert a.count == 2
        assert row(router).breaker == "closed"


def test_o5_a_probe_that_is_cancelled_gives_its_place_back() -> None:
    async def abandoned(router: Router) -> None:
        task = asyncio.ensure_future(router.achat("Hello"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.05)

    with FakeProvider() as a:
        a.script(500, "hang")
        router = Router(config(a, **breaker(failures=1, cooldown="0.1s")))
        failure(router, "chat")
        time.sleep(0.12)
        asyncio.run(abandoned(router))
        assert row(router).breaker == "half_open"
        assert router.chat("Hello").deployment == "a"
        assert row(router).breaker == "closed"


def test_o6_a_late_success_does_not_close_it() -> None:
    with FakeProvider() as a, ThreadPoolExecutor() as pool:
        a.script(Step(delay=0.3), 500, 500)
        router = Router(config(a, **breaker(failures=2)))
        late = pool.submit(router.chat, "Hello")
        a.wait_for(1)
        for _ in range(2):
            failure(router, "chat")
        assert late.result().deployment == "a"
        assert row(router).breaker == "open"


@pytest.mark.parametrize("form", FORMS)
def test_o7_with_all_of_them_open_it_fails_fast_and_says_when(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(500, forever=True)
        b.script(500, forever=True)
        router = Router(config(a, b, resilience={"breaker": {"failures": 1, "cooldown": "5s"}}))
        failure(router, form)
        with took(0.1):
            error = failure(router, form)
        assert isinstance(error, NoCandidatesError)
        assert 4 < error.retry_after <= 5
        assert "2 resting after failures" in str(error)


def test_o8_o9_an_outage_is_not_made_a_storm() -> None:
    async def burst(router: Router) -> list[Any]:
        return await asyncio.gather(*(router.achat("Hello") for _ in range(100)), return_exceptions=True)

    with FakeProvider() as a:
        # A rate limit opens no breaker: only the budget holds the repetitions back.
        a.script(Step(429, delay=0.1), forever=True)
        router = Router(config(a, resilience={"retry": {"backoff": "0.2s", "max_backoff": "0.2s"}}))
        results = asyncio.run(burst(router))
        assert all(isinstance(result, RateLimitError) for result in results)
        assert 100 < a.count <= 123  # At most a fifth more, and three.
        assert idle(router)


@pytest.mark.parametrize("form", ["chat", "achat", "stream", "astream"])
def test_o15_limits_hold_with_many_workers(form: str) -> None:
    with FakeProvider() as a, ThreadPoolExecutor(16) as pool:
        router = Router(config(a, each={"limits": {"rpm": 20}}))

        def one(_: int) -> bool:
            try:
                return bool(call(router, form).text)
            except NoCandidatesError as error:
                assert error.decision.candidates[0].reason == "rate_limited"
                assert 0 < error.retry_after <= 61
                return False

        served = list(pool.map(one, range(60)))
        assert sum(served) == a.count == 20
        assert row(router).limits_left == {"rpm": 0}


def test_tokens_are_reserved_with_the_answer_they_allow() -> None:
    async def burst(router: Router) -> int:
        results = await asyncio.gather(
            *(router.achat("one two three", max_tokens=100) for _ in range(40)), return_exceptions=True
        )
        return sum(not isinstance(result, Exception) for result in results)

    with FakeProvider(reply="short") as a:
        a.script(Step(delay=0.2), forever=True)
        router = Router(config(a, each={"limits": {"tpm": 1_000}}))
        # Some 104 to 110 tokens each, reserved before the answer is known: nine fit at once.
        assert asyncio.run(burst(router)) == 9
        assert row(router).limits_left["tpm"] > 900


@pytest.mark.parametrize("form", FORMS)
def test_who_finds_all_places_taken_waits_a_little(form: str) -> None:
    with FakeProvider("anthropic") as a, ThreadPoolExecutor(10) as pool:
        a.script(Step(delay=0.03), forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 1}}))
        served = list(pool.map(lambda _: call(router, form).deployment, range(10)))
        assert served == ["a"] * 10
        assert a.peak == 1
        assert idle(router)


def test_a_wait_for_a_place_ends_with_patience_or_the_deadline() -> None:
    with FakeProvider("anthropic") as a, ThreadPoolExecutor(1) as pool:
        a.script("hang", forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 1}}))
        held = pool.submit(failure, router, "chat", timeout=4)
        a.wait_for(1)
        with took(0.4, at_least=0.3):
            error = failure(router, "chat", timeout=0.3)
        assert isinstance(error, NoCandidatesError)
        assert error.decision.candidates[0].reason == "rate_limited"
        with took(3.2, at_least=2.9):
            assert isinstance(failure(router, "chat"), NoCandidatesError)
        held.result()


def test_with_another_ready_nobody_waits_for_a_place() -> None:
    with FakeProvider() as a, FakeProvider() as b, ThreadPoolExecutor(1) as pool:
        a.script(Step(delay=0.5))
        router = Router(config(a, fallback=(b,), each={"limits": {"concurrency": 1}}))
        held = pool.submit(router.chat, "Hello")
        a.wait_for(1)
        with took(0.2):
            response = router.chat("Hello")
        assert attempts(response) == [("y", None)]
        assert response.decision.candidates[-1].reason in ("rate_limited", None)
        held.result()


@pytest.mark.parametrize("form", ["batch", "abatch"])
def test_a_batch_is_patient(form: str) -> None:
    with FakeProvider("anthropic") as a:
        a.script(Step(delay=0.12), forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 1}}, resilience={"timeouts": {"total": "20s"}}))
        items = [f"number {n}" for n in range(30)]
        served = router.batch(items) if form == "batch" else asyncio.run(router.abatch(items))
        assert [response.deployment for response in served] == ["a"] * 30
        assert a.peak == 1


def test_t12_a_hundred_calls_share_two_places() -> None:
    async def burst(router: Router) -> list[Any]:
        return await asyncio.gather(*(router.achat("Hello", timeout=9) for _ in range(100)), return_exceptions=True)

    with FakeProvider("anthropic") as a:
        a.script(Step(delay=0.01), forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 2}}))
        assert all(response.deployment == "a" for response in asyncio.run(burst(router)))
        assert a.peak == 2
        # What does not get a place in time is told so, and when it is told the rest is not held up.
        a.script(Step(delay=0.2), forever=True)
        with took(4.0):
            results = asyncio.run(burst(router))
        refused = [result for result in results if isinstance(result, NoCandidatesError)]
        assert 60 < len(refused) < 80
        assert a.peak == 2
        assert idle(router)


@pytest.mark.parametrize("form", FORMS)
def test_disabled_means_no_new_attempt(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        router = Router(config(a, b))
        router.disable("a")
        response = call(router, form)
        assert attempts(response) == [("b", None)]
        assert [(c.deployment, c.reason) for c in response.decision.candidates] == [("b", None), ("a", "disabled")]
        router.enable("a")
        assert call(router, form).deployment == "a"
        router.disable("a")
        router.disable("b")
        error = failure(router, form)
        assert isinstance(error, NoCandidatesError)
        assert error.retry_after is None


def test_o14_a_flood_of_one_tenant_does_not_delay_the_others() -> None:
    with FakeProvider() as a, ThreadPoolExecutor(41) as pool:
        a.script(Step(delay=0.05), forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 1}}, resilience={"queue": {"max_wait": "20s"}}))
        flood = [pool.submit(router.chat, "Hello", user="flood") for _ in range(40)]
        while row(router).waiting < 39:
            time.sleep(0.001)
        begun = time.monotonic()
        urgent = pool.submit(router.chat, "Hello", user="flood", metadata={"priority": "high"})
        calm = router.chat("Hello", user="calm")
        assert time.monotonic() - begun < 1
        assert 0 < calm.decision.waited < 1
        assert "in line for room" in calm.decision.explain()
        assert urgent.result().decision.waited < 1
        assert not all(call.done() for call in flood)
        assert all(call.result().text for call in flood)
        assert row(router).waiting == 0
        assert max(call.result().decision.waited for call in flood) > 1


def test_a_repetition_does_not_go_to_one_that_was_disabled_meanwhile() -> None:
    with FakeProvider() as a, ThreadPoolExecutor(1) as pool:
        a.script(Step(429, retry_after=0.4), forever=True)
        router = Router(config(a))
        waiting = pool.submit(failure, router, "chat")
        a.wait_for(1)
        time.sleep(0.1)
        router.disable("a")
        assert isinstance(waiting.result(), RateLimitError)
        assert a.count == 1


def test_fastest_finds_one_that_recovered() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        b.script(Step(delay=0.02), forever=True)
        a.script(*[500] * 5)
        settings = {"breaker": {"cooldown": "0.2s", "slow_start": "0.2s"}}
        router = Router(config(a, b, strategy="fastest", resilience=settings))
        for _ in range(10):
            router.chat("Hello")
        time.sleep(0.5)
        assert "a" in [router.chat("Hello").deployment for _ in range(10)]


def test_the_same_seed_gives_the_same_sequence() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        made = config(a, b, strategy="weighted")
        first, second = ([Router(made, seed=7).chat("x").deployment for _ in range(1)] for _ in range(2))
        assert first == second
        sequences = []
        for seed in (7, 7, 8):
            router = Router(made, seed=seed)
            sequences.append([router.chat("Hello").deployment for _ in range(40)])
            # Asking what would be done changes nothing.
            router = Router(made, seed=seed)
            sequences[-1] += [router.route("Hello").chosen or "" for _ in range(3)][:1]
        assert sequences[0] == sequences[1] != sequences[2]
        assert {"a", "b"} == set(sequences[0])


@pytest.mark.parametrize("form", FORMS)
def test_a_price_cap_refuses_what_is_dearer_or_unpriced(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b, FakeProvider() as c:
        made = config(a, b, c)
        made["deployments"]["a"]["price"] = {"input": 1000, "output": 1000}
        made["deployments"]["c"]["price"] = {"input": 0.01, "output": 0.01}
        response = call(Router(made), form, max_cost=0.001)
        assert attempts(response) == [("c", None)]
        refused = {c.deployment: c.reason for c in response.decision.candidates if not c.accepted}
        assert refused == {"a": "price_cap", "b": "price_cap"}
        error = failure(Router(made), form, max_cost=0)
        assert isinstance(error, NoCandidatesError)


def test_a_session_stays_where_it_was() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        router = Router(config(a, b, strategy="round_robin"))
        home = router.chat("Hello", session="s").deployment
        assert {router.chat("Hello", session="s").deployment for _ in range(6)} == {home}
        assert {router.chat("Hello").deployment for _ in range(6)} == {"a", "b"}
        {"a": a, "b": b}[home].script(500, 500, 500, forever=True)
        moved = router.chat("Hello", session="s").deployment
        assert moved != home
        assert router.chat("Hello", session="s").deployment == moved


@pytest.mark.parametrize("form", FORMS)
def test_who_cools_when_the_call_begins_is_tried_when_its_pause_ends(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        router = Router(config(a, b))
        a.script(Step(429, retry_after=0.6), 200)
        b.script(200, Step(401))
        assert call(router, form).deployment == "b"
        with took(2.0, 0.2):
            response = call(router, form)
        assert response.deployment == "a"
        assert [(one.deployment, one.accepted, one.rank) for one in response.decision.candidates] == [
            ("b", True, 1),
            ("a", True, 2),
        ]
        assert (a.count, b.count) == (2, 2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("word", ["fail", "probe_best", {"wait": "3s"}])
def test_o7_when_everyone_rests(form: str, word: Any) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        settings = breaker(failures=1, cooldown="1s")
        settings["resilience"]["on_all_unavailable"] = word
        rules = [{"name": "stays with a", "deny": ["b"]}]
        router = Router(config(a, b, rules=rules, **settings))
        a.script(500, 200)
        failure(router, form)
        if word == "fail":
            with took(0.5):
                error = failure(router, form)
            assert isinstance(error, NoCandidatesError)
            assert error.retry_after > 0
            assert error.decision.candidates[0].reason == "breaker_open"
            return
        with took(2.5, 0.0 if word == "probe_best" else 0.5):
            response = call(router, form)
        first, second = response.decision.candidates
        assert (first.deployment, first.accepted, first.reason) == ("a", True, None)
        assert (second.deployment, second.accepted) == ("b", False)
        assert ("rests" in (first.detail or "")) == (word == "probe_best")
        assert row(router).breaker == "closed"
        assert (a.count, b.count) == (2, 0)
