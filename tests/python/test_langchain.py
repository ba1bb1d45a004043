"""The LangChain integration beyond LangChain's own suites: routing, failover, hints, errors, agents, saving."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("langchain_core", reason="langchain is not installed: pip install 'waypost[langchain]'")

import waypost
from langchain_core import exceptions as core_errors
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict
from waypost import Router
from waypost.langchain import ChatWaypost, WaypostEmbeddings, enable_init_chat_model
from waypost.langchain.messages import to_wire
from waypost.testing import FakeFleet, FakeProvider, Reply, Request, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_MODEL_ERRORS = hasattr(core_errors, "ModelError")
needs_model_errors = pytest.mark.skipif(not HAS_MODEL_ERRORS, reason="this langchain-core has no ModelError")
FAST = {"retry": {"attempts": 2, "per_deployment": 1, "backoff": "1ms"}}


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet(reply=lambda request: Reply()) as fleet:
        yield fleet
        assert fleet.errors == []


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(model="gpt-5-mini") as fake:
        yield fake


def pool(fleet: FakeFleet, *names: str, **top: Any) -> ChatWaypost:
    return ChatWaypost(router=Router(fleet.config(*(names or ("openai", "anthropic")), **top)))


def one(fake: FakeProvider, **extra: Any) -> ChatWaypost:
    return ChatWaypost(model="openai/gpt-5-mini", base_url=fake.base_url, api_key="sk-secret", **extra)


def joined(chunks: Any) -> Any:
    first, *rest = chunks
    return sum(rest, first)


async def gathered(chunks: Any) -> Any:
    return joined([chunk async for chunk in chunks])


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It is sunny in {city}."


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="question")
    punchline: str = Field(description="answer")


class Notes(BaseCallbackHandler):
    """What callbacks were told."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.ended: list[Any] = []
        self.failed: list[BaseException] = []
        self.tokens: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.started.append({"serialized": serialized, **kwargs})

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.ended.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.failed.append(error)


# Who served.


def test_metadata_names_who_served_after_a_failover(fleet: FakeFleet) -> None:
    fleet.script("openai", 503, forever=True)
    reply = pool(fleet).invoke("Hi")
    told = reply.response_metadata
    assert (told["model_name"], told["deployment"], told["provider"]) == ("fake", "anthropic", "anthropic")
    assert told["model_provider"] == ChatWaypost(router=Router(fleet.config("openai")))._get_ls_params()["ls_provider"]
    assert told["finish_reason"] == "stop"
    assert told["decision_id"].startswith("wp-")
    why = told["waypost"]
    assert [attempt["outcome"] for attempt in why["attempts"]] == ["error", "ok"]
    assert [attempt["deployment"] for attempt in why["attempts"]] == ["openai", "anthropic"]
    assert why["reason"]
    assert "127.0.0.1" not in json.dumps(told)
    json.dumps(reply.model_dump())


