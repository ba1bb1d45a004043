"""What LlamaIndex's users expect of any model, over every wire and through a failing pool.

LangChain has a standard suite for its models, LlamaIndex has none. This is ours, in the same form: a class of
expectations, and a class for each wire. It asks through LlamaIndex's own functions only; what is particular to waypost
stands in `test_llamaindex.py`.
"""

from __future__ import annotations

import asyncio
import base64
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed: pip install 'waypost[llamaindex]'")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from llama_index.core import Document, PromptTemplate, SummaryIndex, VectorStoreIndex
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock
    from llama_index.core.bridge.pydantic import BaseModel
    from llama_index.core.memory import ChatMemoryBuffer
    from llama_index.core.tools import FunctionTool
    from waypost import Router
    from waypost.llamaindex import WaypostEmbedding, WaypostLLM

import itertools

from waypost.testing import FakeFleet, FakeProvider, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.testing import Request

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # LlamaIndex's own, of Pydantic and workflows.

ABLE = {
    "vision": True, "tools": True, "json_schema": True, "reasoning": True, "context_window": 128_000,
    "max_output": 16_000,
}  # fmt: skip
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WORDS = "one two three"
WORDY = "The sky over Öslo 🌧 is grey."


class City(BaseModel):
    """A city."""

    name: str
    people: int


def weather(city: str) -> str:
    """Say the weather in a city."""
    return f"It rains in {city}."


def clock() -> str:
    """Say the time."""
    return "It is noon."


def calls(*names: str) -> Reply:
    given = {"weather": {"city": "Oslo"}, "clock": {}}
    return Reply(tool_calls=[{"name": name, "arguments": given[name]} for name in names])


def answer(request: Request) -> str | Reply:  # noqa: PLR0911 - a table of prompts
    """Do what the prompts of the suite ask of a model."""
    if "It rains in Oslo" in str(request.json):
        return "Take an umbrella."
    if "a city" in request.prompt:
        return Reply(tool_calls=[{"name": "City", "arguments": {"name": "Oslo", "people": 709_000}}])
    if "weather and time" in request.prompt:
        return calls("weather", "clock")
    if "What time" in request.prompt:
        return calls("clock")
    if "weather" in request.prompt:
        return calls("weather")
    if "think" in request.prompt:
        return Reply("42", reasoning="six times seven")
    if "unicode" in request.prompt:
        return WORDY
    return WORDS


