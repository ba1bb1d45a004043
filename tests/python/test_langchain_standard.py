"""LangChain's own standard suites, run against fake providers: one class for each wire, and one for a failing pool.

What is skipped, and why:

* `test_stream_time` (everywhere): it records with VCR, which cannot see the HTTP of the Rust core.
* Audio is not declared for Anthropic and Ollama, whose wires carry none; image URLs, PDF and audio not for Ollama.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

pytest.importorskip("langchain_core", reason="langchain is not installed: pip install 'waypost[langchain]'")
pytest.importorskip("langchain_tests", reason="the standard suites are not installed: pip install langchain-tests")

import httpx
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests
from waypost import Router
from waypost.langchain import ChatWaypost, WaypostEmbeddings
from waypost.testing import FakeFleet, FakeProvider, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import AIMessage
    from waypost.testing import Request

ABLE = {
    "vision": True, "audio": True, "files": True, "tools": True, "json_schema": True, "json_mode": True,
    "reasoning": True, "context_window": 128_000, "max_output": 16_000,
}  # fmt: skip
DETAILS = ["reasoning_output", "cache_read_input", "cache_creation_input"]


def call(name: str, **arguments: Any) -> Reply:
    return Reply(tool_calls=[{"name": name, "arguments": arguments}])


def answer(request: Request) -> Reply:  # noqa: PLR0911 - a table of prompts
    """Do what the suites' prompts ask of a model; where they ask for a call or a schema, the fake knows by itself."""
    prompt = request.prompt
    if "magic_function(3)" in prompt:
        return call("magic_function", input=3)
    if "magic_function_no_args()" in prompt:
        return call("magic_function_no_args")
    if named := re.search(r"customer named '(.+?)'", prompt):
        return call("unicode_customer", customer_name=named[1], description="a company")
    if "Pirate greeting" in prompt:
        return call("greeting_generator", answer_style="pirate")
    if "weather" in prompt:
        return call("get_weather", location="San Francisco, CA")
    if "'setup' and 'punchline' keys" in prompt:
        return Reply('{"setup": "Why do cats purr?", "punchline": "They are idling."}')
    if "think" in prompt:
        return Reply("42", reasoning="six times seven", usage={"reasoning_tokens": 3, "completion_tokens": 5})
    if "from the cache" in prompt:
        return Reply("ok", usage={"prompt_tokens": 100, "cached_tokens": 60, "cache_write_tokens": 20})
    return Reply()


def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


FILES = {".jpg": png(), ".png": png(), ".pdf": b"%PDF-1.4\n%%EOF\n", ".wav": b"RIFF\x24\0\0\0WAVEfmt "}


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites fetch their pictures, papers and sounds from the web; here they come from `FILES`."""

    def get(url: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, content=FILES["." + str(url).rpartition(".")[2].lower()])

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "waypost")


class TestUnit(ChatModelUnitTests):
    """One deployment, described by the constructor's arguments."""

    @property
    def chat_model_class(self) -> type[ChatWaypost]:
        return ChatWaypost

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-5-mini", "api_key": "test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"OPENAI_API_KEY": "test"}, {"model": "openai/gpt-5-mini"}, {"api_key": "test"}


class TestUnitRouter(ChatModelUnitTests):
    """A live router."""

    router = Router([{"model": "vllm/llama-3", "base_url": "http://127.0.0.1:9/v1"}, {"model": "ollama/llama3.3"}])

    @property
    def chat_model_class(self) -> type[ChatWaypost]:
        return ChatWaypost

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"router": self.router}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"OPENAI_API_KEY": "test"}, {"model": "openai/gpt-5-mini"}, {"api_key": "test"}