def test_a_stream_says_usage_model_and_cost_on_its_last_chunk_alone(fleet: FakeFleet) -> None:
    fleet.script("openai", 503, forever=True)
    chunks = list(pool(fleet).stream("Hi"))
    assert [chunk.chunk_position for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert all(chunk.response_metadata.keys() <= {"model_provider", "output_version"} for chunk in chunks[:-1])
    assert all(chunk.usage_metadata is None for chunk in chunks[:-1])
    whole = joined(chunks)
    assert whole.chunk_position == "last"
    assert whole.response_metadata["deployment"] == "anthropic"
    assert whole.response_metadata["model_name"] == "fake"
    assert whole.response_metadata["waypost"]["attempts"][0]["outcome"] == "error"
    assert whole.usage_metadata["output_tokens"] == 60
    assert whole.usage_metadata["input_token_details"]["cache_read"] == 0


async def test_async_says_the_same(fleet: FakeFleet) -> None:
    fleet.script("openai", 503, 503, 503, 503)
    llm = pool(fleet)
    reply, whole = await llm.ainvoke("Hi"), await gathered(llm.astream("Hi"))
    assert reply.response_metadata["deployment"] == whole.response_metadata["deployment"] == "anthropic"
    assert reply.text == whole.text
    assert reply.usage_metadata == whole.usage_metadata
    assert reply.response_metadata.keys() - {"token_usage"} == whole.response_metadata.keys()


def test_cost_is_priced_or_none(fleet: FakeFleet) -> None:
    config = fleet.config("openai")
    config["deployments"]["openai"]["price"] = {"input": 1.0, "output": 2.0}
    reply = ChatWaypost(router=Router(config)).invoke("Hi")
    tokens = reply.usage_metadata
    assert reply.response_metadata["cost"] == pytest.approx(
        (tokens["input_tokens"] + 2 * tokens["output_tokens"]) / 1e6
    )
    assert reply.response_metadata["waypost"]["cost"]["status"] == "exact"
    unpriced = pool(fleet, "anthropic").invoke("Hi").response_metadata
    assert unpriced["cost"] is None
    assert unpriced["waypost"]["cost"]["status"] == "unpriced"


def test_the_whole_decision_on_request(fake: FakeProvider) -> None:
    assert "decision" not in one(fake).invoke("Hi").response_metadata["waypost"]
    decision = one(fake, include_decision=True).invoke("Hi").response_metadata["waypost"]["decision"]
    assert decision["candidates"][0]["deployment"] == "openai/gpt-5-mini"


def test_usage_callback_counts_on_every_path(fake: FakeProvider) -> None:
    llm = one(fake)

    async def both() -> None:
        await llm.ainvoke("Hi")
        await gathered(llm.astream("Hi"))

    with get_usage_metadata_callback() as counted:
        llm.invoke("Hi")
        list(llm.stream("Hi"))
        llm.batch(["Hi", "Hi"])
        asyncio.run(both())
    assert counted.usage_metadata["gpt-5-mini"]["output_tokens"] == 6 * 60


# What is asked.


def test_constructor_parameters_reach_the_wire(fake: FakeProvider) -> None:
    llm = one(fake, temperature=0, max_tokens=7, stop=["END"], top_p=0.5, seed=3, extra_body={"verbosity": "low"})
    llm.invoke("Hi")
    body = fake.last.json
    assert (body["temperature"], body["top_p"], body["seed"]) == (0, 0.5, 3)
    assert (body["max_completion_tokens"], body["stop"], body["verbosity"]) == (7, ["END"], "low")
    llm.invoke("Hi", stop=["HALT"], temperature=1, logit_bias={"5": 1})
    body = fake.last.json
    assert (body["temperature"], body["stop"], body["logit_bias"]) == (1, ["HALT"], {"5": 1})


def test_an_unknown_parameter_is_said_and_sent(fake: FakeProvider) -> None:
    with pytest.warns(UserWarning, match="verbosity"):
        llm = one(fake, verbosity="low")
    llm.invoke("Hi")
    assert fake.last.json["verbosity"] == "low"


def test_other_names_of_parameters(fake: FakeProvider) -> None:
    llm = ChatWaypost(
        model_name="openai/gpt-5-mini", base_url=fake.base_url, api_key="k", request_timeout=5, stop_sequences=["X"]
    )
    assert (llm.model, llm.model_name, llm.timeout, llm.stop) == ("openai/gpt-5-mini", "openai/gpt-5-mini", 5, ["X"])


def test_a_route_or_deployment_can_be_named_in_the_call(fleet: FakeFleet) -> None:
    llm = pool(fleet, routes={"smart": {"candidates": ["anthropic"]}})
    assert llm.invoke("Hi", route="smart").response_metadata["waypost"]["route"] == "smart"
    assert llm.bind(route="smart").invoke("Hi").response_metadata["deployment"] == "anthropic"
    assert joined(llm.stream("Hi", model="anthropic")).response_metadata["deployment"] == "anthropic"
    assert llm.invoke("Hi").response_metadata["deployment"] == "openai"


def test_the_one_deployment_takes_other_models_of_its_provider(fake: FakeProvider) -> None:
    llm = one(fake)
    assert llm.invoke("Hi", model="openai/gpt-5-nano").response_metadata["model_name"] == "gpt-5-nano"
    assert llm.invoke("Hi", model="gpt-4o").response_metadata["model_name"] == "gpt-4o"
    assert fake.last.headers["authorization"] == "Bearer sk-secret"


def test_configuration_forms(fleet: FakeFleet, tmp_path: Any) -> None:
    path = tmp_path / "waypost.json"
    path.write_text(json.dumps(fleet.config("openai")))
    for config in (str(path), path, fleet.config("openai"), [fleet["openai"].deployment()]):
        assert ChatWaypost(config=config).invoke("Hi").text


def test_a_mistake_is_said_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(waypost.ConfigError, match="OPENAI_API_KEY"):
        ChatWaypost(model="openai/gpt-5-mini")


def test_retries_of_the_one_deployment(fake: FakeProvider) -> None:
    fake.script(503, 503)
    assert one(fake, max_retries=2).invoke("Hi").text
    fake.reset()
    fake.script(503)
    with pytest.raises(waypost.WaypostError):
        one(fake, max_retries=0).invoke("Hi")
    assert fake.count == 1


# Hints for rules.

RULES = [
    {"name": "gold", "when": "'gold' in tags", "require": {"deployments": ["anthropic"]}},
    {"name": "team", "when": "metadata.team == 'web'", "require": {"deployments": ["anthropic"]}},
]


@pytest.mark.parametrize("config", [{"tags": ["gold"]}, {"metadata": {"team": "web"}}])
def test_rules_read_tags_and_metadata_of_the_run(fleet: FakeFleet, config: Any) -> None:
    llm = pool(fleet, rules=RULES)
    chain = ChatPromptTemplate.from_messages([("human", "{x}")]) | llm

    async def later() -> list[Any]:
        bound = llm.with_config(config)
        return [await llm.ainvoke("Hi", config), await gathered(llm.astream("Hi", config)), await bound.ainvoke("Hi")]

    replies = [
        llm.invoke("Hi", config),
        joined(llm.stream("Hi", config)),
        *llm.batch(["Hi", "Ho"], config),
        chain.invoke({"x": "Hi"}, config),
        joined(chain.stream({"x": "Hi"}, config)),
        ChatWaypost(router=llm.router, **config).invoke("Hi"),
        joined(ChatWaypost(router=llm.router, **config).stream("Hi")),
        ChatWaypost(router=llm.router, streaming=True).invoke("Hi", config),
        *asyncio.run(later()),
    ]
    assert [reply.response_metadata["deployment"] for reply in replies] == ["anthropic"] * len(replies)
    assert replies[0].response_metadata["waypost"]["rules"]
    if hasattr(llm, "stream_events"):
        stream = llm.stream_events("Hi", config, version="v3")
        assert stream.output.response_metadata["deployment"] == "anthropic"
    assert llm.invoke("Hi").response_metadata["deployment"] == "openai"


def test_metadata_that_is_no_json_does_no_harm(fleet: FakeFleet) -> None:
    llm = pool(fleet, rules=RULES)
    reply = llm.invoke("Hi", {"metadata": {"team": "web", "thing": object(), "many": {1, 2}, "deep": {"f": print}}})
    assert reply.response_metadata["deployment"] == "anthropic"


def test_traces_show_nothing_of_how_hints_travel(fake: FakeProvider) -> None:
    notes = Notes()
    list(one(fake).stream("Hi", {"callbacks": [notes], "tags": ["a"]}))
    assert "Hints" not in repr(notes.started)


# Tools.


def test_tools_reach_the_wire(fake: FakeProvider) -> None:
    llm = one(fake)
    llm.bind_tools([get_weather], strict=True, parallel_tool_calls=False).invoke("Hi")
    body = fake.last.json
    assert body["tools"][0]["function"]["name"] == "get_weather"
    assert body["tools"][0]["function"]["strict"] is True
    assert body["parallel_tool_calls"] is False
    assert "tool_choice" not in body
    llm.bind_tools([]).invoke("Hi")
    assert not {"tools", "tool_choice"} & fake.last.json.keys()


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("any", "required"),
        ("required", "required"),
        ("auto", "auto"),
        ("none", "none"),
        (True, {"type": "function", "function": {"name": "get_weather"}}),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
        ({"type": "tool", "name": "get_weather"}, {"type": "function", "function": {"name": "get_weather"}}),
        ({"type": "any"}, "required"),
    ],
)
def test_tool_choice(fake: FakeProvider, choice: Any, wire: Any) -> None:
    one(fake).bind_tools([get_weather], tool_choice=choice).invoke("Hi")
    assert fake.last.json["tool_choice"] == wire


