"""The sixteen failovers of an independent public bench, at shortened times: one primary, one fallback, default settings."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from calling import DIALECTS, FORMS, STREAMS, attempts, call, failure, idle, streamed, took
from waypost import ContentFilterError, Router, StreamError, WaypostError
from waypost.testing import SIXTY_WORDS, FakeProvider, Step, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

# Time limits a tenth of the defaults; everything else is as it comes.
TIMEOUTS = {
    "connect": "0.3s",
    "first_byte": "1s",
    "first_token": "1s",
    "stall": "1.5s",
    "response": "1.5s",
    "total": "18s",
}


class Bench:
    """A primary with a fault and a fallback, each a server of its own."""

    def __init__(self, dialect: str, stack: ExitStack) -> None:
        self.primary = stack.enter_context(FakeProvider(dialect, model="primary"))
        self.fallback = stack.enter_context(FakeProvider("anthropic", model="fallback"))

    def play(self, name: str, scale: float = 0.1, interval: float = 0.0) -> None:
        """Script both."""
        self.primary.script(*scenario(name, scale=scale, interval=interval))
        self.fallback.script(*scenario(name, scale=scale, interval=interval, part="fallback"))

    def router(self, **top: Any) -> Router:
        """A router with default settings but for the time limits, and what becomes of a broken stream."""
        able = {"capabilities": {"prefill": True}} if top.pop("prefill", False) else {}
        deployments = {"primary": self.primary.deployment(), "fallback": self.fallback.deployment(**able)}
        route: dict[str, Any] = {"candidates": ["primary"], "fallback": ["fallback"]}
        if answer := top.pop("answer", None):
            route["on_stream_failure"] = answer
        resilience = {"timeouts": TIMEOUTS, **top.pop("resilience", {})}
        return Router({"deployments": deployments, "routes": {"auto": route}, "resilience": resilience, **top})


@pytest.fixture(params=DIALECTS)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bench for each wire format."""
    with ExitStack() as stack:
        yield Bench(request.param, stack)


@pytest.fixture
def one() -> Iterator[Bench]:
    """A bench in one wire format, for what takes time."""
    with ExitStack() as stack:
        yield Bench("anthropic", stack)


def whole(response: Any, deployment: str) -> None:
    """The answer is whole, has usage, and says who served it."""
    assert response.text == SIXTY_WORDS
    assert response.deployment == deployment
    assert response.model == deployment
    assert response.decision.chosen == deployment
    assert response.usage.completion_tokens >= 60


@pytest.mark.parametrize("form", FORMS)
def test_f01_waits_as_long_as_the_primary_asks(one: Bench, form: str) -> None:
    one.play("F01", scale=0.15)
    with took(1.5, at_least=0.3):
        whole(call(one.router(), form), "primary")
    first, second = one.primary.requests
    assert second.started - first.started >= 0.3
    assert one.fallback.count == 0


@pytest.mark.parametrize("form", FORMS)
def test_f02_a_limited_primary_is_not_hammered(bench: Bench, form: str) -> None:
    bench.play("F02")
    with took(1.5):
        whole(call(bench.router(), form), "fallback")
    assert bench.primary.count == 2


@pytest.mark.parametrize("form", FORMS)
def test_f03_one_error_is_retried_where_it_happened(bench: Bench, form: str) -> None:
    bench.play("F03")
    response = call(bench.router(), form)
    whole(response, "primary")
    assert attempts(response) == [("primary", "server"), ("primary", None)]
    assert bench.fallback.count == 0


@pytest.mark.parametrize("form", FORMS)
def test_f04_an_outage_goes_to_the_fallback(bench: Bench, form: str) -> None:
    bench.play("F04")
    with took(1.0):
        whole(call(bench.router(), form), "fallback")
    assert bench.primary.count == 2


@pytest.mark.parametrize("form", FORMS)
def test_f05_a_reset_connection_is_retried(bench: Bench, form: str) -> None:
    bench.play("F05")
    response = call(bench.router(), form)
    whole(response, "primary")
    assert [error for _, error in attempts(response)] == ["connection", None]


@pytest.mark.parametrize("form", FORMS)
def test_f06_a_silent_primary_is_asked_once(one: Bench, form: str) -> None:
    one.play("F06")
    with took(2.0):
        whole(call(one.router(), form), "fallback")
    assert one.primary.count == 1
    assert one.primary.wait_idle()[0].closed_early


@pytest.mark.parametrize("form", STREAMS)
def test_f07_a_late_first_token_fails_over(one: Bench, form: str) -> None:
    one.play("F07")
    with took(1.5, at_least=0.9):
        whole(call(one.router(), form), "fallback")
    assert one.primary.count == 1