class Suite:
    """What is expected of a model."""

    dialect: ClassVar[str] = "openai"
    forced: ClassVar[str] = "'tool_choice': 'required'"
    """How the wire says that a tool has to be called; empty where it cannot."""
    fleet: ClassVar[FakeFleet]
    router: ClassVar[Router]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def pool(cls) -> Iterator[None]:
        with FakeFleet() as fleet:
            cls.fleet = fleet
            fleet.add("main", FakeProvider(cls.dialect, answer, model="fake"))
            cls.router = Router(cls.config(fleet))
            yield
            assert fleet.errors == []

    @classmethod
    def config(cls, fleet: FakeFleet) -> dict[str, Any]:
        return {"deployments": {"main": fleet["main"].deployment(capabilities=ABLE)}}

    @pytest.fixture
    def llm(self) -> WaypostLLM:
        return WaypostLLM(router=self.router, temperature=0.1, max_tokens=200)

    def test_class_name_and_metadata(self, llm: WaypostLLM) -> None:
        facts = llm.metadata
        assert llm.class_name() == llm.to_dict()["class_name"]
        assert (facts.is_chat_model, facts.is_function_calling_model) == (True, True)
        assert 0 < facts.num_output < facts.context_window <= ABLE["context_window"]
        assert facts.model_name

    async def test_complete_in_four_ways(self, llm: WaypostLLM) -> None:
        assert llm.complete("Count").text == (await llm.acomplete("Count")).text == WORDS
        pieces = list(llm.stream_complete("Count"))
        apieces = [piece async for piece in await llm.astream_complete("Count")]
        for parts in (pieces, apieces):
            assert "".join(part.delta or "" for part in parts) == parts[-1].text == WORDS

    async def test_chat_in_four_ways(self, llm: WaypostLLM) -> None:
        history = [ChatMessage(role="system", content="Be short."), ChatMessage(role="user", content="Count")]
        for whole in (llm.chat(history), await llm.achat(history)):
            assert (whole.message.role, whole.message.content) == (MessageRole.ASSISTANT, WORDS)
        pieces = list(llm.stream_chat(history))
        apieces = [piece async for piece in await llm.astream_chat(history)]
        for parts in (pieces, apieces):
            assert "".join(part.delta or "" for part in parts) == parts[-1].message.content == WORDS
            assert all(part.message.role == MessageRole.ASSISTANT for part in parts)
            texts = [part.message.content or "" for part in parts]
            assert all(after.startswith(before) for before, after in itertools.pairwise(texts))

    def test_a_conversation_with_an_answer_in_it(self, llm: WaypostLLM) -> None:
        history = [ChatMessage(role=role, content=text) for role, text in
                   (("user", "Hi"), ("assistant", "Hello."), ("user", "Count"))]  # fmt: skip
        assert llm.chat(history).message.content == WORDS

    def test_text_that_is_not_ascii(self, llm: WaypostLLM) -> None:
        assert llm.complete("unicode, please").text == WORDY
        assert list(llm.stream_complete("unicode, please"))[-1].text == WORDY

    async def test_usage_of_every_path(self, llm: WaypostLLM) -> None:
        question = [ChatMessage(role="user", content="Count")]
        last = list(llm.stream_chat(question))[-1]
        async_last = [piece async for piece in await llm.astream_chat(question)][-1]
        for reply in (llm.chat(question), await llm.achat(question), last, async_last):
            counted = reply.additional_kwargs
            assert counted["prompt_tokens"] > 0
            assert counted["completion_tokens"] > 0
            assert counted["total_tokens"] == counted["prompt_tokens"] + counted["completion_tokens"]

    def test_templates(self, llm: WaypostLLM) -> None:
        prompt = PromptTemplate("Count to {number}")
        assert llm.predict(prompt, number=3) == "".join(llm.stream(prompt, number=3)) == WORDS

    def test_many_at_once(self, llm: WaypostLLM) -> None:
        async def some() -> list[Any]:
            return await asyncio.gather(*(llm.acomplete(f"Count {number}") for number in range(12)))

        assert {reply.text for reply in asyncio.run(some())} == {WORDS}
        assert {reply.text for reply in asyncio.run(some())} == {WORDS}  # A second event loop.

    def test_images(self, llm: WaypostLLM) -> None:
        blocks = [TextBlock(text="Count the pixels"), ImageBlock(image=PNG, image_mimetype="image/png")]
        assert llm.chat([ChatMessage(role="user", blocks=blocks)]).message.content == WORDS
        assert base64.b64encode(PNG).decode() in str(self.fleet["main"].last.json)

    def test_thinking(self, llm: WaypostLLM) -> None:
        reply = llm.chat([ChatMessage(role="user", content="think")])
        assert reply.message.content == "42"
        assert [block.content for block in reply.message.blocks if block.block_type == "thinking"] == [
            "six times seven"
        ]

    async def test_tools_in_four_ways(self, llm: WaypostLLM) -> None:
        tools = [FunctionTool.from_defaults(weather), FunctionTool.from_defaults(clock)]
        question = "What is the weather?"
        whole = [llm.chat_with_tools(tools, question), await llm.achat_with_tools(tools, question)]
        stream = list(llm.stream_chat_with_tools(tools, question))
        astream = [piece async for piece in await llm.astream_chat_with_tools(tools, question)]
        for reply in (*whole, stream[-1], astream[-1]):
            [made] = llm.get_tool_calls_from_response(reply)
            assert (made.tool_name, made.tool_kwargs, bool(made.tool_id)) == ("weather", {"city": "Oslo"}, True)

    def test_a_tool_without_arguments(self, llm: WaypostLLM) -> None:
        reply = llm.chat_with_tools([FunctionTool.from_defaults(clock)], "What time is it?")
        [made] = llm.get_tool_calls_from_response(reply)
        assert (made.tool_name, made.tool_kwargs) == ("clock", {})

    def test_several_calls_in_one_answer(self, llm: WaypostLLM) -> None:
        tools = [FunctionTool.from_defaults(weather), FunctionTool.from_defaults(clock)]
        reply = llm.chat_with_tools(tools, "weather and time?", allow_parallel_tool_calls=True)
        made = llm.get_tool_calls_from_response(reply)
        assert [call.tool_name for call in made] == ["weather", "clock"]
        assert len({call.tool_id for call in made}) == 2

    def test_a_call_that_is_wanted(self, llm: WaypostLLM) -> None:
        if not self.forced:
            pytest.skip("this wire cannot say that a tool has to be called")
        tools = [FunctionTool.from_defaults(weather), FunctionTool.from_defaults(clock)]
        reply = llm.chat_with_tools(tools, "Count", tool_required=True)
        assert reply.message.content == WORDS  # The fake says what it is told to; what was asked of it counts.
        assert self.forced in str(self.fleet["main"].last.json)

    def test_no_call_is_an_answer(self, llm: WaypostLLM) -> None:
        reply = llm.chat_with_tools([FunctionTool.from_defaults(weather)], "Count")
        assert llm.get_tool_calls_from_response(reply, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match=r"(?i)tool"):
            llm.get_tool_calls_from_response(reply)

    def test_the_result_of_a_tool_goes_back(self, llm: WaypostLLM) -> None:
        tool, question = FunctionTool.from_defaults(weather), ChatMessage(role="user", content="weather in Oslo?")
        asked = llm.chat_with_tools([tool], question)
        [made] = llm.get_tool_calls_from_response(asked)
        said = ChatMessage(
            role="tool", content=str(tool(**made.tool_kwargs)), additional_kwargs={"tool_call_id": made.tool_id}
        )
        reply = llm.chat_with_tools([tool], chat_history=[question, asked.message, said])
        assert reply.message.content == "Take an umbrella."

    async def test_an_agent(self, llm: WaypostLLM) -> None:
        agent = FunctionAgent(tools=[FunctionTool.from_defaults(weather)], llm=llm)
        reply = await agent.run("How is the weather?", memory=ChatMemoryBuffer.from_defaults(token_limit=3000))
        assert str(reply) == "Take an umbrella."

    async def test_structured_answers(self, llm: WaypostLLM) -> None:
        prompt = PromptTemplate("Invent a city in {country}")
        for city in (
            llm.structured_predict(City, prompt, country="Norway"),
            await llm.astructured_predict(City, prompt, country="Norway"),
            llm.as_structured_llm(City).chat([ChatMessage(role="user", content="Invent a city")]).raw,
        ):
            assert city == City(name="Oslo", people=709_000)

    def test_a_query_engine(self, llm: WaypostLLM) -> None:
        index = SummaryIndex.from_documents([Document(text="Nothing to see.")])
        assert str(index.as_query_engine(llm=llm).query("Count")) == WORDS
        streamed = index.as_query_engine(llm=llm, streaming=True).query("Count")
        assert "".join(streamed.response_gen) == WORDS


