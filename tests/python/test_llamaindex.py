"""waypost in LlamaIndex: the language model and the embedding model, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
import subprocess
import sys
import warnings

import pytest
import waypost
from waypost import Router
from waypost.testing import FakeFleet, FakeProvider, Reply, Step

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed: pip install 'waypost[llamaindex]'")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from llama_index.core import Document, PromptTemplate, Settings, SummaryIndex, VectorStoreIndex
    from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
    from llama_index.core.base.llms.types import (
        AudioBlock,
        CachePoint,
        ChatMessage,
        ChatResponse,
        DocumentBlock,
        ImageBlock,
        MessageRole,
        TextBlock,
        ThinkingBlock,
        ToolCallBlock,
    )
    from llama_index.core.bridge.pydantic import BaseModel, SecretStr
    from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
    from llama_index.core.chat_engine import SimpleChatEngine
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from llama_index.core.memory import ChatMemoryBuffer
    from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
    from llama_index.core.tools import FunctionTool
    from waypost.llamaindex import WaypostEmbedding, WaypostLLM

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's own, of Pydantic and workflows.

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0D\xac\0\0\x88X\1\0\2\0\x10\0data\0\0\0\0"
SECRET = "sk-very-secret-0123456789"
HI = [ChatMessage(role="user", content="Hi")]


@pytest.fixture
def fake():
    with FakeProvider(reply="one two three") as provider:
        yield provider
        assert provider.errors == []


@pytest.fixture
def fleet():
    with FakeFleet("openai", "anthropic") as fleet:
        yield fleet


@pytest.fixture
def llm(fake):
    return WaypostLLM(router=Router([fake.deployment()]))


def memory():
    """Return a memory without the database that agents leave open."""
    return ChatMemoryBuffer.from_defaults(token_limit=3000)


def weather(city: str) -> str:
    """Say the weather in a city."""
    return f"It rains in {city}."


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


TOOLS = [FunctionTool.from_defaults(weather), FunctionTool.from_defaults(double)]


class Song(BaseModel):
    """A song."""

    title: str
    length: int


def one_call(city="Paris"):
    return {"tool_calls": [{"name": "weather", "arguments": {"city": city}}]}


def weather_agent(request):
    """Call the tool once, then answer with what it said."""
    if request.last_role == "tool" or "It rains in" in json.dumps(request.json["messages"][-1]):
        return "It rains."
    return one_call()


# Chat and completion.


def test_it_is_a_function_calling_llm_with_a_name(llm):
    assert isinstance(llm, FunctionCallingLLM)
    assert WaypostLLM.class_name() == "waypost_llm"


def test_chat(llm, fake):
    response = llm.chat([ChatMessage(role="system", content="Count."), *HI])
    assert isinstance(response, ChatResponse)
    assert (response.message.role, response.message.content) == (MessageRole.ASSISTANT, "one two three")
    assert fake.last.json["messages"] == [{"role": "system", "content": "Count."}, {"role": "user", "content": "Hi"}]


async def test_achat(llm):
    assert (await llm.achat(HI)).message.content == "one two three"


def test_complete(llm, fake):
    assert llm.complete("Count").text == "one two three"
    assert fake.last.prompt == "Count"


async def test_acomplete(llm):
    assert (await llm.acomplete("Count")).text == "one two three"


def test_stream_chat_accumulates(llm):
    parts = list(llm.stream_chat(HI))
    assert "".join(part.delta for part in parts) == "one two three"
    assert [part.message.content for part in parts] == ["one", "one two", "one two three", "one two three"]
    assert all(part.message.role == MessageRole.ASSISTANT for part in parts)


async def test_astream_chat_accumulates(llm):
    parts = [part async for part in await llm.astream_chat(HI)]
    assert "".join(part.delta for part in parts) == "one two three"
    assert parts[-1].message.content == "one two three"


def test_stream_complete_accumulates(llm):
    parts = list(llm.stream_complete("Count"))
    assert "".join(part.delta for part in parts) == "one two three"
    assert [part.text for part in parts[:3]] == ["one", "one two", "one two three"]


async def test_astream_complete_accumulates(llm):
    parts = [part async for part in await llm.astream_complete("Count")]
    assert "".join(part.delta for part in parts) == parts[-1].text == "one two three"


async def test_predict_and_stream_with_a_template(llm):
    prompt = PromptTemplate("Count to {n}")
    assert llm.predict(prompt, n=3) == await llm.apredict(prompt, n=3) == "one two three"
    assert "".join(llm.stream(prompt, n=3)) == "one two three"


def test_formatting_of_completions_is_the_users(fake):
    llm = WaypostLLM(router=Router([fake.deployment()]), completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("Hi")
    assert fake.last.prompt == "<Hi>"
    llm.complete("Hi", formatted=True)
    assert fake.last.prompt == "Hi"


async def test_sync_calls_work_inside_a_running_loop(llm):
    assert llm.complete("Hi").text == "one two three"
    assert list(llm.stream_chat(HI))[-1].message.content == "one two three"


def test_two_loops_in_a_row(llm):
    async def work():
        return (await llm.achat(HI)).message.content, [p.delta async for p in await llm.astream_chat(HI)][:3]

    assert asyncio.run(work()) == asyncio.run(work()) == ("one two three", ["one", " two", " three"])


def test_many_calls_at_once(llm, fake):
    async def work():
        return await asyncio.gather(*(llm.acomplete(str(i)) for i in range(50)))

    assert {r.text for r in asyncio.run(work())} == {"one two three"}
    assert fake.count == 50


def test_an_abandoned_stream_is_cancelled_upstream():
    with FakeProvider(reply="word " * 500, interval=0.01) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        stream = llm.stream_chat(HI)
        next(stream)
        stream.close()
        del stream
        (request,) = fake.wait_idle()
        assert request.closed_early


async def test_a_cancelled_call_is_cancelled_upstream():
    with FakeProvider(latency=30) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        task = asyncio.create_task(llm.achat(HI))
        await asyncio.to_thread(fake.wait_for)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (request,) = await asyncio.to_thread(fake.wait_idle)
        assert request.closed_early


# Settings.


def test_settings_reach_the_wire_and_a_call_overrides_them(fake):
    llm = WaypostLLM(
        router=Router([fake.deployment()]), temperature=0.5, max_tokens=7, stop=["END"], seed=3, top_p=0.9, user="u"
    )
    llm.chat(HI, temperature=0, extra_body={"x": 1})
    sent = fake.last.json
    assert (sent["temperature"], sent["stop"], sent["seed"], sent["top_p"]) == (0, ["END"], 3, 0.9)
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 7
    assert sent["x"] == 1


def test_additional_arguments_are_those_of_the_router(fake):
    llm = WaypostLLM(router=Router([fake.deployment()]), additional_kwargs={"presence_penalty": 0.25})
    llm.complete("Hi")
    assert fake.last.json["presence_penalty"] == 0.25
    with pytest.raises(TypeError, match="temprature"):
        llm.complete("Hi", temprature=1)


def test_tags_and_metadata_are_read_by_rules(fleet):
    rules = [
        {"name": "eu", "when": "'eu' in tags", "require": {"providers": ["anthropic"]}},
        {"name": "vip", "when": "metadata.tier == 'vip'", "require": {"providers": ["anthropic"]}},
    ]
    router = Router(fleet.config(rules=rules))

    def served(response):
        return response.raw["waypost"]["deployment"]

    assert served(WaypostLLM(router=router).chat(HI)) == "openai"
    assert served(WaypostLLM(router=router, tags=["eu"]).chat(HI)) == "anthropic"
    assert served(WaypostLLM(router=router).chat(HI, metadata={"tier": "vip"})) == "anthropic"


def test_a_call_may_name_another_deployment(fleet):
    llm = WaypostLLM(router=Router(fleet.config()))
    assert llm.chat(HI, model="anthropic").raw["waypost"]["deployment"] == "anthropic"


def test_one_deployment_by_arguments(fake):
    llm = WaypostLLM(
        model="openai/gpt-5-mini", api_key=SECRET, base_url=fake.base_url, temperature=0, max_tokens=500, timeout=30
    )
    assert llm.complete("Hi").text == "one two three"
    assert fake.last.headers["authorization"] == f"Bearer {SECRET}"
    assert fake.last.model == llm.metadata.model_name.removeprefix("openai/") == "gpt-5-mini"


def test_a_key_may_be_a_secret_str(fake):
    WaypostLLM("openai/fake", api_key=SecretStr(SECRET), base_url=fake.base_url).complete("Hi")
    assert fake.last.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (2, 3)])
def test_max_retries_of_one_deployment(fake, retries, calls):
    fake.script(*[500] * 5)
    llm = WaypostLLM("openai/fake", api_key="x", base_url=fake.base_url, max_retries=retries)
    with pytest.raises(waypost.ServerError):
        llm.complete("Hi")
    assert fake.count == calls


def test_timeout():
    with FakeProvider(latency=30) as fake:
        llm = WaypostLLM("openai/fake", api_key="x", base_url=fake.base_url, timeout=0.1)
        with pytest.raises(TimeoutError):
            llm.complete("Hi")


def test_config_is_a_mapping_or_a_file(fleet, tmp_path):
    path = tmp_path / "waypost.json"
    path.write_text(json.dumps(fleet.config()))
    for config in (fleet.config(), str(path), path):
        assert WaypostLLM(config=config).complete("Hi").raw["waypost"]["deployment"] == "openai"


def test_without_arguments_the_environment_says(monkeypatch, fleet, tmp_path):
    path = tmp_path / "waypost.json"
    path.write_text(json.dumps(fleet.config("anthropic")))
    monkeypatch.setenv("WAYPOST_CONFIG", str(path))
    assert WaypostLLM().complete("Hi").raw["waypost"]["provider"] == "anthropic"


def test_contradicting_arguments_are_refused(fake):
    router = Router([fake.deployment()])
    for arguments in ({"config": {}}, {"api_key": "x"}, {"base_url": "http://x"}, {"max_retries": 1}):
        with pytest.raises(ValueError, match="router"):
            WaypostLLM(router=router, **arguments)
    with pytest.raises(ValueError, match="provider/model"):
        WaypostLLM("gpt-5", api_key="x")


# What an answer says about itself.


def test_usage_is_in_raw_and_in_additional_kwargs(llm):
    response = llm.chat(HI)
    assert {k: response.raw["usage"][k] for k in response.additional_kwargs} == response.additional_kwargs
    assert response.additional_kwargs == {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
    assert llm.complete("Hi").additional_kwargs["total_tokens"] == 4


async def test_usage_of_streams_is_on_the_last_piece(llm):
    for last in (
        list(llm.stream_chat(HI))[-1],
        [p async for p in await llm.astream_chat(HI)][-1],
        list(llm.stream_complete("Hi"))[-1],
    ):
        assert last.raw["usage"]["completion_tokens"] == 3
        assert last.additional_kwargs["total_tokens"] == 4
        assert last.delta == ""


def test_raw_is_a_chat_completion_with_the_decision(llm):
    raw = llm.chat(HI).raw
    assert raw["object"] == "chat.completion"
    assert raw["choices"][0]["message"]["content"] == "one two three"
    assert raw["waypost"]["decision"]["attempts"][0]["outcome"] == "ok"
    assert set(raw["waypost"]["cost"]) == {"usd", "status", "saved_usd"}
    json.dumps(raw)


def test_after_a_failover_raw_says_who_served():
    with FakeProvider("openai", model="big") as a, FakeProvider("anthropic", "From b.", model="other") as b:
        a.script(503, 503, 503)
        llm = WaypostLLM(router=Router({"deployments": {"a": a.deployment(), "b": b.deployment()}}))
        for response in (llm.chat(HI), list(llm.stream_chat(HI))[-1]):
            assert response.message.content == "From b."
            assert response.raw["model"] == "other"
            assert response.raw["waypost"]["deployment"] == "b"
            assert response.raw["waypost"]["provider"] == "anthropic"


def test_failover_in_the_middle_of_a_conversation(fleet):
    llm = WaypostLLM(router=Router(fleet.config()))
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory())
    engine.chat("First")
    fleet.script("openai", Step(503, forever=True))
    assert str(engine.chat("Second"))
    assert [text for _, text in fleet["anthropic"].last.turns][::2] == ["First", "Second"]
    assert "".join(engine.stream_chat("Third").response_gen)
    assert len(fleet["anthropic"].last.turns) == 5


def test_log_probabilities(fake, llm):
    response = llm.chat(HI, logprobs=True, top_logprobs=1)
    assert [token[0].token for token in response.logprobs] == ["one", " two", " three"]
    assert response.logprobs[0][0].logprob == pytest.approx(-0.05)


# Errors.


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("auth", waypost.AuthenticationError),
        ("rate_limit", waypost.RateLimitError),
        ("context_length", waypost.ContextLengthError),
        (Step(500, forever=True), waypost.ServerError),
    ],
)
def test_errors_are_wayposts_own(fake, step, kind):
    fake.script(Step(step, forever=True) if isinstance(step, str) else step)
    for call in (lambda llm: llm.chat(HI), lambda llm: list(llm.stream_chat(HI))):
        with pytest.raises(kind) as caught:
            call(WaypostLLM("openai/fake", api_key=SECRET, base_url=fake.base_url, max_retries=0))
        assert caught.value.status
        assert SECRET not in str(caught.value)


def test_a_cut_stream_is_an_error_with_what_came(fake):
    fake.script(Step(cut_after=2))
    llm = WaypostLLM(router=Router([fake.deployment()]))
    with pytest.raises(waypost.StreamError) as caught:
        list(llm.stream_chat(HI))
    assert caught.value.partial.text == "one two"


def test_a_refused_prompt(fake):
    rules = [{"name": "no", "when": "true", "block": "not today"}]
    llm = WaypostLLM(config={"deployments": {"a": fake.deployment()}, "rules": rules})
    with pytest.raises(waypost.BlockedError, match="not today"):
        llm.chat(HI)
    assert fake.count == 0


def test_an_unknown_model_is_named_with_the_nearest(llm):
    with pytest.raises(waypost.UnknownModelError):
        llm.chat(HI, model="opnai/fake")


# Blocks.


def sent(fake, llm, message):
    llm.chat([message])
    return fake.last.json["messages"][-1]["content"]


def test_text_alone_is_sent_as_text(fake, llm):
    assert sent(fake, llm, ChatMessage(blocks=[TextBlock(text="a"), TextBlock(text="b")])) == "a\nb"


def test_images_go_in(fake, llm):
    blocks = [TextBlock(text="What?"), ImageBlock(image=PNG), ImageBlock(url="https://x.org/a.png", detail="low")]
    text, inline, linked = sent(fake, llm, ChatMessage(blocks=blocks))
    assert text == {"type": "text", "text": "What?"}
    assert inline["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert linked["image_url"] == {"url": "https://x.org/a.png", "detail": "low"}


def test_audio_goes_in(fake, llm):
    (part,) = sent(fake, llm, ChatMessage(blocks=[AudioBlock(audio=WAV, format="wav")]))
    assert part == {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}}


def test_documents_go_in(fake, llm, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4 hello")
    for block in (
        DocumentBlock(data=b"%PDF-1.4 hello", title="a.pdf", document_mimetype="application/pdf"),
        DocumentBlock(path=path, title="a.pdf", document_mimetype="application/pdf"),
    ):
        (part,) = sent(fake, llm, ChatMessage(blocks=[block]))
        data = base64.b64encode(b"%PDF-1.4 hello").decode()
        assert part["file"] == {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}


def test_blocks_reach_another_wire(fleet):
    llm = WaypostLLM(router=Router(fleet.config()), model="anthropic")
    llm.chat([ChatMessage(blocks=[TextBlock(text="What?"), ImageBlock(image=PNG)])])
    text, image = fleet["anthropic"].last.json["messages"][0]["content"]
    assert text["text"] == "What?"
    assert image["source"]["media_type"] == "image/png"


def test_cache_points_mark_the_part_before(fleet):
    llm = WaypostLLM(router=Router(fleet.config()), model="anthropic")
    blocks = [TextBlock(text="Long"), CachePoint(cache_control={"type": "ephemeral", "ttl": "5m"}), TextBlock(text="?")]
    llm.chat([ChatMessage(blocks=blocks)])
    first, second = fleet["anthropic"].last.json["messages"][0]["content"]
    assert first["cache_control"]["type"] == "ephemeral"
    assert "cache_control" not in second


def test_thinking_comes_out_and_goes_back_in():
    with FakeProvider("openai", Reply("Yes.", reasoning="Let me see")) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        response = llm.chat(HI)
        thinking, text = response.message.blocks
        assert (thinking.content, thinking.num_tokens, text.text) == ("Let me see", 3, "Yes.")
        assert response.message.content == "Yes."
        llm.chat([*HI, response.message, *HI])
        assert fake.last.json["messages"][1]["content"] == "Yes."


def test_thinking_is_streamed():
    with FakeProvider("openai", Reply("Yes.", reasoning="Let me see")) as fake:
        parts = list(WaypostLLM(router=Router([fake.deployment()])).stream_chat(HI))
    assert "".join(p.additional_kwargs.get("thinking_delta", "") for p in parts) == "Let me see"
    assert isinstance(parts[-1].message.blocks[0], ThinkingBlock)


def test_signed_thinking_goes_back_to_its_provider():
    with FakeProvider("anthropic") as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        thought = ThinkingBlock(content="Hm", additional_information={"signature": "c2ln"})
        answer = ChatMessage(role="assistant", blocks=[thought, TextBlock(text="Yes.")])
        llm.chat([*HI, answer, *HI])
        first = fake.last.json["messages"][1]["content"][0]
        assert first == {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}


# Tools.


def test_tools_are_sent_and_calls_come_back():
    with FakeProvider(reply=one_call()) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        response = llm.chat_with_tools(TOOLS, user_msg="Weather?")
        assert [tool["function"]["name"] for tool in fake.last.json["tools"]] == ["weather", "double"]
        assert "tool_choice" not in fake.last.json
        (call,) = llm.get_tool_calls_from_response(response)
        assert (call.tool_name, call.tool_kwargs) == ("weather", {"city": "Paris"})
        (block,) = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
        assert (block.tool_call_id, block.tool_kwargs) == (call.tool_id, {"city": "Paris"})


async def test_calls_come_back_from_every_path():
    with FakeProvider(reply=one_call()) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        last = list(llm.stream_chat_with_tools(TOOLS, user_msg="Weather?"))[-1]
        alast = [p async for p in await llm.astream_chat_with_tools(TOOLS, user_msg="Weather?")][-1]
        for response in (last, alast, await llm.achat_with_tools(TOOLS, user_msg="Weather?")):
            (call,) = llm.get_tool_calls_from_response(response)
            assert call.tool_kwargs == {"city": "Paris"}


def test_half_streamed_arguments_can_be_read():
    arguments = {"city": "Paris", "day": "the day after the day after tomorrow"}
    with FakeProvider(reply={"tool_calls": [{"name": "weather", "arguments": arguments}]}) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        seen = [
            call.tool_kwargs
            for part in llm.stream_chat_with_tools(TOOLS, user_msg="Weather?")
            for call in llm.get_tool_calls_from_response(part, error_on_no_tool_call=False)
        ]
    assert seen[-1] == arguments
    assert any(given.get("city") == "Paris" and given != arguments for given in seen)


@pytest.mark.parametrize(
    ("arguments", "choice"),
    [
        ({"tool_required": True}, "required"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "double"}, {"type": "function", "function": {"name": "double"}}),
        ({}, None),
    ],
)
def test_tool_choice(fake, llm, arguments, choice):
    llm.chat_with_tools(TOOLS, user_msg="Hi", **arguments)
    assert fake.last.json.get("tool_choice") == choice


def test_parallel_calls_are_forbidden_unless_allowed():
    calls = {"tool_calls": [{"name": "double", "arguments": {"number": n}} for n in (1, 2)]}
    with FakeProvider(reply=calls) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        response = llm.chat_with_tools(TOOLS, user_msg="Hi")
        assert fake.last.json["parallel_tool_calls"] is False
        assert len(llm.get_tool_calls_from_response(response)) == 1
        response = llm.chat_with_tools(TOOLS, user_msg="Hi", allow_parallel_tool_calls=True)
        assert fake.last.json.get("parallel_tool_calls") is not False
        assert [c.tool_kwargs["number"] for c in llm.get_tool_calls_from_response(response)] == [1, 2]


def test_strict_tools(fake, llm):
    llm.chat_with_tools(TOOLS, user_msg="Hi", strict=True)
    assert fake.last.json["tools"][0]["function"]["strict"] is True


def test_preparing_leaves_the_callers_history_alone(llm):
    history = list(HI)
    prepared = llm._prepare_chat_with_tools(TOOLS, user_msg="More", chat_history=history)
    assert len(history) == 1
    assert [m.content for m in prepared["messages"]] == ["Hi", "More"]
    assert "tools" not in llm._prepare_chat_with_tools([], user_msg="More")


def test_no_call_is_an_error_if_wanted(llm):
    response = llm.chat(HI)
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="at least one tool call"):
        llm.get_tool_calls_from_response(response)


def test_broken_arguments_are_kept_as_they_came():
    with FakeProvider(reply={"tool_calls": [{"name": "weather", "arguments": "{not json"}]}) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        response = llm.chat_with_tools(TOOLS, user_msg="Hi")
        assert response.message.blocks[-1].tool_kwargs == "{not json"
        assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {}


def test_a_tools_result_goes_back(fake, llm):
    call = ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs={"city": "Rom"})
    result = ChatMessage(role="tool", content="It rains.", additional_kwargs={"tool_call_id": "call_1"})
    llm.chat([*HI, ChatMessage(role="assistant", blocks=[call]), result])
    _, asked, told = fake.last.json["messages"]
    assert asked["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Rom"}'}
    assert (told["role"], told["tool_call_id"], told["content"]) == ("tool", "call_1", "It rains.")


def test_calls_in_additional_kwargs_are_understood(fake, llm):
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    answer = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [call]})
    llm.chat([*HI, answer, ChatMessage(role="tool", content="x", additional_kwargs={"tool_call_id": "call_1"})])
    assert fake.last.json["messages"][1]["tool_calls"] == [call]
    assert llm.get_tool_calls_from_response(ChatResponse(message=answer))[0].tool_id == "call_1"


def test_what_came_with_a_call_goes_back_with_it():
    def answer(_request):
        return one_call()

    with FakeProvider(reply=answer) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        message = llm.chat_with_tools(TOOLS, user_msg="Hi").message
        message.additional_kwargs["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "abc"}}
        tool_id = message.blocks[-1].tool_call_id
        llm.chat([*HI, message, ChatMessage(role="tool", content="x", additional_kwargs={"tool_call_id": tool_id})])
        (call,) = fake.last.json["messages"][1]["tool_calls"]
        assert call["extra_content"]["google"]["thought_signature"] == "abc"


def test_only_plain_extras_of_a_message_are_sent(fake, llm):
    extras = {"name": "ann", "mine": object(), "nothing": None, "tool_call_id": "call_1"}
    llm.chat([ChatMessage(role="user", content="Hi", additional_kwargs=extras)])
    assert fake.last.json["messages"] == [{"role": "user", "content": "Hi", "name": "ann"}]


def test_predict_and_call():
    with FakeProvider(reply=one_call()) as fake:
        response = WaypostLLM(router=Router([fake.deployment()])).predict_and_call(TOOLS, user_msg="Weather?")
    assert str(response) == "It rains in Paris."


# Agents.


@pytest.mark.parametrize("streaming", [True, False])
async def test_function_agent(streaming):
    with FakeProvider(reply=weather_agent) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        agent = FunctionAgent(tools=TOOLS, llm=llm, system_prompt="Be brief.", streaming=streaming)
        handler = agent.run("Weather in Paris?", memory=memory())
        deltas = [event.delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
        result = await handler
        assert str(result) == "It rains."
        assert result.raw["waypost"]["deployment"]
        assert "".join(deltas) == ("It rains." if streaming else "")
        assert fake.last.json["messages"][-1]["content"] == "It rains in Paris."


async def test_function_agent_survives_an_outage_between_two_steps(fleet):
    for name in fleet:
        fleet[name].reply = weather_agent
    llm = WaypostLLM(router=Router(fleet.config()))
    fleet.script("openai", 200, Step(503, forever=True))
    result = await FunctionAgent(tools=TOOLS, llm=llm).run("Weather in Paris?", memory=memory())
    assert str(result) == "It rains."
    assert result.raw["waypost"]["deployment"] == "anthropic"
    assert [request.status for request in fleet["openai"].requests][:2] == [200, 503]


async def test_agent_workflow_of_two_agents():
    def reply(request):
        names = [tool["function"]["name"] for tool in request.json.get("tools", [])]
        if "handoff" in names and request.last_role == "user" and "double" not in names:
            return {"tool_calls": [{"name": "handoff", "arguments": {"to_agent": "counter", "reason": "numbers"}}]}
        return "Four."

    with FakeProvider(reply=reply) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        front = FunctionAgent(name="front", description="Talks", llm=llm, tools=TOOLS[:1], can_handoff_to=["counter"])
        counter = FunctionAgent(name="counter", description="Counts", llm=llm, tools=TOOLS[1:])
        workflow = AgentWorkflow(agents=[front, counter], root_agent="front")
        result = await workflow.run("Two times two?", memory=memory())
    assert (str(result), result.current_agent_name) == ("Four.", "counter")


async def test_react_agent():
    def reply(request):
        if "Observation:" in json.dumps(request.json["messages"][-1]):
            return "Thought: I know.\nAnswer: It rains."
        return 'Thought: I need the weather.\nAction: weather\nAction Input: {"city": "Paris"}'

    with FakeProvider(reply=reply) as fake:
        agent = ReActAgent(tools=TOOLS, llm=WaypostLLM(router=Router([fake.deployment()])))
        assert str(await agent.run("Weather in Paris?", memory=memory())) == "It rains."


# Structured output.


def test_structured_predict():
    with FakeProvider() as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        song = llm.structured_predict(Song, PromptTemplate("A song about {topic}"), topic="rain")
        assert isinstance(song, Song)
        assert fake.last.json["tool_choice"] == "required"


async def test_astructured_predict():
    with FakeProvider() as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        assert isinstance(await llm.astructured_predict(Song, PromptTemplate("A song")), Song)


async def test_structured_llm():
    calls = {"tool_calls": [{"name": "Song", "arguments": {"title": "Rain", "length": 3}}]}
    with FakeProvider(reply=calls) as fake:
        sllm = WaypostLLM(router=Router([fake.deployment()])).as_structured_llm(Song)
        assert sllm.complete("A song").raw == Song(title="Rain", length=3)
        assert (await sllm.achat(HI)).raw == Song(title="Rain", length=3)
        assert list(sllm.stream_chat(HI))[-1].raw.title == "Rain"


async def test_structured_output_is_streamed():
    calls = {"tool_calls": [{"name": "Song", "arguments": {"title": "A long and winding song", "length": 3}}]}
    with FakeProvider(reply=calls) as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        prompt = PromptTemplate("A song")
        assert [s.title for s in llm.stream_structured_predict(Song, prompt)][-1] == "A long and winding song"
        stream = await llm.astream_structured_predict(Song, prompt)
        assert [s.title async for s in stream][-1] == "A long and winding song"


def test_response_format_takes_a_pydantic_model():
    with FakeProvider() as fake:
        llm = WaypostLLM(router=Router([fake.deployment()]))
        Song.model_validate_json(llm.chat(HI, response_format=Song).message.content)


def test_programs(fake):
    router = Router([fake.deployment()])
    fake.script(Step(reply='{"title": "Rain", "length": 3}'))
    prompt = PromptTemplate("A song")
    program = LLMTextCompletionProgram.from_defaults(output_cls=Song, prompt=prompt, llm=WaypostLLM(router=router))
    assert program() == Song(title="Rain", length=3)
    llm = WaypostLLM(router=router, is_function_calling_model=False)
    with pytest.raises(ValueError, match="does not support"):
        FunctionCallingProgram.from_defaults(Song, prompt=prompt, llm=llm)


# Metadata.


def catalogued(*models):
    deployments = {name: {"model": name, "api_key": "x"} for name in models}
    return Router({"deployments": deployments, "routes": {"auto": {"candidates": list(models)}}})


def test_metadata_is_that_of_the_weakest_candidate():
    strong, weak = "anthropic/claude-haiku-4-5", "openai/gpt-4"
    alone = WaypostLLM(router=catalogued(strong)).metadata
    both = WaypostLLM(router=catalogued(strong, weak)).metadata
    assert (alone.context_window, both.context_window) == (200_000, 8192)
    assert both.is_chat_model
    assert both.is_function_calling_model
    assert both.model_name == "auto"
    assert WaypostLLM(router=catalogued(strong, weak), model=strong).metadata.context_window == 200_000


def test_the_window_is_what_a_prompt_may_fill():
    facts = (router := catalogued("openai/gpt-5-mini")).deployments[0].capabilities
    assert facts["max_input"] < facts["context_window"]
    assert WaypostLLM(router=router).metadata.context_window == facts["max_input"]


def test_num_output_leaves_room_for_the_prompt():
    metadata = WaypostLLM(router=catalogued("openai/gpt-4")).metadata
    assert 0 < metadata.num_output <= metadata.context_window // 4
    assert WaypostLLM(router=catalogued("openai/gpt-4"), max_tokens=100).metadata.num_output == 100


def test_metadata_counts_fallbacks_and_follows_a_reload(fake):
    router = Router([fake.deployment("a")])
    llm = WaypostLLM(router=router)
    before = llm.metadata.context_window
    router.reload(
        {
            "deployments": {"a": fake.deployment(), "b": {"model": "openai/gpt-4", "api_key": "x"}},
            "routes": {"auto": {"candidates": ["a"], "fallback": ["b"]}},
        }
    )
    assert llm.metadata.context_window == 8192 != before


def test_metadata_can_be_said(fake):
    llm = WaypostLLM(router=Router([fake.deployment()]), context_window=1000, is_function_calling_model=False)
    assert (llm.metadata.context_window, llm.metadata.is_function_calling_model) == (1000, False)
    assert llm.metadata.num_output <= 250


def test_metadata_of_capabilities_that_the_configuration_says(fake):
    said = {"context_window": 5000, "max_output": 700, "tools": False}
    router = Router([fake.deployment(capabilities=said)])
    metadata = WaypostLLM(router=router).metadata
    assert (metadata.context_window, metadata.num_output) == (5000, 700)
    assert not metadata.is_function_calling_model


# Serialisation.


def test_no_key_is_printed_or_serialised():
    url = "http://127.0.0.1:1/v1"
    for model in (
        WaypostLLM("openai/fake", api_key=SECRET, base_url=url),
        WaypostLLM(config=[{"model": "openai/fake", "api_key": SECRET, "base_url": url}]),
        WaypostEmbedding("openai/fake", api_key=SECRET, base_url=url),
    ):
        payload = getattr(model, "to_payload", dict)()
        for text in (repr(model), str(model), model.to_json(), str(model.to_dict()), str(payload)):
            assert SECRET not in text
        assert model.to_dict()["class_name"] == type(model).class_name()


def test_from_dict(fake):
    llm = WaypostLLM("openai/fake", api_key=SECRET, base_url=fake.base_url, temperature=0.5, tags=["eu"])
    again = WaypostLLM.from_dict(llm.to_dict(), api_key="other")
    assert again.complete("Hi").text == "one two three"
    assert (again.temperature, again.tags) == (0.5, ["eu"])
    assert fake.last.headers["authorization"] == "Bearer other"


def test_copies_speak_through_the_same_router(llm):
    assert copy.deepcopy(llm).router is llm.router
    assert copy.copy(llm).complete("Hi").text == "one two three"
    assert llm.model_copy(update={"temperature": 0.0}).complete("Hi").text == "one two three"


def test_pickling(fake, llm):
    made = WaypostLLM(config=[fake.deployment()], temperature=0.5)
    again = pickle.loads(pickle.dumps(made))
    assert (again.complete("Hi").text, again.temperature) == ("one two three", 0.5)
    with pytest.raises(TypeError, match="config="):
        pickle.dumps(llm)


# Callbacks and instrumentation.


def test_token_counting_handler(fake):
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = WaypostLLM(router=Router([fake.deployment()]), callback_manager=CallbackManager([counter]))
    fake.script(Step(usage={"prompt_tokens": 100, "completion_tokens": 20}, times=3))
    llm.chat(HI)
    list(llm.stream_chat(HI))
    llm.complete("Hi")
    assert counter.prompt_llm_token_count == 300
    assert counter.completion_llm_token_count == 60


class Events(BaseEventHandler):
    seen: list

    @classmethod
    def class_name(cls):
        return "Events"

    def handle(self, event, **_):
        self.seen.append(event)


@pytest.fixture
def events():
    root, handler = get_dispatcher(), Events(seen=[])
    root.add_event_handler(handler)
    yield lambda: [event.class_name() for event in handler.seen]
    root.event_handlers.remove(handler)


def test_events_of_a_chat(llm, events):
    llm.chat(HI)
    assert events() == ["LLMChatStartEvent", "LLMChatEndEvent"]


async def test_events_of_a_stream(llm, events):
    assert [p async for p in await llm.astream_chat(HI)]
    names = events()
    assert (names[0], names[-1]) == ("LLMChatStartEvent", "LLMChatEndEvent")
    assert names.count("LLMChatInProgressEvent") == 4


def test_events_of_a_completion(llm, events):
    llm.complete("Hi")
    assert events() == ["LLMCompletionStartEvent", "LLMCompletionEndEvent"]


def test_events_of_a_failed_call(fake, events):
    fake.script(Step("auth", forever=True))
    llm = WaypostLLM("openai/fake", api_key=SECRET, base_url=fake.base_url)
    with pytest.raises(waypost.AuthenticationError):
        llm.chat(HI)
    assert events()[0] == "LLMChatStartEvent"


def test_events_of_embedding(fake, events):
    WaypostEmbedding(router=Router([fake.deployment()])).get_text_embedding("a")
    assert events() == ["EmbeddingStartEvent", "EmbeddingEndEvent"]


# Embedding and retrieval.


@pytest.fixture
def vectors(fake):
    return WaypostEmbedding(router=Router([fake.deployment()]))


def test_embedding(vectors, fake):
    assert len(vectors.get_text_embedding("a")) == fake.dimensions
    assert vectors.get_query_embedding("a") == vectors.get_text_embedding("a")
    assert vectors.get_text_embedding_batch(["a", "b"]) == [vectors.get_text_embedding(t) for t in "ab"]
    assert vectors.similarity(vectors.get_text_embedding("a"), vectors.get_text_embedding("a")) == pytest.approx(1)


async def test_aembedding(vectors):
    assert await vectors.aget_query_embedding("a") == vectors.get_text_embedding("a")
    assert await vectors.aget_text_embedding("a") == vectors.get_text_embedding("a")
    assert await vectors.aget_text_embedding_batch(["a", "b"]) == vectors.get_text_embedding_batch(["a", "b"])


def test_embedding_in_batches(fake):
    vectors = WaypostEmbedding(router=Router([fake.deployment()]), embed_batch_size=2)
    assert len(vectors.get_text_embedding_batch(["a", "b", "c"])) == 3
    assert [len(request.json["input"]) for request in fake.requests] == [2, 1]


def test_embedding_settings(fake):
    vectors = WaypostEmbedding("openai/text-embedding-3-small", api_key="x", base_url=fake.base_url, dimensions=8)
    assert len(vectors.get_text_embedding("a")) == 8
    assert vectors.model_name == "openai/text-embedding-3-small"
    assert fake.last.model == "text-embedding-3-small"
    assert pickle.loads(pickle.dumps(vectors)).get_text_embedding("a")


def test_embedding_fails_over():
    with FakeProvider(model="e") as a, FakeProvider(model="e") as b:
        a.script(Step(503, forever=True))
        vectors = WaypostEmbedding(router=Router({"deployments": {"a": a.deployment(), "b": b.deployment()}}))
        assert vectors.get_text_embedding("a")
        assert b.count == 1


FACTS = ["Paris is the capital of France.", "The moon orbits the earth.", "Bread is made of flour and water."]


@pytest.fixture
def rag(fake):
    def answer(request):
        text = " ".join(text for _, text in request.turns)
        return next((fact for fact in FACTS if fact in text), "I do not know.")

    fake.reply = answer
    router = Router([fake.deployment()])
    saved = (Settings._llm, Settings._embed_model)
    Settings.llm, Settings.embed_model = WaypostLLM(router=router), WaypostEmbedding(router=router)
    yield fake
    Settings._llm, Settings._embed_model = saved


async def test_query_engine_over_settings(rag):
    index = VectorStoreIndex.from_documents([Document(text=fact) for fact in FACTS])
    engine = index.as_query_engine(similarity_top_k=1)
    response = engine.query("What is the capital of France?")
    assert str(response) == FACTS[0]
    assert response.source_nodes[0].text == FACTS[0]
    assert str(await engine.aquery("What does the moon do to the earth?")) == FACTS[1]


def test_streaming_query_engine(rag):
    index = VectorStoreIndex.from_documents([Document(text=fact) for fact in FACTS])
    engine = index.as_query_engine(similarity_top_k=1, streaming=True)
    assert "".join(engine.query("What is bread made of?").response_gen) == FACTS[2]


def test_summary_index_and_chat_engine(rag):
    index = SummaryIndex.from_documents([Document(text=FACTS[0])])
    assert str(index.as_query_engine(response_mode="tree_summarize").query("Which capital?")) == FACTS[0]
    vector = VectorStoreIndex.from_documents([Document(text=FACTS[1])])
    assert str(vector.as_chat_engine(chat_mode="context", memory=memory()).chat("What about the moon?")) == FACTS[1]


def test_structured_query_engine(rag):
    class Capital(BaseModel):
        """A capital."""

        name: str

    rag.reply = {"tool_calls": [{"name": "Capital", "arguments": {"name": "Paris"}}]}
    index = VectorStoreIndex.from_documents([Document(text=FACTS[0])])
    engine = index.as_query_engine(output_cls=Capital, response_mode="compact")
    assert engine.query("Which capital?").response == Capital(name="Paris")


async def test_ingestion_pipeline(vectors):
    nodes = await IngestionPipeline(transformations=[vectors]).arun(documents=[Document(text=f) for f in FACTS])
    assert all(len(node.embedding) == 64 for node in nodes)


# Imports.


def test_importing_waypost_imports_no_framework():
    code = "import sys, waypost; waypost.Router; print([m for m in sys.modules if m.startswith('llama_index')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_missing_framework_is_named():
    code = "import sys; sys.modules |= {'llama_index': None, 'llama_index.core': None}; import waypost.llamaindex"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'waypost[llamaindex]'" in run.stderr
