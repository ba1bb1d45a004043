"""waypost as LlamaIndex's language model and embedding model: ``pip install 'waypost[llamaindex]'``.

Example:
    >>> from llama_index.core import Settings
    >>> from waypost import Router
    >>> from waypost.llamaindex import WaypostEmbedding, WaypostLLM
    >>> router = Router("waypost.toml")                                             # doctest: +SKIP
    >>> Settings.llm = WaypostLLM(router=router, model="auto")                      # doctest: +SKIP
    >>> Settings.embed_model = WaypostEmbedding(router=router, model="vectors")     # doctest: +SKIP

Every answer says who served it: ``response.raw["model"]`` is the model that answered, also after a failover,
``response.raw["waypost"]`` has the deployment, the cost and the whole decision.
"""

# ruff: noqa: FBT002 - LlamaIndex says which arguments its methods have

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.base.llms.types import (
        ChatMessage,
        ChatResponse,
        ChatResponseAsyncGen,
        ChatResponseGen,
        CompletionResponse,
        CompletionResponseAsyncGen,
        CompletionResponseGen,
        LLMMetadata,
        MessageRole,
    )
    from llama_index.core.bridge.pydantic import Field, PrivateAttr
    from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW, DEFAULT_NUM_OUTPUTS
    from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from llama_index.core.llms.llm import ToolSelection

    from . import _llamaindex as blocks
except ImportError as error:
    message = "waypost.llamaindex needs llama-index-core: pip install 'waypost[llamaindex]'"
    raise ImportError(message) from error

from ._facts import weakest
from .router import Router

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llama_index.core.tools.types import BaseTool

    from .router import Config
    from .streams import AsyncChatStream, ChatStream

__all__ = ["WaypostEmbedding", "WaypostLLM"]

EMBED_BATCH = 100  # As OpenAI's integration: a request of this size is taken by every provider.
OUTPUT_SHARE = 4  # Of the window at most a quarter is kept for the answer, so that prompts always have room.
_SETTINGS = ("temperature", "top_p", "max_tokens", "stop", "seed", "reasoning_effort", "timeout", "user", "tags",
             "session", "max_cost")  # fmt: skip
_EMBED_SETTINGS = ("dimensions", "timeout", "user", "tags", "session", "max_cost")


class _Source:
    """Where the router comes from: the caller, a configuration, one deployment's arguments, or the environment.

    Credentials stay in here: it is no field of the model, so nothing that prints or serialises the model sees them.
    """

    def __init__(self, model: str, router: Router | None, config: Config | None, endpoint: dict[str, Any]) -> None:
        self.given = router is not None
        self.config, self.endpoint = config, {key: value for key, value in endpoint.items() if value is not None}
        if router is not None and config is not None:
            message = "give `router` or `config`, not both"
            raise ValueError(message)
        if (self.given or config is not None) and self.endpoint:
            message = f"`{min(self.endpoint)}` belongs to one deployment; with a router it stands in its configuration"
            raise ValueError(message)
        self.router = router or self._made(model)

    def _made(self, model: str) -> Router:
        if self.config is not None:
            return Router(self.config)
        if "/" not in model:
            if not self.endpoint:
                return Router.from_env()
            message = f"`model` is {model!r}: one deployment is named 'provider/model', such as 'openai/gpt-5-mini'"
            raise ValueError(message)
        retries = self.endpoint.get("max_retries")
        deployment = {"name": model, "model": model}
        deployment |= {k: self.endpoint[k] for k in ("api_key", "base_url") if k in self.endpoint}
        if retries is None:
            return Router([deployment])
        attempts = {"attempts": retries + 1, "per_deployment": retries + 1}
        deployment.pop("name")
        return Router({"deployments": {model: deployment}, "resilience": {"retry": attempts}})

    def __deepcopy__(self, memo: dict[int, Any]) -> _Source:
        return self  # A copy of the model speaks through the same router.

    def arguments(self, kind: str) -> dict[str, Any]:
        """Return the arguments that make it anew in another process."""
        if self.given:
            message = f"a {kind} made of a `router` cannot be pickled; give `config=` or a deployment's arguments"
            raise TypeError(message)
        return {"config": self.config, **self.endpoint}


