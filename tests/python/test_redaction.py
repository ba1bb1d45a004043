"""Redaction over real sockets, in all four dialects: the provider never sees an original, the caller gets them all back."""

from __future__ import annotations

import json

import pytest
from waypost import BlockedError, Router
from waypost.testing import FakeProvider, Reply, Request

MAIL, CARD = "jane.doe@example.com", "4111 1111 1111 1111"
TEXT = f"Charge {CARD} and write to {MAIL}, then to {MAIL} again [EMAIL_x"
TOOLS = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {}}}}]


def echo(request: Request) -> Reply:
    tools = "tools" in request.json
    calls = [{"name": "send", "arguments": {"to": request.prompt}}] if tools else []
    return Reply(request.prompt, tool_calls=calls, reasoning=f"They said {request.prompt}")


@pytest.fixture(params=["openai", "anthropic", "gemini", "ollama"])
def fake(request):
    with FakeProvider(request.param, echo) as fake:
        yield fake


def router(fake: FakeProvider, redact: object = True) -> Router:
    return Router({"deployments": {"a": fake.deployment()}, "rules": [{"name": "masked", "redact": redact}]})


def assert_clean(fake: FakeProvider) -> None:
    for request in fake.requests:
        raw = request.raw.decode()
        assert "jane" not in raw
        assert "4111" not in raw
        assert "[EMAIL_1]" in raw
        assert "[CREDIT_CARD_1]" in raw


def test_there_and_back(fake: FakeProvider) -> None:
    with router(fake) as r:
        reply = r.chat(TEXT)
        assert reply.text == TEXT
        assert MAIL in (reply.reasoning or MAIL)
        decision = reply.decision.to_dict()
        assert decision["redacted"] == {"credit_card": 1, "email": 1}
        assert [rule.effect for rule in reply.decision.rules] == ["redact"]
        assert MAIL not in json.dumps(decision) + reply.decision.explain() + repr(r)
        called = r.chat(TEXT, tools=TOOLS)
        assert json.loads(called.tool_calls[0]["function"]["arguments"]) == {"to": TEXT}
    assert_clean(fake)


@pytest.mark.parametrize("tools", [None, TOOLS])
def test_there_and_back_in_pieces(fake: FakeProvider, tools: object) -> None:
    with router(fake) as r:
        stream = r.stream(TEXT, tools=tools)
        chunks = list(stream)
        assert "".join(chunk.text for chunk in chunks) == stream.response.text
        assert stream.response.text in ("", TEXT)
        assert stream.response.text or tools
        assert MAIL in "".join(chunk.reasoning or "" for chunk in chunks) or not stream.response.reasoning
        if tools:
            arguments = "".join(d["function"]["arguments"] for c in chunks for d in c.tool_calls)
            assert json.loads(arguments) == {"to": TEXT}
            assert arguments == stream.response.tool_calls[0]["function"]["arguments"]
    assert_clean(fake)


async def test_there_and_back_async(fake: FakeProvider) -> None:
    with router(fake) as r:
        assert (await r.achat(TEXT)).text == TEXT
        assert "".join([chunk.text async for chunk in r.astream(TEXT)]) == TEXT
    assert_clean(fake)


def test_every_attempt_and_every_turn(fake: FakeProvider) -> None:
    fake.script(503)
    with router(fake) as r:
        first = r.chat(TEXT)
        turn = [
            {"role": "user", "content": TEXT},
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": f"And {MAIL}?"},
        ]
        assert r.chat(turn).text == f"And {MAIL}?"
    assert len(fake.requests) == 3
    assert_clean(fake)
    assert fake.requests[-1].prompt == "And [EMAIL_1]?"


def test_what_cannot_be_looked_at_is_not_sent(fake: FakeProvider) -> None:
    parts = [{"type": "text", "text": "Sum it up"}, {"type": "file", "file": {"file_id": "file-1"}}]
    with router(fake) as r, pytest.raises(BlockedError, match="cannot be looked at") as caught:
        r.chat([{"role": "user", "content": parts}])
    assert caught.value.rule == "masked"
    assert caught.value.decision.chosen is None
    assert not fake.requests


def test_only_the_named_types(fake: FakeProvider) -> None:
    with router(fake, ["email"]) as r:
        assert r.chat(TEXT).text == TEXT
    assert CARD in fake.requests[0].raw.decode()
    assert MAIL not in fake.requests[0].raw.decode()
