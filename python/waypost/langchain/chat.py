"""The chat model."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from . import hints
from .answers import chunks_of, last_chunk, result_of
from .blocks import register
from .errors import raising
from .messages import to_wire
from .model import OTHER_NAMES, PARAMETERS, ConnectedModel
from .structured import response_format, structured
from .tools import choice_of, tool_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.tools import BaseTool

    from ..router import Router

register()

_CALL = frozenset(
    {*PARAMETERS, "model", "stop", "tools", "tool_choice", "parallel_tool_calls", "response_format", "extra_body"}
)


class ChatWaypost(ConnectedModel):
    """A chat model that routes each call, fails over, and says who served and why.

    Args:
        router: The router that answers; share one among models. Its keys, addresses and retries are its own.
        config: Instead of it a configuration: a path, a mapping or a list, as `Router` takes it. With neither,
            ``model`` names one deployment (``"openai/gpt-5-mini"``), or the deployments come from the environment.
        model: A route, a deployment, or ``"provider/model"``.
        api_key: The key of the one deployment; by default from the provider's usual variable.
        base_url: The address of the one deployment.
        max_retries: Retries of the one deployment.
        temperature: 0..2.
        top_p: 0..1.
        max_tokens: Tokens of the answer at most.
        timeout: Seconds the whole call may take.
        stop: Texts that end the answer.
        seed: For answers that repeat, where the provider can.
        n: How many answers; a stream is the first of them.
        logprobs: Whether log probabilities are wanted; they are in ``response_metadata``.
        top_logprobs: How many alternatives a token.
        presence_penalty: -2..2.
        frequency_penalty: -2..2.
        reasoning_effort: ``none``, ``minimal``, ``low``, ``medium``, ``high`` …
        user: The end user, as the provider should know them.
        session: Calls of one session stay with one deployment while it serves.
        max_cost: US dollars; candidates whose estimate is above it are refused.
        extra_body: Keys for the provider's own body, merged last and unchanged.
        streaming: Whether `invoke` streams underneath.
        include_decision: Whether ``response_metadata["waypost"]["decision"]`` is the whole decision; without it there
            are the reason, the rules, the attempts and who was refused.

    Every parameter of a call can also be given to `invoke` and its kin, and to `bind`; ``route=`` is another word for
    ``model=`` there.

    Example:
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(reply="Rayleigh scattering.") as fake:
        ...     llm = ChatWaypost(model="openai/gpt-5-mini", base_url=fake.base_url, api_key="test")
        ...     llm.invoke("Why is the sky blue?").text
        'Rayleigh scattering.'
    """

    # What it counts.

    def get_num_tokens(self, text: str) -> int:
        """Return how many tokens a text has, as the router estimates it; nothing is downloaded."""
        return max(0, self._tokens([HumanMessage(text)]) - self._tokens([HumanMessage("")]))

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None, **_: Any
    ) -> int:
        """Return how many tokens a conversation has, as the router estimates it; nothing is downloaded."""
        return self._tokens(messages, tools=[tool_of(tool, strict=None) for tool in tools] if tools else None)

    def _tokens(self, messages: Sequence[BaseMessage], **options: Any) -> int:
        return int(self._router.route(to_wire(messages), model=self.model, **options).signals.get("tokens") or 0)

    # What it is asked.

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model.

        Args:
            tools: Functions, Pydantic models, LangChain's tools, schemas, or tools that the provider runs.
            tool_choice: ``auto``, ``none``, ``any`` (``required``, True), or a tool's name.
            strict: Whether the provider should hold the model to the schemas.
            parallel_tool_calls: Whether several calls may come in one message.
            **kwargs: Further parameters of the calls.

        Returns:
            The model with the tools.
        """
        made = [tool_of(tool, strict=strict) for tool in tools]
        said = {
            "tools": made or None,
            "tool_choice": choice_of(tool_choice, made) if made else None,
            "parallel_tool_calls": parallel_tool_calls if made else None,
        }
        return self.bind(**{key: value for key, value in said.items() if value is not None}, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Literal["function_calling", "json_schema", "json_mode"] = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for answers in the form of a schema.

        Args:
            schema: A Pydantic model (of either version), a TypedDict or a JSON schema.
            method: ``function_calling``, which most models can; ``json_schema``, by which the provider holds the model
                to the schema; ``json_mode``, where the prompt must say what is wanted.
            include_raw: Whether the result is ``{"raw": …, "parsed": …, "parsing_error": …}``.
            strict: Whether the provider should hold the model to the schema.
            **kwargs: Further parameters of the calls.

        Returns:
            The model, answering with instances of the schema (mappings, unless it is a Pydantic model).
        """
        return structured(self, schema, method=method, include_raw=include_raw, strict=strict, options=kwargs)

    def _request(
        self, stop: list[str] | None, run_manager: Any, kwargs: Mapping[str, Any]
    ) -> tuple[Router, dict[str, Any]]:
        """Return who answers, and the options of the router's call."""
        run = hints.of_run(run_manager) if run_manager else hints.current()
        said = {**{name: getattr(self, name) for name in PARAMETERS}, **kwargs}
        said = {OTHER_NAMES.get(key, key): value for key, value in said.items() if key != "stream"}
        model = said.pop("route", None) or said.get("model") or self.model
        router, said["model"] = self._router_for(str(model))
        said["stop"] = stop or said.get("stop") or self.stop or None
        if isinstance(wanted := said.get("response_format"), type):
            said["response_format"] = response_format(wanted, strict=True)
        unknown = {key: said.pop(key) for key in [*said] if key not in _CALL}
        body = {**(self.extra_body or {}), **unknown, **(said.get("extra_body") or {})}
        return router, {**said, "extra_body": body or None, "tags": run.tags, "metadata": run.metadata or None}

    # How it answers.

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with raising():
            router, options = self._request(stop, run_manager, kwargs)
            reply = router.chat(to_wire(messages), **options)
        return result_of(reply, with_decision=self.include_decision)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with raising():
            router, options = self._request(stop, run_manager, kwargs)
            reply = await router.achat(to_wire(messages), **options)
        return result_of(reply, with_decision=self.include_decision)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with raising():
            router, options = self._request(stop, run_manager, kwargs)
            with router._stream_joined(to_wire(messages), **options) as stream:
                for chunk in stream:
                    for piece in chunks_of(chunk):
                        if run_manager:
                            run_manager.on_llm_new_token(piece.text, chunk=piece)
                        yield piece
                if stream.response is not None:
                    yield last_chunk(stream.response, with_decision=self.include_decision)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with raising():
            router, options = self._request(stop, run_manager, kwargs)
            async with router._astream_joined(to_wire(messages), **options) as stream:
                async for chunk in stream:
                    for piece in chunks_of(chunk):
                        if run_manager:
                            await run_manager.on_llm_new_token(piece.text, chunk=piece)
                        yield piece
                if stream.response is not None:
                    yield last_chunk(stream.response, with_decision=self.include_decision)

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        """Whether a call streams underneath: a stream is of one answer, so `n` above 1 does so only where it is asked to."""
        several = (kwargs.get("n") or self.n or 1) > 1
        if several and not kwargs.get("stream"):
            return False
        return super()._should_stream(async_api=async_api, run_manager=run_manager, **kwargs)

    # LangChain tells `_stream` nothing of the run: what rules read is put where it finds it.

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - its name in LangChain
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Answer piece by piece; see `BaseChatModel.stream`."""
        run = hints.of_config(config, self.tags, self.metadata)
        pieces = super().stream(input, config, stop=stop, **kwargs)
        with hints.during(run):
            first = next(pieces, None)
        if first is not None:
            yield first
            yield from pieces

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - its name in LangChain
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Async form of `stream`."""
        run = hints.of_config(config, self.tags, self.metadata)
        pieces = cast("AsyncGenerator[AIMessageChunk]", super().astream(input, config, stop=stop, **kwargs))
        async with contextlib.aclosing(pieces):
            with hints.during(run):
                first = await anext(pieces, None)
            if first is not None:
                yield first
            async for piece in pieces:
                yield piece

    def _generate_with_cache(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        with hints.during(hints.of_run(run_manager)):
            return super()._generate_with_cache(messages, stop=stop, run_manager=run_manager, **kwargs)

    async def _agenerate_with_cache(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        with hints.during(hints.of_run(run_manager)):
            return await super()._agenerate_with_cache(messages, stop=stop, run_manager=run_manager, **kwargs)
