"""Faults of a stream (FAULTS §C), and what a stream promises when its reader is slow or leaves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import (
    DIALECTS,
    FORMS,
    STREAM_HEAD,
    STREAMS,
    Raw,
    attempts,
    call,
    config,
    event,
    failure,
    idle,
    limits,
    streamed,
    took,
)
from waypost import DeadlineExceededError, OverloadedError, ProtocolError, Router, StreamError, WaypostError
from waypost.testing import SIXTY_WORDS, FakeProvider, Step

if TYPE_CHECKING:
    from waypost.testing import Request

DONE = b"data: [DONE]\n\n"
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}}\n\n'


def saying(*pieces: bytes, pause: float = 0.0) -> Raw:
    """A server whose stream is these bytes."""

    def handle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        for piece in pieces:
            connection.sendall(piece)
            if pause:
                time.sleep(pause)

    return Raw(handle)


def ask(server: Raw, form: str = "stream", **top: Any) -> Any:
    """The answer of one raw server."""
    return call(Router({"deployments": {"raw": server.deployment(price={"input": 1, "output": 1})}, **top}), form)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_s1_no_first_token_fails_over_unseen(form: str, dialect: str) -> None:
    with FakeProvider(dialect) as a, FakeProvider() as b:
        a.script(Step(first_token_delay=5), forever=True)
        router = Router(config(a, b, **limits(first_token="0.2s")))
        with took(0.5, at_least=0.2):
            response, chunks = streamed(router, form)
        assert attempts(response) == [("a", "timeout"), ("b", None)]
        assert {chunk.deployment for chunk in chunks} == {"b"}
        assert response.ttft >= 0.2
        assert a.wait_idle()[0].closed_early


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_s2_a_stall_is_a_typed_error_in_time_and_booked(form: str, dialect: str) -> None:
    with FakeProvider(dialect) as a, FakeProvider() as b:
        a.script(Step(stall_after=10), forever=True)
        router = Router(config(a, b, each={"price": {"input": 1, "output": 1}}, raises=True, **limits(stall="0.3s")))
        with took(0.4, at_least=0.3):
            error = failure(router, form)
        assert isinstance(error, StreamError)
        assert isinstance(error.__cause__, TimeoutError)
        assert len(error.partial.text.split()) == 10
        assert error.partial.cost.status == "estimated"
        assert error.decision.attempts[0].possibly_billed
        assert error.decision.attempts[0].ttft is not None
        spent = {row.name: row.spend for row in router.deployments}
        assert spent["a"] == pytest.approx(error.partial.cost.usd)
        assert (b.count, spent["b"]) == (0, 0)
        assert idle(router)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("how", ["fin", "rst", "end"])
def test_s3_a_truncated_answer_is_no_success(form: str, dialect: str, how: str) -> None:
    with FakeProvider(dialect) as a:
        a.script(Step(cut_after=30, how=how), forever=True)
        error = failure(Router(config(a)), form)
        assert isinstance(error, StreamError)
        assert (error.provider, error.deployment) == (dialect, "a")
        assert isinstance(error.__cause__, ConnectionError)
        assert error.partial.text
        assert SIXTY_WORDS.startswith(error.partial.text)
        assert error.decision.chosen is None
        assert error.decision.error == "StreamError"


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_s4_an_error_event_is_retried_only_before_the_first_token(form: str, dialect: str) -> None:
    with FakeProvider(dialect) as a, FakeProvider() as b:
        a.script(Step(error_event_at=0), Step(error_event_at=20, interval=0.002))
        router = Router(config(a, b, raises=True))
        assert attempts(call(router, form))[1] == ("b", None)
        error = failure(router, form)
        assert isinstance(error, StreamError)
        assert isinstance(error.__cause__, OverloadedError)
        assert error.__cause__.deployment == "a"


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_s5_every_cut_of_the_bytes_gives_the_same_answer(form: str, dialect: str) -> None:
    with FakeProvider(dialect, reply="Grüße 😀, naïve café") as a:
        a.script(Step(drip=1, drip_interval=0))
        assert call(Router(config(a)), form).text == "Grüße 😀, naïve café"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_s5_framing_as_loose_as_the_standard_allows(ending: bytes) -> None:
    lines = [b"\xef\xbb\xbf: hello", b"", b"id: 7", b"event: message", b'data:{"choices": [{"index": 0,']
    lines += [b'data: "delta": {"content": "loose"}}]}', b"", b":", b"", b"retry: 10"]
    body = ending.join([*lines, b"", b""]) + (event(finish="stop") + DONE).replace(b"\n", ending)
    for size in (1, 3, 1000):
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        with saying(*pieces) as server:
            assert ask(server).text == "loose"


def test_s6_a_line_without_an_end_is_cut() -> None:
    block = b"x" * (1 << 20)
    with saying(event("a"), b"data: ", *[block] * 40) as server, took(5.0):
        error = failure(Router([server.deployment()]), "stream")
        assert isinstance(error, StreamError)
        assert isinstance(error.__cause__, ProtocolError)


def test_s7_very_many_small_events_flow() -> None:
    many = event("x") * 10_000
    with saying(*[many] * 5, event(finish="stop"), DONE) as server, took(10.0):
        assert len(ask(server).text) == 50_000


def test_s8_a_slow_reader_slows_the_provider_down_and_is_not_blamed_on_it() -> None:
    with FakeProvider("anthropic") as a:
        # Each piece is large, so that the buffers between the two are soon full.
        a.script(Step(reply=("word" * 5_000 + " ") * 400), forever=True)
        router = Router(config(a, **limits(stall="0.2s")))
        stream = router.stream("Tell me")
        next(stream)
        time.sleep(0.6)
        text = "".join(chunk.text for chunk in stream)
        assert len(text) > 4_000_000
        assert stream.response.finish_reason == "stop"
        assert router.deployments[0].error_rate == 0


@pytest.mark.parametrize("form", STREAMS)
def test_s8_who_never_reads_on_does_not_hold_the_provider_beyond_the_deadline(form: str) -> None:
    with FakeProvider("anthropic") as a:
        a.script(Step(reply="word " * 5_000, interval=0.0005), forever=True)
        router = Router(config(a))

        async def lazy() -> Any:
            stream = router.astream("Tell me", timeout=0.3)
            await anext(stream)
            await asyncio.sleep(0.5)
            return [chunk async for chunk in stream]

        def idly() -> Any:
            stream = router.stream("Tell me", timeout=0.3)
            next(stream)
            time.sleep(0.5)
            return list(stream)

        with pytest.raises(DeadlineExceededError) as caught:
            idly() if form == "stream" else asyncio.run(lazy())
        assert caught.value.partial.text
        assert idle(router)
        assert a.wait_idle()[0].closed_early


async def leave_async(router: Router, how: str) -> None:
    """Leave a stream in one of the ways in which streams are left."""
    stream = router.astream("Tell me")
    if how == "break":
        async for _ in stream:
            break
    elif how == "with":
        async with stream:
            await anext(stream)
    elif how == "aclose":
        await anext(stream)
        await stream.aclose()
    elif how == "raise":
        with contextlib.suppress(KeyError):
            async for _ in stream:
                raise KeyError
    elif how == "drop":
        await anext(stream)
        del stream
    else:
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del stream, task
        gc.collect()
    await asyncio.sleep(0.05)


def leave_sync(router: Router, how: str) -> None:
    """Leave a stream in one of the ways in which streams are left."""
    stream = router.stream("Tell me")
    if how == "break":
        for _ in stream:
            break
    elif how == "with":
        with stream:
            next(stream)
    elif how == "aclose":
        next(stream)
        stream.close()
    elif how == "raise":
        with contextlib.suppress(KeyError):
            for _ in stream:
                raise KeyError
    else:
        next(stream)
        del stream
    time.sleep(0.05)


def first_seen(provider: FakeProvider) -> Request:
    """The one request, once it has ended."""
    return provider.wait_idle()[0]


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("how", ["break", "with", "aclose", "raise", "drop"])
def test_s9_leaving_closes_the_upstream_and_books_an_estimate(form: str, how: str) -> None:
    with FakeProvider("anthropic") as a:
        a.script(Step(interval=0.02), forever=True)
        router = Router(config(a, each={"price": {"input": 1, "output": 1}}))
        start = time.monotonic()
        asyncio.run(leave_async(router, how)) if form == "astream" else leave_sync(router, how)
        request = first_seen(a)
        assert request.closed_early
        assert request.closed - start < 0.02 + 0.15
        assert request.tokens_sent < 10
        assert idle(router)
        row = router.deployments[0]
        assert row.spend > 0
        assert (row.error_rate, row.breaker) == (0, "closed")


def test_s9_cancelled_before_the_first_token() -> None:
    with FakeProvider("anthropic") as a:
        a.script(Step(first_token_delay=5), forever=True)
        router = Router(config(a))
        asyncio.run(leave_async(router, "cancel"))
        assert first_seen(a).closed_early
        assert idle(router)
        assert router.deployments[0].spend == 0


def test_s10_nothing_more_is_sent_after_leaving_in_a_pause() -> None:
    async def leave(router: Router) -> None:
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(router.achat("Hello"), 0.1)
        await asyncio.sleep(0.4)

    with FakeProvider() as a:
        a.script(Step(429, retry_after=0.3), forever=True)
        router = Router(config(a))
        asyncio.run(leave(router))
        assert a.count == 1
        assert idle(router)


@pytest.mark.parametrize("form", STREAMS)
def test_s12_heartbeats_are_no_content(form: str) -> None:
    beats = [b": ping\n\n", b"event: ping\ndata: {}\n\n", b'data: {"choices": []}\n\n', event()]
    with saying(event("a"), *beats * 50, pause=0.02) as server:
        router = Router({"deployments": {"raw": server.deployment()}, **limits(stall="0.3s")})
        with took(0.5, at_least=0.3):
            error = failure(router, form)
        assert isinstance(error.__cause__, TimeoutError)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_s13_calls_of_tools_come_whole(form: str, dialect: str) -> None:
    calls = [
        {"name": "weather", "arguments": {"city": "Köln 😀", "days": list(range(30))}},
        {"name": "time", "arguments": {"zone": "Europe/Berlin"}},
        {"name": "nothing", "arguments": {}},
    ]
    tools = [
        {"type": "function", "function": {"name": call["name"], "parameters": {"type": "object"}}} for call in calls
    ]
    with FakeProvider(dialect) as a:
        a.script(Step(tool_calls=calls, reply="", drip=7, drip_interval=0))
        response = call(Router(config(a)), form, tools=tools)
        got = [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in response.tool_calls]
        assert got == [(call["name"], call["arguments"]) for call in calls]
        assert len({c["id"] for c in response.tool_calls}) == 3
        assert response.finish_reason == "tool_calls"


def test_s13_interleaved_pieces_are_told_apart() -> None:
    def piece(index: int, arguments: str, name: str | None = None) -> bytes:
        function = {"arguments": arguments, **({"name": name} if name else {})}
        return event(tool_calls=[{"index": index, "function": function, **({"id": f"c{index}"} if name else {})}])

    parts = [
        piece(0, "", "f"),
        piece(1, "", "g"),
        piece(0, '{"a"'),
        piece(1, '{"b"'),
        piece(1, ": 2}"),
        piece(0, ": 1}"),
    ]
    with saying(*parts, event(finish="tool_calls"), DONE) as server:
        response = ask(server)
        assert [c["function"]["arguments"] for c in response.tool_calls] == ['{"a": 1}', '{"b": 2}']


@pytest.mark.parametrize("form", STREAMS)
def test_s14_usage_is_booked_once(form: str) -> None:
    text, end = event("one two"), event(finish="stop")
    for pieces, status, tokens in (
        ((text, end, USAGE, DONE), "exact", 9),
        ((text, USAGE, end, USAGE, DONE), "exact", 9),
        ((USAGE, text, end, DONE), "exact", 9),
        ((text, end, DONE), "estimated", 2),
    ):
        with saying(*pieces) as server:
            response = ask(server, form)
            assert response.cost.status == status
            assert response.usage.completion_tokens == tokens


@pytest.mark.parametrize("form", STREAMS)
def test_m1_unreadable_events_are_skipped_but_not_without_end(form: str) -> None:
    with FakeProvider() as a:
        a.script(Step(bad_event_at=3, bad_event="instead"))
        response = call(Router(config(a)), form)
        assert response.decision.attempts[0].skipped_events == 1
        assert len(response.text.split()) == 59
    with saying(event("a"), b"data: {nonsense\n\n" * 200, event(finish="stop"), DONE, pause=0.02) as server:
        assert isinstance(failure(Router([server.deployment()]), form), StreamError)


@pytest.mark.parametrize("form", STREAMS)
def test_the_response_is_there_at_the_end_and_not_before(form: str) -> None:
    with FakeProvider(reply="one two three") as a:
        router = Router(config(a))

        def check() -> None:
            stream = router.stream("Count")
            assert stream.response is None
            assert next(stream).deployment == "a"
            assert stream.response is None
            rest = list(stream)
            assert rest[-1].finish_reason == "stop" or rest[-2].finish_reason == "stop"
            assert list(stream) == []
            assert stream.response.text == "one two three"

        async def acheck() -> None:
            stream = router.astream("Count")
            assert stream.response is None
            assert (await anext(stream)).deployment == "a"
            rest = [chunk async for chunk in stream]
            assert rest
            assert [chunk async for chunk in stream] == []
            assert stream.response.text == "one two three"

        check() if form == "stream" else asyncio.run(acheck())


def test_a_closed_stream_never_looks_complete() -> None:
    with FakeProvider("anthropic") as a:
        a.script(Step(interval=0.02), forever=True)
        stream = Router(config(a)).stream("Tell me")
        for _ in stream:
            break
        with pytest.raises(WaypostError, match="closed before its end"):
            list(stream)
        assert stream.response is None


def test_a_wait_that_is_given_up_loses_no_piece() -> None:
    async def impatient(router: Router) -> str:
        stream, text = router.astream("Tell me"), ""
        for nth in itertools.count():
            try:
                chunk = await asyncio.wait_for(anext(stream), (nth % 7) / 1000)
            except (TimeoutError, asyncio.TimeoutError):
                continue
            except StopAsyncIteration:
                break
            text += chunk.text
        return text

    with FakeProvider("anthropic") as a:
        a.script(Step(interval=0.003), forever=True)
        assert asyncio.run(impatient(Router(config(a)))) == SIXTY_WORDS


def test_a_cancelled_read_loses_no_piece() -> None:
    async def impatient(router: Router) -> str:
        stream, text = router.astream("Tell me"), ""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for nth in itertools.count():
            timer = loop.call_later((nth % 7) / 1000, task.cancel)
            try:
                chunk = await anext(stream)
            except asyncio.CancelledError:
                continue
            except StopAsyncIteration:
                break
            finally:
                timer.cancel()
            text += chunk.text
        return text

    with FakeProvider("anthropic") as a:
        a.script(Step(interval=0.003), forever=True)
        assert asyncio.run(impatient(Router(config(a)))) == SIXTY_WORDS


@pytest.mark.parametrize("form", FORMS)
def test_several_answers(form: str) -> None:
    with FakeProvider("openai") as a:
        response = call(Router(config(a)), form, n=3)
        assert len(response.to_dict()["choices"]) == 3
        assert {choice["message"]["content"] for choice in response.to_dict()["choices"]} == {SIXTY_WORDS}


@pytest.mark.parametrize("form", ["chat", "achat"])
def test_a_streamed_upstream_serves_whole_answers(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(Step(first_token_delay=5), Step(cut_after=20), Step(stall_after=20), "ok")
        guards = limits(first_token="0.2s", stall="0.2s")
        router = Router(config(a, b, each={"stream_upstream": True}, **guards))
        for kind in ("timeout", "connection", "timeout"):
            response = call(router, form)
            assert attempts(response) == [("a", kind), ("b", None)]
            assert response.text == SIXTY_WORDS
        assert call(router, form).deployment == "a"
        assert all(request.stream for request in a.requests)