class TestOpenAI(Suite):
    """OpenAI's wire."""


class TestAnthropic(Suite):
    """Anthropic's wire."""

    dialect = "anthropic"
    forced = "'tool_choice': {'type': 'any'"


class TestGemini(Suite):
    """Google's wire."""

    dialect = "gemini"
    forced = "'mode': 'ANY'"


class TestOllama(Suite):
    """Ollama's wire."""

    dialect = "ollama"
    forced = ""


class TestFailover(Suite):
    """A pool whose first member fails every call: nothing of it is seen."""

    @classmethod
    def config(cls, fleet: FakeFleet) -> dict[str, Any]:
        fleet.add("broken", FakeProvider("anthropic", model="claude")).start().script(503, forever=True)
        deployments = {name: fleet[name].deployment(capabilities=ABLE) for name in ("broken", "main")}
        return {"deployments": deployments, "routes": {"auto": {"candidates": ["broken", "main"]}}}


class TestEmbedding:
    """Embeddings, the first of two providers failing."""

    @pytest.fixture(scope="class")
    @classmethod
    def vectors(cls) -> Iterator[WaypostEmbedding]:
        with FakeFleet("openai") as fleet:
            fleet.add("second", FakeProvider("openai"))
            fleet["openai"].script(503, forever=True)
            names = ("openai", "second")
            deployments = {name: fleet[name].deployment(capabilities={"embedding": True}) for name in names}
            router = Router({"deployments": deployments, "routes": {"vectors": {"candidates": [*names]}}})
            yield WaypostEmbedding(router=router, model="vectors", embed_batch_size=2)

    async def test_texts_and_queries_in_both_colours(self, vectors: WaypostEmbedding) -> None:
        texts = ["red", "green", "blue", "red", "grey"]
        whole = vectors.get_text_embedding_batch(texts)
        assert whole == await vectors.aget_text_embedding_batch(texts)
        assert whole[0] == whole[3] != whole[1]
        assert len({len(vector) for vector in whole}) == 1
        assert vectors.get_text_embedding("red") == await vectors.aget_text_embedding("red")
        assert vectors.get_query_embedding("red") == await vectors.aget_query_embedding("red")

    def test_similarity(self, vectors: WaypostEmbedding) -> None:
        red, green = vectors.get_text_embedding_batch(["red", "green"])
        assert vectors.similarity(red, red) == pytest.approx(1.0)
        assert vectors.similarity(red, green) < 1.0

    def test_class_name_and_copies_without_keys(self, vectors: WaypostEmbedding) -> None:
        assert vectors.class_name() == vectors.to_dict()["class_name"]
        assert "sk-" not in str(vectors.to_dict())

    def test_an_index(self, vectors: WaypostEmbedding) -> None:
        index = VectorStoreIndex.from_documents(
            [Document(text="The sky is blue."), Document(text="Grass is green.")], embed_model=vectors
        )
        [found] = index.as_retriever(similarity_top_k=1).retrieve("The sky is blue.")
        assert found.text == "The sky is blue."


del Suite