def test_f07_the_answer_of_a_chat_is_waited_for_as_long_as_it_may_take(one: Bench) -> None:
    one.play("F07", scale=0.05)
    whole(call(one.router(), "chat"), "primary")


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("name", ["F08", "F14"])
def test_f08_f14_a_cut_stream_is_an_error_with_what_came(bench: Bench, form: str, name: str) -> None:
    bench.play(name)
    error = failure(bench.router(answer="raise"), form)
    assert isinstance(error, StreamError)
    assert error.deployment == "primary"
    assert SIXTY_WORDS.startswith(error.partial.text)
    assert 30 <= len(error.partial.text.split()) < 60
    assert isinstance(error.__cause__, ConnectionError)
    assert error.decision.attempts[-1].possibly_billed


@pytest.mark.parametrize("form", ["chat", "achat"])
def test_f08_a_cut_answer_that_is_not_streamed_is_asked_for_again(bench: Bench, form: str) -> None:
    bench.play("F08")
    whole(call(bench.router(), form), "fallback")


@pytest.mark.parametrize("form", STREAMS)
def test_f09_a_stall_is_found_in_time(one: Bench, form: str) -> None:
    one.play("F09")
    router = one.router(answer="raise")
    with took(1.8, at_least=1.4):
        error = failure(router, form)
    assert isinstance(error, StreamError)
    assert isinstance(error.__cause__, TimeoutError)
    assert error.partial.text
    whole(call(router, form), "primary")


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("name", ["F08", "F09", "F14"])
@pytest.mark.parametrize("answer", [None, "continue"])
def test_f08_f09_f14_are_answered_whole(one: Bench, form: str, name: str, answer: str | None) -> None:
    one.play(name)
    router = one.router(answer=answer, prefill=name == "F14")
    with took(3.0):
        response, chunks = streamed(router, form)
    assert response.text == SIXTY_WORDS
    assert any(chunk.restarted for chunk in chunks)
    assert attempts(response)[0] == ("primary", "stream")
    assert idle(router)


@pytest.mark.parametrize("form", STREAMS)
def test_who_has_begun_to_answer_is_not_asked_again_unless_the_route_says_so(form: str) -> None:
    for answer, asked in [(None, 1), ("restart", 2)]:
        route = {"candidates": ["a"]} | ({"on_stream_failure": answer} if answer else {})
        with FakeProvider() as a:
            a.script(Step(cut_after=5))
            router = Router({"deployments": {"a": a.deployment()}, "routes": {"auto": route}})
            if answer:
                assert call(router, form).decision.attempts[0].error == "stream"
            else:
                assert isinstance(failure(router, form), StreamError)
            assert a.count == asked


@pytest.mark.parametrize("form", STREAMS)
def test_f10_an_unreadable_event_is_skipped_and_counted(bench: Bench, form: str) -> None:
    bench.play("F10")
    router = bench.router()
    response = call(router, form)
    whole(response, "primary")
    assert response.decision.attempts[0].skipped_events == 1
    whole(call(router, form), "primary")


@pytest.mark.parametrize("form", STREAMS)
def test_f11_a_missing_marker_does_not_hold_up_a_complete_answer(bench: Bench, form: str) -> None:
    bench.play("F11")
    with took(0.4):
        whole(call(bench.router(), form), "primary")


@pytest.mark.parametrize("form", FORMS)
def test_f12_too_long_a_prompt_goes_to_another_model_once(bench: Bench, form: str) -> None:
    bench.play("F12")
    response = call(bench.router(), form)
    whole(response, "fallback")
    assert attempts(response) == [("primary", "context_length"), ("fallback", None)]


@pytest.mark.parametrize("form", FORMS)
def test_f13_a_refusal_is_not_routed_around(bench: Bench, form: str) -> None:
    bench.play("F13")
    error = failure(bench.router(), form)
    assert isinstance(error, ContentFilterError)
    assert (bench.primary.count, bench.fallback.count) == (1, 0)
    assert error.deployment == "primary"
    assert error.decision.error == "ContentFilterError"


@pytest.mark.parametrize("form", ["achat", "stream"])
def test_f15_an_outage_costs_few_attempts_and_the_primary_comes_back(one: Bench, form: str) -> None:
    # A thirtieth of the bench's times: an outage of two seconds, a call every 0.13 s, half a second of rest, then at most two thirds of one.
    one.play("F15", scale=1 / 30)
    router = one.router(resilience={"breaker": {"cooldown": "0.5s", "max_cooldown": "0.67s"}})
    start, served = time.monotonic(), []
    for nth in range(26):
        time.sleep(max(0.0, start + nth * 4 / 30 - time.monotonic()))
        served.append((time.monotonic() - start, call(router, form).deployment))
    outage = [name for at, name in served if at < 1.9]
    assert set(outage) == {"fallback"}
    assert sum(request.status == 503 for request in one.primary.requests) <= 20
    assert served[-1][1] == "primary"