class Suite(ChatModelIntegrationTests):
    """The integration suite over one wire; everything that we mean to meet is declared."""

    dialect: ClassVar[str] = "openai"
    fleet: ClassVar[FakeFleet]
    router: ClassVar[Router]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def pool(cls) -> Iterator[None]:
        with FakeFleet() as fleet:
            cls.fleet = fleet
            for name, model in (("main", "fake"), ("fake-large", "fake-large")):
                fleet.add(name, FakeProvider(cls.dialect, answer, model=model))
            cls.router = Router(cls.config(fleet))
            yield
            assert fleet.errors == []

    @classmethod
    def config(cls, fleet: FakeFleet) -> dict[str, Any]:
        deployments = {name: fleet[name].deployment(capabilities=ABLE) for name in ("main", "fake-large")}
        return {"deployments": deployments, "routes": {"auto": {"candidates": ["main"]}}}

    @property
    def chat_model_class(self) -> type[ChatWaypost]:
        return ChatWaypost

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"router": self.router}

    @property
    def model_override_value(self) -> str:
        return "fake-large"

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_video_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": DETAILS, "stream": DETAILS}

    def said(self, prompt: str, *, stream: bool) -> AIMessage:
        llm = ChatWaypost(router=self.router)
        if not stream:
            return llm.invoke(prompt)
        first, *rest = llm.stream(prompt)
        return sum(rest, first)  # type: ignore[return-value]

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.said("think", stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self.said("from the cache", stream=stream)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return self.said("from the cache", stream=stream)


class TestOpenAI(Suite):
    """OpenAI's wire."""


class TestOpenAIBySchema(Suite):
    """Structured output by the provider's own schemas."""

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}


class TestAnthropic(Suite):
    """Anthropic's wire."""

    dialect = "anthropic"

    @property
    def supports_audio_inputs(self) -> bool:
        return False


class TestGemini(Suite):
    """Google's wire."""

    dialect = "gemini"


class TestOllama(Suite):
    """Ollama's wire: structured output by its `format`, because it cannot be told to call a tool."""

    dialect = "ollama"

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}

    @property
    def has_tool_choice(self) -> bool:
        return False

    @property
    def supports_image_urls(self) -> bool:
        return False

    @property
    def supports_pdf_inputs(self) -> bool:
        return False

    @property
    def supports_pdf_tool_message(self) -> bool:
        return False

    @property
    def supports_audio_inputs(self) -> bool:
        return False


class TestFailover(Suite):
    """A pool whose first member fails every call: nothing of it is seen."""

    @classmethod
    def config(cls, fleet: FakeFleet) -> dict[str, Any]:
        fleet.add("broken", FakeProvider("anthropic", model="claude")).start().script(503, forever=True)
        deployments = {name: fleet[name].deployment(capabilities=ABLE) for name in ("broken", "main", "fake-large")}
        return {"deployments": deployments, "routes": {"auto": {"candidates": ["broken", "main"]}}}


class TestEmbeddingsUnit(EmbeddingsUnitTests):
    """Embeddings: the constructor."""

    @property
    def embeddings_class(self) -> type[WaypostEmbeddings]:
        return WaypostEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "openai/text-embedding-3-small", "api_key": "test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"OPENAI_API_KEY": "test"}, {"model": "openai/text-embedding-3-small"}, {"api_key": "test"}


class TestEmbeddings(EmbeddingsIntegrationTests):
    """Embeddings: calls, the first of two providers failing."""

    fleet: ClassVar[FakeFleet]
    router: ClassVar[Router]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def pool(cls) -> Iterator[None]:
        with FakeFleet("openai") as fleet:
            fleet.add("second", FakeProvider("openai"))
            fleet["openai"].script(503, forever=True)
            deployments = {
                name: fleet[name].deployment(capabilities={"embedding": True}) for name in ("openai", "second")
            }
            cls.router = Router({"deployments": deployments, "routes": {"vectors": {"candidates": list(deployments)}}})
            yield

    @property
    def embeddings_class(self) -> type[WaypostEmbeddings]:
        return WaypostEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"router": self.router, "model": "vectors"}


del Suite, ChatModelUnitTests, ChatModelIntegrationTests, EmbeddingsUnitTests, EmbeddingsIntegrationTests