def test_a_choice_that_names_no_tool_is_refused(fake: FakeProvider) -> None:
    with pytest.raises(ValueError, match="get_weather"):
        one(fake).bind_tools([get_weather], tool_choice="get_whether")


def test_tools_that_the_provider_runs_stay_as_they_are(fake: FakeProvider) -> None:
    one(fake).bind_tools([{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]).invoke("Hi")
    assert fake.last.json["tools"] == [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_calls_in_streams(fake: FakeProvider, output_version: str) -> None:
    calls = [{"name": "a", "arguments": {"x": 1}}, {"name": "b", "arguments": {"y": "zwölf"}}]
    fake.reply = Reply("Let me see.", tool_calls=calls, reasoning="Two of them.")
    llm = one(fake, output_version=output_version)
    chunks = list(llm.stream("Hi"))
    assert any(chunk.tool_call_chunks for chunk in chunks)
    whole, reply = joined(chunks), llm.invoke("Hi")
    for message in (whole, reply):
        made = [(call["name"], call["args"]) for call in message.tool_calls]
        assert made == [("a", {"x": 1}), ("b", {"y": "zwölf"})]
        assert [block["type"] for block in message.content_blocks] == ["reasoning", "text", "tool_call", "tool_call"]
        assert message.content_blocks[0]["reasoning"] == "Two of them."
        assert message.text == "Let me see."
        assert message.response_metadata["finish_reason"] == "tool_calls"


def test_broken_arguments_are_invalid_calls(fake: FakeProvider) -> None:
    fake.reply = Reply(tool_calls=[{"name": "a", "arguments": '{"x": '}, {"name": "b", "arguments": "[1]"}])
    reply = one(fake).invoke("Hi")
    assert reply.tool_calls == []
    assert [(call["name"], call["args"]) for call in reply.invalid_tool_calls] == [("a", '{"x": '), ("b", "[1]")]
    assert [block["type"] for block in reply.content_blocks] == ["invalid_tool_call"] * 2
    one(fake).invoke([HumanMessage("Hi"), reply, ToolMessage("broken", tool_call_id=reply.invalid_tool_calls[0]["id"])])
    assert fake.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x": '


# Structured output.


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("schema", [Joke, JokeDict, Joke.model_json_schema()])
@pytest.mark.parametrize("strict", [None, True])
def test_structured_output_through_a_failover(fleet: FakeFleet, method: Any, schema: Any, strict: Any) -> None:
    fleet.script("openai", 503, forever=True)
    llm = pool(fleet).with_structured_output(schema, method=method, strict=strict)

    async def later() -> Any:
        return await llm.ainvoke("A joke")

    for said in (llm.invoke("A joke"), [*llm.stream("A joke")][-1], asyncio.run(later())):
        assert (said if isinstance(said, dict) else said.model_dump()) == {"setup": "text", "punchline": "text"}


def test_include_raw_keeps_the_answer_beside_the_mistake(fake: FakeProvider) -> None:
    for method in ("function_calling", "json_schema", "json_mode"):
        fake.reply = Reply('{"setup": 1}', tool_calls=[{"name": "Joke", "arguments": {"setup": 1}}])
        said = one(fake).with_structured_output(Joke, method=method, include_raw=True).invoke("A joke")
        assert said["raw"].response_metadata["model_name"] == "gpt-5-mini"
        assert said["parsed"] is None
        assert said["parsing_error"] is not None
        fake.reply = Reply(
            '{"setup": "a", "punchline": "b"}',
            tool_calls=[{"name": "Joke", "arguments": {"setup": "a", "punchline": "b"}}],
        )
        said = one(fake).with_structured_output(Joke, method=method, include_raw=True).invoke("A joke")
        assert said["parsed"] == Joke(setup="a", punchline="b")
        assert said["parsing_error"] is None


def test_json_mode_without_a_schema(fake: FakeProvider) -> None:
    fake.reply = Reply('{"a": [1]}')
    assert one(fake).with_structured_output(method="json_mode").invoke("JSON") == {"a": [1]}
    assert fake.last.json["response_format"] == {"type": "json_object"}


def test_tools_beside_a_schema(fake: FakeProvider) -> None:
    llm = one(fake).with_structured_output(Joke, method="json_schema", tools=[get_weather], include_raw=True)
    assert llm.invoke("A joke")["parsed"] == Joke(setup="text", punchline="text")
    assert fake.last.json["tools"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize("schema", [Joke, JokeDict])
def test_a_class_as_response_format(fake: FakeProvider, schema: Any) -> None:
    one(fake).bind(response_format=schema).invoke("A joke")
    assert fake.last.json["response_format"]["json_schema"]["strict"] is True


def test_a_refusal_is_an_error_where_its_words_are_no_answer(fake: FakeProvider) -> None:
    message = {"role": "assistant", "content": None, "refusal": "No."}
    body = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-5-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }  # fmt: skip
    fake.script(Step(body=body), Step(body=body))
    llm = one(fake)
    assert llm.invoke("Hi").additional_kwargs["refusal"] == "No."
    kind = getattr(core_errors, "ModelRefusalError", waypost.ContentFilterError)
    with pytest.raises(kind, match="No"):
        llm.with_structured_output(Joke, method="json_schema").invoke("Hi")


# Content.


def test_reasoning_is_a_block_and_goes_back(fake: FakeProvider) -> None:
    fake.reply = Reply("42", reasoning="Six times seven.")
    llm = one(fake)
    reply = llm.invoke("Hi")
    assert [block["type"] for block in reply.content_blocks] == ["reasoning", "text"]
    whole = joined(llm.stream("Hi"))
    assert whole.content_blocks == reply.content_blocks
    assert to_wire([reply])[0]["reasoning_content"] == "Six times seven."


def test_signed_thinking_survives_the_round_trip() -> None:
    def think(request: Request) -> Reply:
        return Reply("42", reasoning="Six times seven.")

    with FakeProvider("anthropic", think) as fake:
        llm = ChatWaypost(config=[fake.deployment()])
        for reply in (llm.invoke("Hi"), joined(llm.stream("Hi"))):
            llm.invoke([HumanMessage("Hi"), reply, HumanMessage("Why?")])
            said = fake.last.json["messages"][1]["content"]
            signed = [block for block in said if isinstance(block, dict) and block["type"] == "thinking"]
            assert [block["thinking"] for block in signed] == ["Six times seven."]
            assert all(block["signature"] for block in signed)


def test_what_stands_beside_a_call_goes_back_with_it(fake: FakeProvider) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"sig": "s"}}
    body = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}}],
    }  # fmt: skip
    fake.script(Step(body=body))
    reply = one(fake).invoke("Hi")
    assert to_wire([reply])[0]["tool_calls"] == [call]
    assert to_wire([AIMessage.model_validate_json(reply.model_dump_json())])[0]["tool_calls"] == [call]