@pytest.mark.parametrize("form", FORMS)
def test_f16_the_fallback_is_named_and_failed_attempts_cost_nothing(bench: Bench, form: str) -> None:
    bench.play("F16")
    price = {"input": 1_000.0, "output": 1_000.0}
    deployments = {
        "primary": bench.primary.deployment(price=price),
        "fallback": bench.fallback.deployment(price={"input": 1.0, "output": 2.0}),
    }
    route = {"candidates": ["primary"], "fallback": ["fallback"]}
    router = Router({"deployments": deployments, "routes": {"auto": route}})
    response = call(router, form)
    whole(response, "fallback")
    assert response.cost.status == "exact"
    usage = response.usage
    assert response.cost.usd == pytest.approx((usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6)
    assert {status.name: status.spend > 0 for status in router.deployments} == {"primary": False, "fallback": True}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_makes_the_same_attempts(form: str) -> None:
    faults = [
        ([429], [("a", "rate_limit"), ("b", None)]),
        ([500, 502], [("a", "server"), ("b", None)]),
        ([Step(529)], [("a", "overloaded"), ("b", None)]),
        (["reset_after_request"], [("a", "connection"), ("b", None)]),
        (["garbage"], [("a", "protocol"), ("b", None)]),
        (["html"], [("a", "protocol"), ("b", None)]),
        (["empty"], [("a", "protocol"), ("b", None)]),
        (["close"], [("a", "connection"), ("b", None)]),
        (["auth"], [("a", "authentication"), ("b", None)]),
        (["permission"], [("a", "permission_denied"), ("b", None)]),
        (["quota"], [("a", "quota"), ("b", None)]),
    ]
    for script, expected in faults:
        with FakeProvider("openai") as a, FakeProvider("anthropic") as b:
            a.script(*script)
            router = Router({"deployments": {"a": a.deployment(), "b": b.deployment()}})
            response = call(router, form)
            assert attempts(response) == expected, (form, script)


@pytest.mark.parametrize("form", ["embed", "aembed"])
def test_embeddings_fail_over_on_the_same_path(form: str) -> None:
    for fault, kind in (
        (429, "rate_limit"),
        ("reset_after_request", "connection"),
        ("garbage", "protocol"),
        ("auth", "authentication"),
    ):
        with FakeProvider("openai") as a, FakeProvider("openai") as b:
            a.script(fault, forever=True)
            router = Router({"deployments": {"a": a.deployment(), "b": b.deployment()}})
            texts = ["one", "two"]
            response = router.embed(texts) if form == "embed" else asyncio.run(router.aembed(texts))
            assert attempts(response) == [("a", kind), ("b", None)]
            assert len(response.embeddings) == 2
            b.script(400, forever=True)
            with pytest.raises(WaypostError) as caught:
                router.embed(texts) if form == "embed" else asyncio.run(router.aembed(texts))
            assert caught.value.decision.attempts
            assert idle(router)


def test_the_decision_tells_what_became_of_the_choice() -> None:
    with FakeProvider() as a, FakeProvider() as b, FakeProvider() as c:
        a.script(500)
        b.script("auth")
        deployments = {"a": a.deployment(), "b": b.deployment(), "c": c.deployment()}
        router = Router({"deployments": deployments})
        assert router.route("Hello").chosen == "a"
        decision = router.chat("Hello").decision
        assert (decision.chosen, decision.error) == ("c", None)
        assert decision.reason == (
            "first in order of 3 that may serve (3 considered); `a` (server), `b` (authentication) failed, `c` was attempt 3"
        )
        assert {c.deployment: c.rank for c in decision.candidates} == {"a": 1, "b": 2, "c": 3}
        assert [a.outcome for a in decision.attempts] == ["error", "error", "ok"]
        planned = router.route("Hello")
        assert (planned.chosen, planned.attempts) == ("a", [])
        assert [(c.deployment, c.reason) for c in planned.candidates][-1] == ("b", "breaker_open")
        a.script(500, forever=True)
        c.script(500, forever=True)
        failed = failure(router, "chat").decision
        assert (failed.chosen, failed.error) == (None, "ServerError")
        assert failed.reason.startswith("nothing worked: `")
        assert str(failed).count("✗") == len(failed.attempts) + 1


@pytest.mark.parametrize("form", STREAMS)
def test_before_the_first_token_a_failure_is_invisible(form: str) -> None:
    with FakeProvider("openai") as a, FakeProvider("ollama") as b:
        a.script(Step(cut_after=0), Step(error_event_at=0), Step(stall_after=0, stall=5), 503)
        router = Router(
            {
                "deployments": {"a": a.deployment(), "b": b.deployment()},
                "resilience": {"timeouts": {"first_token": "0.2s"}, "breaker": {"failures": 50}},
            }
        )
        for kind in ("connection", "overloaded", "timeout", "overloaded"):
            response, chunks = streamed(router, form)
            assert attempts(response) == [("a", kind), ("b", None)]
            assert {chunk.deployment for chunk in chunks} == {"b"}
            assert not any(chunk.restarted for chunk in chunks)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("fault", [Step(cut_after=40), Step(error_event_at=40), Step(stall_after=20, stall=5)])
def test_a_broken_stream_begins_anew_where_the_route_says_so(form: str, fault: Step) -> None:
    with FakeProvider("openai") as a, FakeProvider("anthropic") as b:
        a.script(fault)
        router = Router(
            {
                "deployments": {"a": a.deployment(), "b": b.deployment()},
                "routes": {"auto": {"candidates": ["a", "b"], "on_stream_failure": "restart"}},
                "resilience": {"timeouts": {"stall": "0.3s"}},
            }
        )
        response, chunks = streamed(router, form)
        assert attempts(response) == [("a", "stream"), ("b", None)]
        assert (response.text, response.deployment) == (SIXTY_WORDS, "b")
        assert [chunk.deployment for chunk in chunks if chunk.restarted] == ["b"]
        assert response.decision.attempts[0].possibly_billed
        assert idle(router)


@pytest.mark.parametrize("form", STREAMS)
def test_what_broke_the_stream_stays_the_error(form: str) -> None:
    with FakeProvider("openai") as a, FakeProvider("anthropic") as b:
        a.script(Step(cut_after=40), 400)
        b.script(400)
        router = Router(
            {
                "deployments": {"a": a.deployment(), "b": b.deployment()},
                "routes": {"auto": {"candidates": ["a"], "fallback": ["b"], "on_stream_failure": "restart"}},
            }
        )
        broken = failure(router, form)
        assert isinstance(broken, StreamError)
        assert SIXTY_WORDS.startswith(broken.partial.text)
        assert broken.partial.text
        assert isinstance(broken.__cause__, ConnectionError)
        assert len(broken.decision.attempts) > 1
        assert router.chat("And now?").text


def continuing(a: FakeProvider, b: FakeProvider, **capabilities: bool) -> Router:
    """Return a router that continues a broken stream; what `b` can do is given."""
    return Router(
        {
            "deployments": {"a": a.deployment(), "b": b.deployment(capabilities=capabilities)},
            "routes": {"auto": {"candidates": ["a", "b"], "on_stream_failure": "continue"}},
        }
    )


@pytest.mark.parametrize("form", STREAMS)
def test_a_broken_stream_goes_on_where_the_next_model_can(form: str) -> None:
    with FakeProvider("openai") as a, FakeProvider("anthropic") as b:
        a.script(Step(reply="One two three four five six", cut_after=3))
        b.script(Step(reply=" and the rest"))
        router = continuing(a, b, prefill=True)
        stream = router.stream("Count") if form == "stream" else None
        if stream is None:

            async def collect() -> Any:
                stream = router.astream("Count")
                return [chunk async for chunk in stream], stream.response

            chunks, response = asyncio.run(collect())
        else:
            chunks, response = list(stream), stream.response
        began = b.requests[0].json["messages"][-1]
        assert began["role"] == "assistant"
        begun = str(began["content"])
        assert "One two" in begun
        assert not any(chunk.restarted for chunk in chunks)
        whole = "".join(chunk.text for chunk in chunks)
        assert response.text == whole
        assert whole.startswith("One two")
        assert whole.endswith("and the rest")
        assert "  " not in whole
        assert attempts(response) == [("a", "stream"), ("b", None)]
        assert idle(router)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("options", [{}, {"tools": True}, {"refuses": True}])
def test_what_cannot_go_on_begins_anew(form: str, options: dict[str, bool]) -> None:
    with FakeProvider("openai") as a, FakeProvider("anthropic") as b:
        a.script(Step(cut_after=40))
        if options.get("refuses"):
            b.script("prefill", 200)
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
        tools = {"tools": [tool]} if options.get("tools") else {}
        router = continuing(a, b, prefill=bool(options))
        response, chunks = streamed(router, form, **tools)
        assert response.text == SIXTY_WORDS
        assert [chunk.deployment for chunk in chunks if chunk.restarted] == ["b"]
        assert b.requests[-1].json["messages"][-1]["role"] == "user"
        assert len(b.requests) == (2 if options.get("refuses") else 1)
