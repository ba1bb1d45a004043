"""The fake providers, seen from the wire: plain sockets and `http.client`, no router."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from waypost.testing import (
    SCENARIOS,
    SIXTY_WORDS,
    FakeFleet,
    FakeProvider,
    Reply,
    Request,
    Step,
    ends_with_assistant,
    scenario,
    step_names,
)

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
USER = [{"role": "user", "content": "Why is the sky blue?"}]
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}


def ask(dialect: str, *, stream: bool = False, **extra: Any) -> tuple[str, dict[str, Any]]:
    """Path and body of a chat request."""
    if dialect == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/fake:{verb}", {
            "contents": [{"role": "user", "parts": [{"text": "Why is the sky blue?"}]}],
            **extra,
        }
    body = {"model": "fake", "messages": USER, "stream": stream, **extra}
    if dialect == "openai" and stream:
        body["stream_options"] = {"include_usage": True}
    return PATHS[dialect], body


def post(
    provider: FakeProvider, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def chat(provider: FakeProvider, *, stream: bool = False, **extra: Any) -> tuple[int, dict[str, str], bytes]:
    return post(provider, *ask(provider.dialect, stream=stream, **extra))


def events(dialect: str, data: bytes) -> list[Any]:
    """The JSON of each event; what is not JSON stays text."""
    lines = data.decode().splitlines()
    start = "{" if dialect == "ollama" else "data: "
    found = [line.removeprefix("data: ") for line in lines if line.startswith(start)]
    return [_json(item) for item in found if item]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def text_of(dialect: str, event: Any) -> str:
    """The text that one event adds."""
    if not isinstance(event, dict):
        return ""
    if dialect == "openai":
        return "".join((c["delta"].get("content") or "") for c in event.get("choices", ()))
    if dialect == "anthropic":
        return str(event.get("delta", {}).get("text", ""))
    if dialect == "gemini":
        return "".join(p.get("text", "") for c in event.get("candidates", ()) for p in c["content"]["parts"])
    return str(event.get("message", {}).get("content", ""))


def dig(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body[int(part) if part.isdigit() else part]
    return body


def whole(dialect: str, data: bytes) -> str:
    return "".join(text_of(dialect, event) for event in events(dialect, data))


@pytest.fixture(params=DIALECTS)
def provider(request: pytest.FixtureRequest) -> Any:
    with FakeProvider(request.param) as started:
        yield started
        assert started.errors == []


@pytest.fixture
def openai() -> Any:
    with FakeProvider("openai") as started:
        yield started
        assert started.errors == []


# Healthy answers.


def test_answer_has_text_finish_and_usage_in_the_dialects_shape(provider: FakeProvider) -> None:
    status, headers, data = chat(provider)
    body = json.loads(data)
    assert status == 200
    assert headers["content-type"].startswith("application/json")
    paths: dict[str, tuple[str, ...]] = {
        "openai": (
            "choices.0.message.content",
            "choices.0.finish_reason",
            "usage.prompt_tokens",
            "usage.completion_tokens",
        ),
        "anthropic": ("content.0.text", "stop_reason", "usage.input_tokens", "usage.output_tokens"),
        "gemini": (
            "candidates.0.content.parts.0.text",
            "candidates.0.finishReason",
            "usageMetadata.promptTokenCount",
            "usageMetadata.candidatesTokenCount",
        ),
        "ollama": ("message.content", "done_reason", "prompt_eval_count", "eval_count"),
    }
    found = tuple(dig(body, path) for path in paths[provider.dialect])
    finish = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP", "ollama": "stop"}[provider.dialect]
    assert found == (SIXTY_WORDS, finish, 5, 60)


def test_stream_has_a_token_for_each_word_and_usage(provider: FakeProvider) -> None:
    status, headers, data = chat(provider, stream=True)
    found = events(provider.dialect, data)
    assert status == 200
    assert headers["content-type"].startswith(
        "application/x-ndjson" if provider.dialect == "ollama" else "text/event-stream"
    )
    assert whole(provider.dialect, data) == SIXTY_WORDS
    assert len([e for e in found if text_of(provider.dialect, e)]) == 60
    usage = {
        "openai": lambda: found[-2]["usage"]["completion_tokens"],
        "anthropic": lambda: found[-2]["usage"]["output_tokens"],
        "gemini": lambda: found[-1]["usageMetadata"]["candidatesTokenCount"],
        "ollama": lambda: found[-1]["eval_count"],
    }[provider.dialect]()
    assert usage == 60
    assert provider.last.tokens_sent == 60
    if provider.dialect == "openai":
        assert found[-1] == "[DONE]"
    if provider.dialect == "anthropic":
        assert found[0]["type"] == "message_start"
        assert found[-1] == {"type": "message_stop"}


def test_gemini_without_sse_streams_an_array() -> None:
    with FakeProvider("gemini", Reply("Hello you", reasoning="Hm.")) as provider:
        path, body = ask("gemini", stream=True)
        array = json.loads(post(provider, path.partition("?")[0], body)[2])
        provider.script(503)
        error = json.loads(post(provider, path.partition("?")[0], body)[2])
    assert [p.get("text") for item in array for p in item["candidates"][0]["content"]["parts"]] == [
        "Hm.",
        "Hello",
        " you",
        "",
    ]
    assert error[0]["error"]["code"] == 503


def test_openai_sends_stream_usage_only_if_asked(openai: FakeProvider) -> None:
    path, body = ask("openai", stream=True)
    del body["stream_options"]
    assert b"usage" not in post(openai, path, body)[2]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(provider: FakeProvider, stream: bool) -> None:
    provider.script(
        Step(tool_calls=[{"name": "weather", "arguments": {"city": "Reykjavík"}}, {"name": "time", "arguments": {}}])
    )
    data = chat(provider, stream=stream)[2]
    assert b'"weather"' in data
    assert b'"time"' in data
    if provider.dialect == "openai" and stream:
        deltas = [c["delta"] for e in events("openai", data)[:-1] for c in e["choices"]]
        parts = [t["function"]["arguments"] for d in deltas for t in d.get("tool_calls", ()) if t["index"] == 0]
        assert json.loads("".join(parts)) == {"city": "Reykjavík"}
    if provider.dialect == "anthropic" and stream:
        parts = [
            e["delta"]["partial_json"]
            for e in events("anthropic", data)
            if e.get("index") == 0 and "partial_json" in e.get("delta", {})
        ]
        assert json.loads("".join(parts)) == {"city": "Reykjavík"}


SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "many": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 2},
        "free": {"type": "string"},
    },
    "required": ["kind", "many"],
    "$defs": {"n": {"type": "integer", "minimum": 2.5}},
}


def test_asked_schema_is_answered_with_a_minimal_instance(provider: FakeProvider) -> None:
    wanted: Any = {
        "openai": {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        "ollama": {"format": SCHEMA},
    }[provider.dialect]
    data = chat(provider, stream=True, **wanted)[2]
    assert json.loads(whole(provider.dialect, data)) == {"kind": "a", "many": [3, 3]}


def test_required_tool_is_called_with_fitting_arguments(openai: FakeProvider) -> None:
    tools = [{"type": "function", "function": {"name": "pick", "parameters": SCHEMA}}]
    message = json.loads(chat(openai, tools=tools, tool_choice="required")[2])["choices"][0]["message"]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"kind": "a", "many": [3, 3]}


def test_reply_may_be_computed() -> None:
    def reply(request: Request) -> Any:
        return {
            "a": "one",
            "b": Reply("two", finish_reason="length"),
            "c": {"text": "three"},
            "d": 503,
            "e": Step("overloaded"),
        }[request.prompt]

    with FakeProvider("openai", reply) as provider:
        answers = [chat(provider, messages=[{"role": "user", "content": p}]) for p in "abcdef"]
        assert [status for status, _, _ in answers] == [200, 200, 200, 503, 503, 500]
        assert json.loads(answers[1][2])["choices"][0]["finish_reason"] == "length"
        assert "KeyError" in provider.errors[0]


def test_max_tokens_cuts_with_the_right_finish(provider: FakeProvider) -> None:
    limit: dict[str, Any] = {
        "gemini": {"generationConfig": {"maxOutputTokens": 3}},
        "ollama": {"options": {"num_predict": 3}},
    }.get(provider.dialect, {"max_tokens": 3})
    data = chat(provider, stream=True, **limit)[2]
    assert whole(provider.dialect, data) == "The sky is"
    assert (
        b"MAX_TOKENS"
        if provider.dialect == "gemini"
        else b"max_tokens"
        if provider.dialect == "anthropic"
        else b'"length"'
    ) in data


@pytest.mark.parametrize("dialect", ["openai", "gemini", "ollama"])
def test_embeddings_are_repeatable_and_of_the_asked_size(dialect: str) -> None:
    texts = ["blue sky", "blue sea", "tax law"]
    path, body = {
        "openai": ("/v1/embeddings", {"model": "e", "input": texts, "dimensions": 16}),
        "gemini": (
            "/v1beta/models/e:batchEmbedContents",
            {"requests": [{"content": {"parts": [{"text": t}]}, "outputDimensionality": 16} for t in texts]},
        ),
        "ollama": ("/api/embed", {"model": "e", "input": texts, "dimensions": 16}),
    }[dialect]
    with FakeProvider(dialect) as provider:
        first, again = (json.loads(post(provider, path, body)[2]) for _ in range(2))
    vectors: Any = {
        "openai": lambda b: [d["embedding"] for d in b["data"]],
        "gemini": lambda b: [d["values"] for d in b["embeddings"]],
        "ollama": lambda b: b["embeddings"],
    }[dialect]
    assert vectors(first) == vectors(again)
    assert [len(v) for v in vectors(first)] == [16, 16, 16]
    near, far = (sum(a * b for a, b in zip(vectors(first)[0], vectors(first)[i], strict=True)) for i in (1, 2))
    assert near > far


def test_models_are_listed(provider: FakeProvider) -> None:
    path = {"openai": "/v1/models", "anthropic": "/v1/models", "gemini": "/v1beta/models", "ollama": "/api/tags"}[
        provider.dialect
    ]
    with closing(http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)) as connection:
        connection.request("GET", path)
        assert b"fake" in connection.getresponse().read()


def test_unknown_path_is_not_found(provider: FakeProvider) -> None:
    assert post(provider, "/v9/nothing", {})[0] == 404


def test_key_is_required_where_one_is_set() -> None:
    headers = {
        "openai": "authorization",
        "anthropic": "x-api-key",
        "gemini": "x-goog-api-key",
        "ollama": "authorization",
    }
    for dialect, header in headers.items():
        with FakeProvider(dialect, api_key="test-key-0001") as provider:
            provider.script(503)
            wrong = post(
                provider,
                *ask(dialect),
                {header: "Bearer wrong-key-0002" if header == "authorization" else "wrong-key-0002"},
            )
            right = post(
                provider,
                *ask(dialect),
                {header: "Bearer test-key-0001" if header == "authorization" else "test-key-0001"},
            )
            assert (wrong[0], right[0]) == (400 if dialect == "gemini" else 401, 503)
            assert b"wrong-key-0002" not in wrong[2]


# Errors.


@pytest.mark.parametrize(
    ("step", "statuses"),
    [
        (429, (429,) * 4),
        (500, (500,) * 4),
        (503, (503,) * 4),
        (404, (404,) * 4),
        ("context_length", (400,) * 4),
        ("content_filter", (400,) * 4),
        ("quota", (429, 400, 429, 402)),
        ("auth", (401, 401, 400, 401)),
        ("overloaded", (503, 529, 503, 503)),
        (Step("rate_limit", status=418), (418,) * 4),
        (Step(status=503), (503,) * 4),
    ],
)
def test_errors_are_in_the_providers_words(provider: FakeProvider, step: Any, statuses: tuple[int, ...]) -> None:
    provider.script(step)
    status, headers, data = chat(provider)
    error = json.loads(data)["error"]
    assert status == statuses[DIALECTS.index(provider.dialect)]
    assert headers["content-type"].startswith("application/json")
    assert isinstance(error, str) if provider.dialect == "ollama" else error["message"]
    assert "retry-after" not in headers
    assert chat(provider)[0] == 200


def test_content_policy_code_and_quota_code_are_openais(openai: FakeProvider) -> None:
    openai.script("content_filter", "quota", "context_length")
    codes = [json.loads(chat(openai)[2])["error"]["code"] for _ in range(3)]
    assert codes == ["content_policy_violation", "insufficient_quota", "context_length_exceeded"]


def test_retry_after_is_said_as_the_provider_says_it(provider: FakeProvider) -> None:
    provider.script(Step(429, retry_after=2))
    _, headers, data = chat(provider)
    assert headers["retry-after"] == "2"
    assert (headers.get("retry-after-ms") == "2000") == (provider.dialect == "openai")
    assert (b'"retryDelay":"2s"' in data) == (provider.dialect == "gemini")


def test_headers_body_and_message_can_be_overridden(openai: FakeProvider) -> None:
    openai.script(
        Step(503, headers={"Retry-After": "soon", "x-request-id": ""}, body="<html>"),
        Step(500, message="It broke"),
        Step(302, headers={"location": "http://evil.invalid/"}),
    )
    status, headers, data = chat(openai)
    assert (status, headers["retry-after"], data) == (503, "soon", b"<html>")
    assert "x-request-id" not in headers
    assert b"It broke" in chat(openai)[2]
    assert chat(openai)[:1] == (302,)


# Connections.


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("reset", ConnectionResetError),
        ("reset_after_request", ConnectionResetError),
        ("close", http.client.RemoteDisconnected),
    ],
)
def test_broken_connections(openai: FakeProvider, step: str, error: type[Exception]) -> None:
    openai.script(step, 200)
    with pytest.raises((error, BrokenPipeError)):
        chat(openai)
    assert chat(openai)[0] == 200
    assert [r.path for r in openai.requests] == [
        "" if step == "reset" else "/v1/chat/completions",
        "/v1/chat/completions",
    ]
    assert not any(r.closed_early for r in openai.wait_idle())


def test_reset_hits_a_reused_connection_too(openai: FakeProvider) -> None:
    path, body = ask("openai")
    with closing(http.client.HTTPConnection("127.0.0.1", openai.port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(body))
        connection.getresponse().read()
        openai.script("reset")
        connection.request("POST", path, json.dumps(body))
        with pytest.raises(ConnectionResetError):
            connection.getresponse()
    assert openai.connections == 1


def test_refused_port_opens_again(openai: FakeProvider) -> None:
    openai.script(Step("refuse", for_seconds=0.15))
    with pytest.raises(ConnectionRefusedError):
        chat(openai)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert chat(openai)[0] == 200
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    openai.script("refuse")
    with pytest.raises(ConnectionRefusedError):
        chat(openai)
    openai.script()
    assert chat(openai)[0] == 200


def test_refusal_can_follow_a_request(openai: FakeProvider) -> None:
    openai.script(429, "refuse")
    assert chat(openai)[0] == 429
    with pytest.raises(ConnectionRefusedError):
        chat(openai)


def test_hang_never_answers_and_sees_the_client_leave(openai: FakeProvider) -> None:
    openai.script("hang")
    path, body = ask("openai")
    connection = http.client.HTTPConnection("127.0.0.1", openai.port, timeout=0.1)
    connection.request("POST", path, json.dumps(body))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert not openai.last.done
    connection.close()
    seen = openai.wait_idle()[0]
    assert seen.closed_early
    assert seen.status is None


@pytest.mark.parametrize("stream", [False, True])
def test_odd_bodies(provider: FakeProvider, stream: bool) -> None:
    provider.script("empty", "html", "garbage")
    assert chat(provider, stream=stream)[::2] == (200, b"")
    status, headers, data = chat(provider, stream=stream)
    assert (status, headers["content-type"][:9], data[:9]) == (200, "text/html", b"<!DOCTYPE")
    status, _, data = chat(provider, stream=stream)
    assert status == 200
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        json.loads(data)


# Streams.


def stream_of(provider: FakeProvider) -> tuple[bytes, str]:
    """Read a stream as raw bytes until it ends, and how it ended: `done`, `fin`, `rst`."""
    path, body = ask(provider.dialect, stream=True)
    payload = json.dumps(body).encode()
    data = bytearray()
    with closing(socket.create_connection(("127.0.0.1", provider.port), timeout=10)) as sock:
        sock.sendall(
            b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (path.encode(), len(payload), payload)
        )
        try:
            while not data.endswith(b"0\r\n\r\n"):
                if not (got := sock.recv(65536)):
                    return bytes(data), "fin"
                data += got
        except ConnectionResetError:
            return bytes(data), "rst"
    return bytes(data), "done"


@pytest.mark.parametrize(("how", "ends"), [("fin", "fin"), ("rst", "rst"), ("end", "done")])
@pytest.mark.parametrize("interval", [0.0, 0.0005])
def test_cut_stream_has_exactly_the_tokens_before_it(
    provider: FakeProvider, how: Any, ends: str, interval: float
) -> None:
    provider.script(Step(cut_after=40, how=how, interval=interval))
    data, ended = stream_of(provider)
    assert ended == ends
    assert whole(provider.dialect, data).split() == SIXTY_WORDS.split()[:40]
    assert b"[DONE]" not in data
    assert b"message_stop" not in data
    assert not provider.wait_idle()[0].closed_early


@pytest.mark.parametrize("how", ["fin", "rst", "end"])
def test_cut_body_that_is_not_streamed(openai: FakeProvider, how: Any) -> None:
    openai.script(Step(cut_after=30, how=how))
    if how == "end":
        with pytest.raises(ValueError, match="Unterminated"):
            json.loads(chat(openai)[2])
    else:
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            chat(openai)


def test_stall_then_goes_on(openai: FakeProvider) -> None:
    openai.script(Step(stall_after=20, stall=0.1))
    begun = time.monotonic()
    data, ended = stream_of(openai)
    assert time.monotonic() - begun >= 0.1
    assert (ended, whole("openai", data)) == ("done", SIXTY_WORDS)


def test_bad_event_loses_text_only_if_asked(provider: FakeProvider) -> None:
    provider.script(Step(bad_event_at=10), Step(bad_event_at=10, bad_event="instead"))
    data = chat(provider, stream=True)[2]
    found = events(provider.dialect, data)
    assert whole(provider.dialect, data) == SIXTY_WORDS
    assert len([e for e in found if isinstance(e, str) and e != "[DONE]"]) == 1
    assert len(whole(provider.dialect, chat(provider, stream=True)[2]).split()) == 59


def test_terminal_marker_can_be_missing(provider: FakeProvider) -> None:
    provider.script(Step(no_done=True))
    data, ended = stream_of(provider)
    assert ended == "done"
    assert whole(provider.dialect, data) == SIXTY_WORDS
    assert b"[DONE]" not in data
    assert b"message_stop" not in data


def test_error_event_ends_the_stream(provider: FakeProvider) -> None:
    provider.script(Step(error_event_at=5))
    data, ended = stream_of(provider)
    found = events(provider.dialect, data)
    assert ended == "done"
    assert "error" in found[-1]
    assert whole(provider.dialect, data).split() == SIXTY_WORDS.split()[:5]
    assert (b"event: error" in data) == (provider.dialect == "anthropic")


def test_first_token_delay_sends_headers_at_once(openai: FakeProvider) -> None:
    openai.script(Step(first_token_delay=0.15))
    path, body = ask("openai", stream=True)
    with closing(http.client.HTTPConnection("127.0.0.1", openai.port, timeout=10)) as connection:
        begun = time.monotonic()
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        headers_after = time.monotonic() - begun
        response.read(1)
        assert headers_after < 0.1
        assert time.monotonic() - begun >= 0.15


def test_tokens_keep_their_pace(openai: FakeProvider) -> None:
    openai.script(Step(interval=0.002, tokens=50, reply="one two"), Step(delay=0.1))
    begun = time.monotonic()
    data, _ = stream_of(openai)
    assert time.monotonic() - begun >= 0.1
    assert whole("openai", data).split() == ["one", "two"] * 25
    begun = time.monotonic()
    assert chat(openai)[0] == 200
    assert time.monotonic() - begun >= 0.1


def test_drip_slices_headers_and_body(openai: FakeProvider) -> None:
    openai.script(Step(503, drip=40, drip_interval=0.001, drip_headers=True))
    assert chat(openai)[0] == 503


def test_usage_and_model_can_be_scripted(provider: FakeProvider) -> None:
    provider.script(
        Step(usage={"prompt_tokens": 1000, "cached_tokens": 900, "completion_tokens": 7}, model="other"),
        Step(usage=False),
    )
    data = chat(provider)[2]
    assert b'"other"' in data
    if provider.dialect == "anthropic":
        assert json.loads(data)["usage"]["input_tokens"] == 100  # Without the cached ones.
        assert json.loads(data)["usage"]["cache_read_input_tokens"] == 900
    assert b"sage" not in chat(provider)[2].replace(b"message", b"")


# Scripts.


def test_script_is_used_up_and_then_healthy(openai: FakeProvider) -> None:
    openai.script([429, Step(503, times=2)], 200)
    assert [chat(openai)[0] for _ in range(5)] == [429, 503, 503, 200, 200]
    openai.script(500, forever=True)
    assert [chat(openai)[0] for _ in range(3)] == [500, 500, 500]


def test_outage_lasts_its_seconds_from_first_use(openai: FakeProvider) -> None:
    openai.script(Step(503, for_seconds=0.1))
    time.sleep(0.12)
    assert [chat(openai)[0] for _ in range(2)] == [503, 503]
    time.sleep(0.12)
    assert chat(openai)[0] == 200


def test_conditional_step_waits_for_its_request(openai: FakeProvider) -> None:
    openai.script(Step("prefill", when=ends_with_assistant))
    assert chat(openai)[0] == 200
    assert chat(openai, messages=[*USER, {"role": "assistant", "content": "Because"}])[0] == 400
    assert chat(openai)[0] == 200


def test_unknown_steps_name_the_known_ones() -> None:
    for wrong in ("explode", 42, True):
        with pytest.raises(ValueError, match=r"unknown step .*reset_after_request"):
            FakeProvider().script(wrong)
    assert {"ok", "reset", "hang", "quota"} <= set(step_names())
    with pytest.raises(ValueError, match="unknown dialect"):
        FakeProvider("klingon")


SEEN = {
    "F01": "429 whole",
    "F02": "429 429",
    "F03": "500 whole",
    "F04": "503 503",
    "F05": "broken whole",
    "F06": "broken broken",
    "F07": "whole whole",
    "F08": "broken broken",
    "F09": "broken whole",
    "F10": "whole whole",
    "F11": "undone undone",
    "F12": "400 400",
    "F13": "400 400",
    "F14": "broken broken",
    "F15": "503 503",
    "F16": "503 503",
}


def ending(provider: FakeProvider) -> str:
    """How a stream went: `whole`, `undone` (without the marker), `broken`, or the status."""
    try:
        status, _, data = chat(provider, stream=True)
    except (ConnectionError, http.client.HTTPException):
        return "broken"
    return "whole" if data.endswith(b"[DONE]\n\n") else "undone" if status == 200 else str(status)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_start_with_their_fault(name: str) -> None:
    with FakeProvider("openai") as provider, FakeProvider("openai") as fallback:
        provider.script(scenario(name, scale=0.002, interval=0.0))
        fallback.script(scenario(name, interval=0.0, part="fallback"))
        assert [ending(provider) for _ in range(2)] == SEEN[name].split()
        assert chat(fallback)[0] == 200
        refused = chat(fallback, messages=[*USER, {"role": "assistant", "content": "The"}])[0]
        assert refused == (400 if name == "F14" else 200)


# Records and life.


def test_requests_are_recorded(provider: FakeProvider) -> None:
    before = time.time()
    post(provider, *ask(provider.dialect), {"x-trace": "abc"})
    seen = provider.wait_idle()[0]
    assert (seen.method, seen.operation, seen.model, seen.prompt, seen.last_role) == (
        "POST",
        "chat",
        "fake",
        "Why is the sky blue?",
        "user",
    )
    assert seen.headers["x-trace"] == "abc"
    assert before <= seen.started_at <= time.time()
    assert seen.ended is not None
    assert seen.first_byte is not None
    assert seen.started <= seen.first_byte <= seen.ended
    assert "abc" not in repr(seen)
    provider.reset()
    assert provider.requests == []


def test_keep_alive_chunked_bodies_and_pipelining(openai: FakeProvider) -> None:
    path, body = ask("openai")
    payload = json.dumps(body).encode()
    one = b"POST %s HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
        path.encode(),
        len(payload),
        payload,
    )
    with closing(socket.create_connection(("127.0.0.1", openai.port), timeout=10)) as sock:
        for byte in one:
            sock.sendall(bytes([byte]))
        sock.sendall(one + one)
        openai.wait_for(3)
        openai.wait_idle()
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert [r.prompt for r in openai.requests] == ["Why is the sky blue?"] * 3
    assert openai.connections == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"x" * 70_000, b"431"),
        (b"POST / HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n", b"413"),
    ],
)
def test_unreadable_requests_are_turned_away(openai: FakeProvider, sent: bytes, status: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", openai.port), timeout=10)) as sock:
        sock.sendall(sent)
        assert sock.recv(100).split()[1] == status


def test_odd_json_is_no_trouble(provider: FakeProvider) -> None:
    path, _ = ask(provider.dialect)
    odd: list[Any] = [
        [],
        "text",
        {"messages": "hello"},
        {"messages": [1], "contents": [None]},
        {"tools": 3, "tool_choice": "required", "stream_options": 5},
    ]
    for body in odd:
        assert post(provider, path, body)[0] in (200, 400)


def test_many_requests_at_once(openai: FakeProvider) -> None:
    path, body = ask("openai", stream=True)
    payload = json.dumps(body).encode()
    openai.script(Step(interval=0.001, delay=0.3, forever=True))

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", openai.port)
        writer.write(
            b"POST %s HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
            % (path.encode(), len(payload), payload)
        )
        data = await reader.read()
        writer.close()
        return data

    async def every() -> list[bytes]:
        return await asyncio.gather(*(one() for _ in range(200)))

    answers = asyncio.run(every())
    assert all(whole("openai", data) == SIXTY_WORDS for data in answers)
    assert openai.count == 200
    assert openai.peak > 50


def test_client_that_leaves_in_the_middle_is_noticed(openai: FakeProvider) -> None:
    openai.script(Step(interval=0.01))
    path, body = ask("openai", stream=True)
    connection = http.client.HTTPConnection("127.0.0.1", openai.port, timeout=10)
    connection.request("POST", path, json.dumps(body))
    response = connection.getresponse()
    response.read(10)
    response.close()
    connection.close()
    seen = openai.wait_idle(2.0)[0]
    assert seen.closed_early
    assert seen.tokens_sent < 60
    assert seen.closed is not None


def test_stop_is_quick_with_open_requests_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    provider = FakeProvider("openai").start().script("hang", Step(stall_after=3, forever=True))
    sockets = []
    path, body = ask("openai", stream=True)
    payload = json.dumps(body).encode()
    for _ in range(20):
        sock = socket.create_connection(("127.0.0.1", provider.port), timeout=5)
        sock.sendall(b"POST %s HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (path.encode(), len(payload), payload))
        sockets.append(sock)
    provider.wait_for(20)
    port, begun = provider.port, time.monotonic()
    provider.stop()
    provider.stop()
    assert time.monotonic() - begun < 0.5
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    for sock in sockets:
        sock.close()
    assert provider.errors == []
    assert not any(request.closed_early for request in provider.requests)


def test_providers_work_inside_a_running_loop() -> None:
    async def main() -> int:
        async with FakeProvider("ollama") as provider:
            return (await asyncio.to_thread(chat, provider))[0]

    assert asyncio.run(main()) == 200


def test_fleet_starts_lazily_and_describes_itself() -> None:
    def running() -> int:
        return sum("fake-provider" in t.name for t in threading.enumerate())

    before = running()
    with FakeFleet() as fleet:
        assert running() == before
        fleet.script("openai", [429, "reset", 200])
        assert running() == before + 1
        fleet.add("backup", FakeProvider("openai", provider="groq", model="large"))
        config = fleet.config("openai", "anthropic", fallback=["backup"], seed=7)
        assert config["routes"]["auto"] == {
            "candidates": ["openai", "anthropic"],
            "strategy": "priority",
            "fallback": ["backup"],
        }
        assert config["deployments"]["openai"] == {
            "model": "openai/fake",
            "base_url": fleet["openai"].base_url,
            "api_key": "test",
        }
        assert config["deployments"]["backup"]["model"] == "groq/large"
        assert config["seed"] == 7
        assert urlsplit(config["deployments"]["openai"]["base_url"]).path == "/v1"
        assert [chat(fleet["openai"])[0], chat(fleet["anthropic"])[0]] == [429, 200]
        assert [r.path for r in fleet.requests] == ["/v1/chat/completions", "/v1/messages"]
        with pytest.raises(KeyError, match="unknown fake provider"):
            fleet["mistral"]
    assert running() == before