def test_blocks_in_every_spelling() -> None:
    data = "QUJD"
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    blocks = [
        "plain",
        {"type": "text", "text": "hello"},
        {"type": "image", "base64": data, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": data, "mime_type": "image/png"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"type": "image", "url": "https://x/y.png"},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "audio", "base64": data, "mime_type": "audio/mpeg"},
        {"type": "file", "base64": data, "mime_type": "application/pdf", "filename": "a.pdf"},
        {"type": "file", "file_id": "file-1"},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}, "title": "t"},
        {"type": "video", "url": "https://x/y.mp4"},
        {"type": "text-plain", "text": "notes", "mime_type": "text/plain"},
        {"type": "media", "mime_type": "audio/wav", "data": data},
        {"type": "non_standard", "value": {"type": "custom", "x": 1}},
        image,
    ]
    parts = to_wire([HumanMessage(blocks)])[0]["content"]
    assert parts == [
        {"type": "text", "text": "plain"},
        {"type": "text", "text": "hello"},
        image,
        image,
        image,
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}", "filename": "t"}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        {"type": "text", "text": "notes"},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        {"type": "custom", "x": 1},
        image,
    ]


def test_messages_of_every_kind() -> None:
    messages = [
        SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}),
        HumanMessage("Hi", name="ada"),
        AIMessage(
            [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}}]
        ),
        HumanMessage([{"type": "tool_result", "tool_use_id": "1", "content": "2"}, {"type": "text", "text": "Go on."}]),
        AIMessage([{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Yes."}]),
        ChatMessage("Hi", role="user"),
        FunctionMessage("3", name="f"),
    ]
    assert to_wire(messages) == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hi", "name": "ada"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "2"},
        {"role": "user", "content": "Go on."},
        {
            "role": "assistant",
            "content": "Yes.",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}],
        },
        {"role": "user", "content": "Hi"},
        {"role": "function", "name": "f", "content": "3"},
    ]
    with pytest.raises(TypeError, match="RemoveMessage"):
        to_wire([RemoveMessage(id="1")])


def test_images_and_sound_come_out_as_blocks(fake: FakeProvider) -> None:
    message = {
        "role": "assistant", "content": "Here.",
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}],
        "audio": {"id": "a1", "data": "QUJD", "transcript": "Here."},
    }  # fmt: skip
    body = {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }  # fmt: skip
    fake.script(Step(body=body))
    reply = one(fake).invoke("Hi")
    assert [block["type"] for block in reply.content_blocks] == ["text", "image", "audio"]
    assert reply.content_blocks[1]["mime_type"] == "image/png"
    assert reply.text == "Here."


def test_several_answers(fake: FakeProvider) -> None:
    result = one(fake, n=2).generate([[HumanMessage("Hi")]])
    assert len(result.generations[0]) == 2
    assert sum(g.message.usage_metadata is not None for g in result.generations[0]) == 1


def test_several_answers_are_there_also_where_calls_stream_underneath(fake: FakeProvider) -> None:
    llm = one(fake, n=2, streaming=True)
    assert len(llm.generate([[HumanMessage("Hi")]]).generations[0]) == 2
    assert len(asyncio.run(llm.agenerate([[HumanMessage("Hi")]])).generations[0]) == 2
    whole = one(fake).invoke("Hi").text
    assert "".join(piece.text for piece in llm.stream("Hi")) == whole  # The first of them.