def _rebuilt(kind: type[Any], arguments: dict[str, Any]) -> Any:
    return kind(**arguments)


class WaypostLLM(FunctionCallingLLM):
    """A router as LlamaIndex's language model.

    Args:
        model: A route, a deployment, or ``"provider/model"``.
        router: The router to speak through.
        config: Or its configuration: a file's path, a mapping, or a list of deployments.
        api_key: Or one deployment's key (else the usual variable has it) …
        base_url: … its address …
        max_retries: … and how often it is tried again.
        **settings: The other fields below.

    With neither ``router`` nor ``config``, ``"provider/model"`` is one deployment, and anything else is
    ``Router.from_env()``. Calls take the arguments of ``Router.chat`` as keywords (``temperature``, ``tags``,
    ``metadata``, ``session``, ``max_cost`` …), over the fields.

    Raises:
        ConfigError: The configuration is wrong.

    Example:
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(reply="Hello!") as fake:
        ...     llm = WaypostLLM("openai/fake", api_key="test", base_url=fake.base_url)
        ...     print(llm.complete("Hi"))
        Hello!
    """

    model: str = Field(default="auto", description="A route, a deployment, or provider/model.")
    base_url: str | None = Field(default=None, description="One deployment's address.")
    max_retries: int | None = Field(default=None, ge=0, description="Retries of one deployment.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="Of sampling.")
    top_p: float | None = Field(default=None, description="Of sampling.")
    max_tokens: int | None = Field(default=None, gt=0, description="Tokens of an answer at most.")
    stop: str | list[str] | None = Field(default=None, description="Texts that end an answer.")
    seed: int | None = Field(default=None, description="For answers that repeat.")
    reasoning_effort: str | None = Field(default=None, description="minimal, low, medium, high …")
    timeout: float | None = Field(default=None, description="Seconds that a call may take.")
    user: str | None = Field(default=None, description="The end user.")
    tags: list[str] = Field(default_factory=list, description="Labels that rules read.")
    session: str | None = Field(default=None, description="Calls of one session stay with one deployment.")
    max_cost: float | None = Field(default=None, description="US dollars of a call at most.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further arguments of Router.chat.")
    context_window: int | None = Field(default=None, description="Instead of the weakest candidate's.")
    is_function_calling_model: bool | None = Field(default=None, description="Instead of what is known.")

    _source: _Source = PrivateAttr()

    def __init__(
        self,
        model: str = "auto",
        *,
        router: Router | None = None,
        config: Config | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        max_retries: int | None = None,
        **settings: Any,
    ) -> None:
        endpoint = {"api_key": _revealed(api_key), "base_url": base_url, "max_retries": max_retries}
        super().__init__(model=model, base_url=base_url, max_retries=max_retries, **settings)
        self._source = _Source(model, router, config, endpoint)

    @classmethod
    def class_name(cls) -> str:
        """Return the name for serialisation."""
        return "waypost_llm"

    @property
    def router(self) -> Router:
        """The router that it speaks through."""
        return self._source.router

    @property
    def metadata(self) -> LLMMetadata:
        """What holds whichever candidate of the route serves."""
        known = weakest(self.router, self.model)
        window = self.context_window or known.context_window or DEFAULT_CONTEXT_WINDOW
        output = self.max_tokens or min(known.max_output or DEFAULT_NUM_OUTPUTS, max(1, window // OUTPUT_SHARE))
        tools = known.tools if self.is_function_calling_model is None else self.is_function_calling_model
        return LLMMetadata(
            context_window=window,
            num_output=min(output, known.max_output or output),
            is_chat_model=True,
            is_function_calling_model=tools,
            model_name=self.model,
        )

    def __repr_args__(self) -> Any:
        """Show the model, the router's deployments and what was set; no key and no address."""
        yield "model", self.model
        yield "router", self.router
        for name in _SETTINGS:
            if getattr(self, name) not in (None, []):
                yield name, getattr(self, name)

    def __reduce__(self) -> Any:
        """Pickle what it was made of, the key included."""
        hidden = ("callback_manager", "rate_limiter")
        fields = {name: getattr(self, name) for name in type(self).model_fields if name not in hidden}
        return (_rebuilt, (type(self), {**fields, **self._source.arguments("WaypostLLM")}))

    # Calls, each sync and async pair over the same arguments.

    def _asked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("model", *_SETTINGS)}
        return {**own, **self.additional_kwargs, **{k: v for k, v in given.items() if v is not None}}

    def _chat(self, messages: Sequence[ChatMessage], given: Mapping[str, Any]) -> ChatResponse:
        return blocks.from_reply(self.router.chat(blocks.to_openai(messages), **self._asked(given)))

    async def _achat(self, messages: Sequence[ChatMessage], given: Mapping[str, Any]) -> ChatResponse:
        return blocks.from_reply(await self.router.achat(blocks.to_openai(messages), **self._asked(given)))

    def _stream(self, messages: Sequence[ChatMessage], given: Mapping[str, Any]) -> ChatResponseGen:
        progress = blocks.Progress()
        with self.router.stream(blocks.to_openai(messages), **self._asked(given)) as stream:
            for chunk in stream:
                if (response := progress.add(chunk)) is not None:
                    yield response
            yield from _whole(stream)

    async def _astream(self, messages: Sequence[ChatMessage], given: Mapping[str, Any]) -> ChatResponseAsyncGen:
        progress = blocks.Progress()
        async with self.router.astream(blocks.to_openai(messages), **self._asked(given)) as stream:
            async for chunk in stream:
                if (response := progress.add(chunk)) is not None:
                    yield response
            for response in _whole(stream):
                yield response

    def _prompt(self, prompt: str, *, formatted: bool) -> list[ChatMessage]:
        text = prompt if formatted else cast("Any", self.completion_to_prompt)(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation."""
        return self._chat(messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Async form of ``chat``."""
        return await self._achat(messages, kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer piece by piece: ``delta`` is new, ``message`` is all so far; the last piece has the usage."""
        return self._stream(messages, kwargs)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Async form of ``stream_chat``."""
        return self._astream(messages, kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt."""
        return blocks.completion(self._chat(self._prompt(prompt, formatted=formatted), kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Async form of ``complete``."""
        return blocks.completion(await self._achat(self._prompt(prompt, formatted=formatted), kwargs))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Answer a prompt piece by piece."""
        messages = self._prompt(prompt, formatted=formatted)

        def pieces() -> CompletionResponseGen:
            for response in self._stream(messages, kwargs):
                yield blocks.completion(response)

        return pieces()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Async form of ``stream_complete``."""
        messages = self._prompt(prompt, formatted=formatted)

        async def pieces() -> CompletionResponseAsyncGen:
            async for response in self._astream(messages, kwargs):
                yield blocks.completion(response)

        return pieces()

    # Tools.

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of ``chat``.

        Parallel calls are forbidden where they are not allowed; where they are, nothing is said, as a candidate that
        makes one call at a time may serve too.
        """
        _ = verbose
        specs = [_spec(tool, strict=strict) for tool in tools]
        messages = list(chat_history or [])
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        messages += [user_msg] if user_msg is not None else []
        if not specs:
            return {"messages": messages, **kwargs}
        said = {
            "tools": specs,
            "tool_choice": _tool_choice(tool_choice, required=tool_required),
            "parallel_tool_calls": None if allow_parallel_tool_calls else False,
        }
        return {"messages": messages, **{k: v for k, v in said.items() if v is not None}, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Keep one call where several are not allowed: not every provider can be told."""
        _ = tools, kwargs
        if not allow_parallel_tool_calls:
            blocks.keep_one_call(response.message)
        return response

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """Return the calls in an answer.

        Raises:
            ValueError: There is none, and that is an error.
        """
        _ = kwargs
        calls = blocks.tool_calls_of(response.message)
        if not calls and error_on_no_tool_call:
            message = f"Expected at least one tool call, but got {len(calls)} tool calls."
            raise ValueError(message)
        return [ToolSelection(tool_id=i, tool_name=name, tool_kwargs=arguments) for i, name, arguments in calls]


def _revealed(key: Any) -> str | None:
    """Return a key out of a Pydantic ``SecretStr``."""
    reveal = getattr(key, "get_secret_value", None)
    return cast("str | None", reveal() if reveal is not None else key)


def _whole(stream: ChatStream | AsyncChatStream) -> list[ChatResponse]:
    reply = stream.response
    return [] if reply is None else [blocks.from_reply(reply, delta="")]


def _spec(tool: BaseTool, *, strict: bool | None) -> dict[str, Any]:
    spec = tool.metadata.to_openai_tool(skip_length_check=True)
    return spec if strict is None else {**spec, "function": {**spec["function"], "strict": strict}}


def _tool_choice(choice: str | dict[str, Any] | None, *, required: bool) -> Any:
    if choice is None:
        return "required" if required else None
    if choice == "any":
        return "required"
    if isinstance(choice, str) and choice not in ("auto", "none", "required"):
        return {"type": "function", "function": {"name": choice}}
    return choice


class WaypostEmbedding(BaseEmbedding):
    """A router as LlamaIndex's embedding model.

    Args:
        model: A route of embedding deployments, a deployment, or ``"provider/model"``.
        router: The router to speak through.
        config: Or its configuration: a file's path, a mapping, or a list of deployments.
        api_key: Or one deployment's key (else the usual variable has it) …
        base_url: … its address …
        max_retries: … and how often it is tried again.
        **settings: ``dimensions``, ``embed_batch_size``, ``timeout``, ``tags`` …

    Example:
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(dimensions=8) as fake:
        ...     model = WaypostEmbedding("openai/text-embedding-3-small", api_key="test", base_url=fake.base_url)
        ...     len(model.get_text_embedding("Hi"))
        8
    """

    model: str = Field(default="auto", description="A route, a deployment, or provider/model.")
    base_url: str | None = Field(default=None, description="One deployment's address.")
    max_retries: int | None = Field(default=None, ge=0, description="Retries of one deployment.")
    embed_batch_size: int = Field(default=EMBED_BATCH, gt=0, le=2048, description="Texts of one request at most.")
    dimensions: int | None = Field(default=None, gt=0, description="Length of the vectors, where it can be chosen.")
    timeout: float | None = Field(default=None, description="Seconds that a call may take.")
    user: str | None = Field(default=None, description="The end user.")
    tags: list[str] = Field(default_factory=list, description="Labels that rules read.")
    session: str | None = Field(default=None, description="Calls of one session stay with one deployment.")
    max_cost: float | None = Field(default=None, description="US dollars of a call at most.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further arguments of Router.embed.")

    _source: _Source = PrivateAttr()

    def __init__(
        self,
        model: str = "auto",
        *,
        router: Router | None = None,
        config: Config | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        max_retries: int | None = None,
        **settings: Any,
    ) -> None:
        endpoint = {"api_key": _revealed(api_key), "base_url": base_url, "max_retries": max_retries}
        fields = {"model_name": model, **settings, "model": model, "base_url": base_url, "max_retries": max_retries}
        super().__init__(**fields)
        self._source = _Source(model, router, config, endpoint)

    @classmethod
    def class_name(cls) -> str:
        """Return the name for serialisation."""
        return "WaypostEmbedding"

    @property
    def router(self) -> Router:
        """The router that it speaks through."""
        return self._source.router

    def __repr_args__(self) -> Any:
        """Show the model, the router's deployments and what was set; no key and no address."""
        yield "model", self.model
        yield "router", self.router
        for name in _EMBED_SETTINGS:
            if getattr(self, name) not in (None, []):
                yield name, getattr(self, name)

    def __reduce__(self) -> Any:
        """Pickle what it was made of, the key included."""
        hidden = ("callback_manager", "rate_limiter")
        fields = {name: getattr(self, name) for name in type(self).model_fields if name not in hidden}
        return (_rebuilt, (type(self), {**fields, **self._source.arguments("WaypostEmbedding")}))

    def _asked(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in ("model", *_EMBED_SETTINGS)}, **self.additional_kwargs}

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self.router.embed(texts, **self._asked()).embeddings

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self.router.aembed(texts, **self._asked())).embeddings

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await self._aget_text_embedding(query)