def test_the_date_of_an_answer(fake: FakeProvider) -> None:
    llm = one(fake)
    first, *rest = llm.stream("Hi")
    for message in (llm.invoke("Hi"), sum(rest, first)):
        assert abs(message.response_metadata["created"] - time.time()) < 3600


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_the_routers_choice_is_a_decision_model(fleet: FakeFleet, colour: str) -> None:
    pytest.importorskip("langchain_core.decisions", reason="this langchain-core has no decision models")
    middlewares = pytest.importorskip("langchain.agents.middleware")
    if not hasattr(middlewares, "ModelRouterMiddleware"):
        pytest.skip("this langchain has no ModelRouterMiddleware")
    from langchain.agents import create_agent
    from waypost.langchain.decisions import WaypostDecisions

    rules = [
        {"name": "code", "when": "text.contains('bug') || 'gold' in tags", "require": {"providers": ["anthropic"]}}
    ]
    router = Router(fleet.config(rules=rules))
    models = {name: ChatWaypost(router=router, model=name) for name in ("openai", "anthropic")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It is in beta.
        middleware = middlewares.ModelRouterMiddleware(
            classifier=WaypostDecisions(router=router),
            instructions="The rules decide.",
            choices={name: middlewares.ModelChoice(model=model, criteria=None) for name, model in models.items()},
        )
    agent = create_agent(models["openai"], middleware=[middleware])

    def served(prompt: str, **config: Any) -> str:
        asked = {"messages": [("user", prompt)]}
        run = agent.invoke(asked, config) if colour == "sync" else asyncio.run(agent.ainvoke(asked, config))
        assert run["model_route"].confidence == 1.0
        return run["messages"][-1].response_metadata["deployment"]

    assert (served("Hello"), served("There is a bug")) == ("openai", "anthropic")
    assert served("Hello", tags=["gold"]) == "anthropic"


def test_what_is_no_choice_of_the_router_is_said(fleet: FakeFleet) -> None:
    decisions = pytest.importorskip("langchain_core.decisions", reason="this langchain-core has no decision models")
    from waypost.langchain.decisions import WaypostDecisions

    router = Router(fleet.config(routes={"smart": {"candidates": ["anthropic"]}}))
    model = WaypostDecisions(router=router, model="smart")

    def chosen(*labels: str, state: Any = "Hello") -> str:
        question = decisions.Choice(instructions="Which?", criteria=dict.fromkeys(labels))
        return model.invoke({"state": state, "questions": {"q": question}}).choices["q"].choice

    assert chosen("openai", "anthropic") == chosen("anthropic") == "anthropic"
    assert chosen("openai", "smart", state={"messages": [HumanMessage("Hello")]}) == "smart"
    with pytest.raises(ValueError, match="no label is a deployment or the route"):
        chosen("red", "green")
    with pytest.raises(TypeError, match="ask a `Choice`"):
        model.invoke({"state": "Hello", "questions": {"q": decisions.Noul(instructions="Is it?")}})
    router.disable("anthropic")
    with pytest.raises(waypost.NoCandidatesError) as caught:
        chosen("anthropic", state=[HumanMessage("Hello")])
    assert caught.value.decision.error == "NoCandidatesError"


def test_log_probabilities(fake: FakeProvider) -> None:
    fake.reply = Reply("one two")
    llm = one(fake, logprobs=True)
    for reply in (llm.invoke("Hi"), joined(llm.stream("Hi"))):
        assert [item["token"] for item in reply.response_metadata["logprobs"]["content"]] == ["one", " two"]


# Errors.

FAILURES = [
    (401, "AuthenticationError", "ModelAuthenticationError", False),
    (403, "PermissionDeniedError", "ModelPermissionDeniedError", False),
    (404, "NotFoundError", "ModelNotFoundError", False),
    (400, "InvalidRequestError", "ModelInvalidRequestError", False),
    (429, "RateLimitError", "ModelRateLimitError", True),
    ("quota", "QuotaError", "ModelRateLimitError", False),
    (500, "ServerError", "ModelAPIError", True),
    (503, "OverloadedError", "ModelAPIError", True),
    ("context_length", "ContextLengthError", "ContextOverflowError", False),
    ("content_filter", "ContentFilterError", "ModelInvalidRequestError", False),
    ("reset", "APIConnectionError", "ModelConnectionError", True),
]


@needs_model_errors
@pytest.mark.parametrize(("step", "ours", "theirs", "retryable"), FAILURES)
def test_errors_are_of_both_families(fake: FakeProvider, step: Any, ours: str, theirs: str, retryable: bool) -> None:
    fake.script(step, forever=True)

    async def drained() -> None:
        await gathered(one(fake, max_retries=0).astream("Hi"))

    for ask in (
        lambda: one(fake, max_retries=0).invoke("Hi"),
        lambda: list(one(fake, max_retries=0).stream("Hi")),
        lambda: asyncio.run(one(fake, max_retries=0).ainvoke("Hi")),
        lambda: asyncio.run(drained()),
    ):
        with pytest.raises(getattr(waypost, ours)) as caught:
            ask()
        error = caught.value
        assert isinstance(error, getattr(core_errors, theirs))
        assert error.is_retryable is retryable
        assert error.decision is not None
        assert "sk-secret" not in str(error) + repr(error)
        if isinstance(step, int):
            assert error.status_code == error.status == step
        assert type(pickle.loads(pickle.dumps(error))) is type(error)


@needs_model_errors
def test_a_deployment_that_waits_after_a_limit_is_a_limit_too(fake: FakeProvider) -> None:
    fake.script(Step(429, retry_after=60))
    llm = one(fake, max_retries=0)
    for kind in (waypost.RateLimitError, waypost.NoCandidatesError):
        with pytest.raises(kind) as caught:
            llm.invoke("Hi")
        assert isinstance(caught.value, core_errors.ModelRateLimitError)
        assert caught.value.is_retryable is True
        assert caught.value.retry_after == pytest.approx(60, abs=2)


@needs_model_errors
def test_a_timeout_is_everyones_timeout(fake: FakeProvider) -> None:
    fake.script(Step(delay=5))
    with pytest.raises(TimeoutError) as caught:
        one(fake, timeout=0.2, max_retries=0).invoke("Hi")
    assert isinstance(caught.value, core_errors.ModelTimeoutError)
    assert isinstance(caught.value, waypost.WaypostError)


@needs_model_errors
def test_refusals_of_the_router(fleet: FakeFleet) -> None:
    llm = pool(fleet, rules=[{"name": "no", "when": "'bad' in tags", "block": "not here"}])
    with pytest.raises(waypost.BlockedError) as blocked:
        llm.invoke("Hi", {"tags": ["bad"]})
    assert isinstance(blocked.value, core_errors.ModelError)
    assert blocked.value.is_retryable is False
    with pytest.raises(waypost.UnknownModelError) as unknown:
        llm.invoke("Hi", model="opnai")
    assert isinstance(unknown.value, core_errors.ModelNotFoundError)
    config = fleet.config("openai")
    config["deployments"]["openai"]["capabilities"] = {"context_window": 100}
    with pytest.raises(waypost.WaypostError) as long:
        ChatWaypost(router=Router(config)).invoke("word " * 4000)
    assert isinstance(long.value, core_errors.ContextOverflowError)


@needs_model_errors
def test_a_stream_that_breaks(fake: FakeProvider) -> None:
    fake.script(Step(cut_after=5))
    notes = Notes()
    seen = []
    with pytest.raises(waypost.StreamError) as caught:
        seen.extend(one(fake, max_retries=0).stream("Hi", {"callbacks": [notes]}))
    assert isinstance(caught.value, core_errors.ModelAPIError)
    assert caught.value.partial.text == "".join(chunk.text for chunk in seen) != ""
    assert notes.failed == [caught.value]


def test_fallbacks_and_retries_of_langchain(fake: FakeProvider, fleet: FakeFleet) -> None:
    fake.script(401, forever=True)
    backup = pool(fleet)
    assert one(fake).with_fallbacks([backup]).invoke("Hi").text
    fake.script(503)
    llm = one(fake, max_retries=0)
    retrying = llm.with_retry(retry_if_exception_type=(waypost.OverloadedError,), wait_exponential_jitter=False)
    assert retrying.invoke("Hi").text


# Agents.


@pytest.mark.parametrize("colour", ["sync", "async", "stream"])
def test_an_agent_survives_an_outage_in_the_middle(fleet: FakeFleet, colour: str) -> None:
    agents = pytest.importorskip("langchain.agents")

    def act(request: Request) -> Any:
        seen = json.dumps(request.json, ensure_ascii=False)
        if "It is sunny" in seen:
            return "Sunny, take a hat."
        return Reply(tool_calls=[{"name": "get_weather", "arguments": {"city": "Rome"}}])

    fleet["openai"].reply = fleet["anthropic"].reply = act
    fleet.script("openai", 200, *[503] * 20)
    agent = agents.create_agent(pool(fleet, rules=RULES[:1]), tools=[get_weather])
    asked = {"messages": [("user", "Weather in Rome?")]}
    if colour == "sync":
        messages = agent.invoke(asked)["messages"]
    elif colour == "async":
        messages = asyncio.run(agent.ainvoke(asked))["messages"]
    else:
        tokens = [token for token, _ in agent.stream(asked, stream_mode="messages")]
        assert (
            joined([t for t in tokens if type(t).__name__ == "AIMessageChunk" and t.text]).text == "Sunny, take a hat."
        )
        return
    served = [m.response_metadata["deployment"] for m in messages if isinstance(m, AIMessage)]
    assert served == ["openai", "anthropic"]
    assert messages[-1].text == "Sunny, take a hat."
    tagged = agent.invoke(asked, {"tags": ["gold"]})["messages"]
    assert {m.response_metadata["deployment"] for m in tagged if isinstance(m, AIMessage)} == {"anthropic"}


def test_an_agent_with_middleware_and_a_schema(fleet: FakeFleet) -> None:
    agents = pytest.importorskip("langchain.agents")
    middlewares = pytest.importorskip("langchain.agents.middleware")
    if not hasattr(middlewares, "ModelRetryMiddleware"):
        pytest.skip("this langchain has no ModelRetryMiddleware")
    config = fleet.config("openai")
    config["deployments"]["openai"]["capabilities"] = {"context_window": 8000, "json_schema": True, "tools": True}
    llm = ChatWaypost(router=Router(config))
    middleware = [
        middlewares.SummarizationMiddleware(llm, trigger=("fraction", 0.8)),
        middlewares.ModelRetryMiddleware(initial_delay=0.01),
    ]
    agent = agents.create_agent(llm, tools=[], middleware=middleware, response_format=Joke)
    assert agent.invoke({"messages": [("user", "A joke")]})["structured_response"] == Joke(
        setup="text", punchline="text"
    )


def test_a_model_by_its_name(fleet: FakeFleet) -> None:
    models = pytest.importorskip("langchain.chat_models")
    try:
        enable_init_chat_model()
    except RuntimeError as error:
        pytest.skip(str(error))
    llm = models.init_chat_model("waypost:auto", config=fleet.config("openai"), temperature=0)
    assert isinstance(llm, ChatWaypost)
    assert llm.invoke("Hi").response_metadata["deployment"] == "openai"
    any_model = models.init_chat_model(configurable_fields=("model", "model_provider"), config=fleet.config())
    named = {"configurable": {"model": "anthropic", "model_provider": "waypost"}}
    assert any_model.invoke("Hi", named).response_metadata["deployment"] == "anthropic"


# What it is to LangChain.


def test_the_profile_is_the_least_of_the_pool(fleet: FakeFleet) -> None:
    config = fleet.config("openai", "anthropic")
    config["deployments"]["openai"]["capabilities"] = {"context_window": 100_000, "vision": True, "tools": True}
    config["deployments"]["anthropic"]["capabilities"] = {"context_window": 50_000, "vision": False, "tools": True}
    config["routes"]["big"] = {"candidates": ["openai"]}
    router = Router(config)
    llm = ChatWaypost(router=router)
    if not hasattr(llm, "profile"):
        pytest.skip("this langchain-core has no profiles")
    assert llm.profile["max_input_tokens"] == 50_000
    assert (llm.profile["image_inputs"], llm.profile["tool_calling"]) == (False, True)
    assert ChatWaypost(router=router, model="big").profile["max_input_tokens"] == 100_000
    assert ChatWaypost(router=router, profile={"max_input_tokens": 5}).profile == {"max_input_tokens": 5}


def test_langsmith_parameters(fake: FakeProvider) -> None:
    notes = Notes()
    llm = one(fake, temperature=0.5, max_tokens=9, stop=["X"])
    llm.invoke("Hi", {"callbacks": [notes]})
    told = notes.started[0]["metadata"]
    assert (told["ls_provider"], told["ls_model_name"], told["ls_model_type"]) == (
        "waypost",
        "openai/gpt-5-mini",
        "chat",
    )
    assert (told["ls_temperature"], told["ls_max_tokens"], told["ls_stop"]) == (0.5, 9, ["X"])
    assert llm._get_ls_params(model="m", stop=["Y"])["ls_stop"] == ["Y"]
    assert llm._get_ls_params(route="r")["ls_model_name"] == "r"


def test_callbacks_of_a_stream_and_its_trace(fake: FakeProvider) -> None:
    notes = Notes()
    list(one(fake).stream("Hi", {"callbacks": [notes]}))
    assert "".join(notes.tokens) == fake_text(fake)
    told = notes.ended[0].generations[0][0].message.response_metadata
    assert told["waypost"]["decision_id"] == told["decision_id"]
    one(fake).invoke("Hi", {"callbacks": [notes]})
    assert notes.ended[1].llm_output["waypost"]["deployment"] == "openai/gpt-5-mini"
    assert notes.ended[1].llm_output["token_usage"]["completion_tokens"] == 60


def fake_text(fake: FakeProvider) -> str:
    return Router([fake.deployment()]).chat("Hi").text


def test_no_key_anywhere(fake: FakeProvider, fleet: FakeFleet) -> None:
    config = fleet.config("openai")
    config["deployments"]["openai"]["api_key"] = "sk-secret"
    for llm in (one(fake), ChatWaypost(config=config), ChatWaypost(router=Router(config), api_key="sk-secret")):
        notes = Notes()
        reply = llm.invoke("Hi", {"callbacks": [notes]})
        seen = f"{llm!r} {llm} {dumps(llm)} {llm._get_llm_string()} {notes.started} {notes.ended} {reply!r}"
        seen += f"{llm._get_invocation_params()} {llm._identifying_params}"
        assert "sk-secret" not in seen


def test_saving_and_loading(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    from langchain_core.load import loads

    llm = one(fake, temperature=0, stop=["X"])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = loads(dumps(llm), valid_namespaces=["waypost"], secrets_from_env=True, **allowed())
    assert again._identifying_params == llm._identifying_params
    assert again.invoke("Hi").text
    assert fake.last.headers["authorization"] == "Bearer sk-other"


def allowed() -> dict[str, Any]:
    import inspect

    from langchain_core.load import loads

    return {"allowed_objects": [ChatWaypost]} if "allowed_objects" in inspect.signature(loads).parameters else {}


def test_pickling_and_copying(fake: FakeProvider, fleet: FakeFleet) -> None:
    live = pool(fleet)
    for llm in (one(fake, temperature=0), ChatWaypost(config=fleet.config("openai")), live):
        assert copy.deepcopy(llm).invoke("Hi").text
        assert llm.model_copy(update={"temperature": 1}).invoke("Hi").text
        if llm is live:
            continue
        again = pickle.loads(pickle.dumps(llm))
        assert again.invoke("Hi").text
        assert again._identifying_params == llm._identifying_params
    assert copy.deepcopy(live).router is live.router
    with pytest.raises(TypeError, match="configuration"):
        pickle.dumps(live)


def test_configurable_fields(fake: FakeProvider) -> None:
    from langchain_core.runnables import ConfigurableField

    llm = one(fake).configurable_fields(temperature=ConfigurableField(id="t"), model=ConfigurableField(id="m"))
    llm.with_config(configurable={"t": 1, "m": "openai/gpt-4o"}).invoke("Hi")
    assert (fake.last.json["temperature"], fake.last.json["model"]) == (1, "gpt-4o")


def test_the_cache_knows_model_and_routing(fleet: FakeFleet) -> None:
    cache = InMemoryCache()
    config = fleet.config("openai", "anthropic")
    llm = ChatWaypost(router=Router(config), cache=cache)
    llm.invoke("Hi")
    assert llm.invoke("Hi").text
    assert len(fleet.requests) == 1
    asyncio.run(llm.ainvoke("Hi", {"tags": ["a"], "metadata": {"run": 1}}))
    assert len(fleet.requests) == 1
    llm.invoke("Hi", route="anthropic")
    ChatWaypost(router=Router(config), cache=cache, temperature=1).invoke("Hi")
    rules = [{"name": "there", "require": {"deployments": ["anthropic"]}}]
    ChatWaypost(router=Router({**config, "rules": rules}), cache=cache).invoke("Hi")
    assert len(fleet.requests) == 4
    ChatWaypost(router=Router(config), cache=cache).invoke("Hi")
    assert len(fleet.requests) == 4


def test_a_rate_limiter_is_asked(fake: FakeProvider) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001, max_bucket_size=1)
    asked = []
    acquire = limiter.acquire
    limiter.acquire = lambda **kwargs: asked.append(1) or acquire(**kwargs)  # type: ignore[method-assign]
    llm = one(fake, rate_limiter=limiter)
    llm.invoke("Hi")
    list(llm.stream("Hi"))
    assert len(asked) == 2


def test_tokens_are_counted_here(fake: FakeProvider) -> None:
    llm = one(fake)
    assert 2 <= llm.get_num_tokens("hello there") <= 4
    few = llm.get_num_tokens_from_messages([HumanMessage("Hi")])
    assert few < llm.get_num_tokens_from_messages([HumanMessage("Hi")], tools=[get_weather])
    assert fake.count == 0


def test_batches(fleet: FakeFleet) -> None:
    fleet.script("openai", 503, 503)
    replies = pool(fleet).batch([f"Hi {n}" for n in range(8)], {"max_concurrency": 4})
    assert len(replies) == 8
    assert {reply.response_metadata["deployment"] for reply in replies} <= {"openai", "anthropic"}
    assert [n for n, _ in pool(fleet).batch_as_completed(["a", "b"])] != []
    errors = pool(fleet).batch(["Hi"], model="nobody", return_exceptions=True)
    assert isinstance(errors[0], waypost.UnknownModelError)


def test_events_of_version_2_and_3(fake: FakeProvider) -> None:
    fake.reply = Reply("one two", reasoning="hm", tool_calls=[{"name": "a", "arguments": {"x": 1}}])
    llm = one(fake)
    chain = llm | StrOutputParser()

    async def events() -> list[str]:
        return [event["event"] async for event in chain.astream_events("Hi", version="v2")]

    assert {"on_chat_model_start", "on_chat_model_stream", "on_chat_model_end"} <= set(asyncio.run(events()))
    if hasattr(llm, "stream_events"):
        stream = llm.stream_events("Hi", version="v3")
        list(stream)
        assert [block["type"] for block in stream.output.content_blocks] == ["reasoning", "text", "tool_call"]
        assert stream.output.usage_metadata["output_tokens"] > 0


def test_streaming_underneath_and_not_at_all(fake: FakeProvider) -> None:
    assert one(fake, streaming=True).invoke("Hi").response_metadata["deployment"] == "openai/gpt-5-mini"
    assert fake.last.json["stream"] is True
    chunks = list(one(fake, disable_streaming=True).stream("Hi"))
    assert len(chunks) == 1
    assert "stream" not in fake.last.json


# Loops, threads, endings.


def test_two_event_loops_in_a_row_and_one_inside_another_thread(fake: FakeProvider) -> None:
    llm = one(fake, max_retries=0)
    for _ in range(2):
        assert asyncio.run(llm.ainvoke("Hi")).text
        assert asyncio.run(gathered(llm.astream("Hi"))).text

    async def within() -> str:
        return llm.invoke("Hi").text

    assert asyncio.run(within())


def test_leaving_a_stream_cancels_it(fake: FakeProvider) -> None:
    fake.interval = 0.05
    stream = one(fake).stream("Hi")
    next(stream)
    stream.close()
    assert fake.wait_idle()[-1].closed_early


async def test_cancelling_a_task_cancels_the_request(fake: FakeProvider) -> None:
    fake.latency = 10
    task = asyncio.create_task(one(fake).ainvoke("Hi"))
    await asyncio.to_thread(fake.wait_for, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await asyncio.to_thread(fake.wait_idle))[-1].closed_early


async def test_leaving_an_async_stream_cancels_it(fake: FakeProvider) -> None:
    fake.interval = 0.05
    stream = one(fake).astream("Hi")
    await stream.__anext__()
    await stream.aclose()
    assert (await asyncio.to_thread(fake.wait_idle))[-1].closed_early


def test_importing_waypost_imports_no_framework() -> None:
    code = "import sys, waypost; waypost.Router; print([m for m in sys.modules if m.startswith('lang')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupting_a_call() -> None:
    code = """
import _thread, threading, time
from waypost.langchain import ChatWaypost
from waypost.testing import FakeProvider
with FakeProvider(latency=30) as fake:
    llm = ChatWaypost(model="openai/m", base_url=fake.base_url, api_key="k")
    threading.Thread(target=lambda: (fake.wait_for(1), _thread.interrupt_main()), daemon=True).start()
    began = time.monotonic()
    try:
        llm.invoke("Hi")
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - began < 5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "interrupted True", done.stderr


# Embeddings.


def test_embeddings_fail_over_in_chunks(fleet: FakeFleet) -> None:
    fleet.add("second", FakeProvider("openai", dimensions=8))
    fleet.script("openai", 503, forever=True)
    deployments = {name: fleet[name].deployment(capabilities={"embedding": True}) for name in ("openai", "second")}
    router = Router({"deployments": deployments, "routes": {"vectors": {"candidates": list(deployments)}}})
    embeddings = WaypostEmbeddings(router=router, model="vectors", chunk_size=2)
    texts = ["one", "two", "three"]
    vectors = embeddings.embed_documents(texts)
    assert (
        vectors == [embeddings.embed_query(text) for text in texts] == asyncio.run(embeddings.aembed_documents(texts))
    )
    assert embeddings.embed_documents([]) == []
    assert len(copy.deepcopy(embeddings).embed_query("x")) == 8


def test_embeddings_can_be_pickled(fake: FakeProvider) -> None:
    embeddings = WaypostEmbeddings(model="openai/text-embedding-3-small", base_url=fake.base_url, api_key="k")
    assert pickle.loads(pickle.dumps(embeddings)).embed_query("x") == embeddings.embed_query("x")


@needs_model_errors
def test_embeddings_raise_both_families(fake: FakeProvider) -> None:
    fake.script(401, forever=True)
    embeddings = WaypostEmbeddings(model="openai/text-embedding-3-small", base_url=fake.base_url, api_key="sk-secret")
    with pytest.raises(waypost.AuthenticationError) as caught:
        embeddings.embed_query("Hi")
    assert isinstance(caught.value, core_errors.ModelAuthenticationError)
    assert "sk-secret" not in repr(embeddings)


def test_two_answers_are_never_joined() -> None:
    with FakeProvider("openai") as a, FakeProvider("openai") as b:
        a.script(Step(cut_after=5))
        config = {
            "deployments": {"a": a.deployment(), "b": b.deployment()},
            "routes": {"auto": {"candidates": ["a", "b"], "on_stream_failure": "restart"}},
        }
        with pytest.raises(waypost.StreamError, match="on_stream_failure"):
            list(ChatWaypost(router=Router(config)).stream("Hello"))
