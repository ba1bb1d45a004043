"""The router: one object that speaks to every provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from . import _waypost
from ._parts import call_options, parts
from ._progress import progress_bar
from ._public import without_secrets
from .frames import BatchResult, collected, prompts
from .results import ChatResponse, Decision, EmbeddingResponse, typed
from .status import DeploymentStatus, Learned
from .streams import AsyncChatStream, ChatStream, identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    Messages = str | Sequence[Mapping[str, Any]]
    Config = str | os.PathLike[str] | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]

__all__ = ["AsyncChatStream", "ChatStream", "Router"]


class Router:
    """Sends each prompt to the model that should answer it, and keeps answering when providers fail.

    Args:
        config: A list of ``"provider/model"`` strings or deployment mappings, a whole configuration mapping, or the
            path of a TOML, YAML or JSON file.
        strategy: The strategy of the default route ``auto``: a name, a mapping with options, or a function
            ``(candidates, signals) -> names``. It gets the candidates that may serve, as mappings, and the signals; it
            returns the names of those to try, in order. A route of a configuration mapping takes one too.
        seed: Makes every draw repeatable.

    Raises:
        ConfigError: The configuration is wrong; ``path`` and ``hint`` say where and what was probably meant.

    Example:
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider() as a, FakeProvider(reply="From b.") as b:
        ...     a.script(503, 503)
        ...     router = Router({"deployments": {"a": a.deployment(), "b": b.deployment()}})
        ...     print(router.chat("Hello").text)
        FakeProvider(...)
        From b.
    """

    def __init__(self, config: Config, *, strategy: Any = None, seed: int | None = None) -> None:
        self._start(config, strategy, seed)

    def _start(self, config: Config | None, strategy: Any, seed: int | None) -> None:
        options = {"strategy": strategy, "seed": seed}
        self._extra = {key: value for key, value in options.items() if value is not None}
        self._core = _waypost.Core(*parts(config, self._extra))
        self._config = without_secrets(config)
        self._guard()

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, strategy: Any = None, seed: int | None = None) -> Self:
        """Build a router from a TOML, YAML or JSON file.

        Raises:
            ConfigError: The file is missing or wrong.
        """
        return cls(os.fspath(path), strategy=strategy, seed=seed)

    @classmethod
    def from_env(cls, *, strategy: Any = None, seed: int | None = None) -> Self:
        """Build a router from the environment.

        One deployment for every provider whose key is set; or, if ``WAYPOST_CONFIG`` names a file, from that file.

        Raises:
            ConfigError: No provider's key is set.
        """
        router = cls.__new__(cls)
        router._start(None, strategy, seed)
        return router

    def chat(
        self,
        messages: Messages,
        *,
        model: str = "auto",
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        n: int | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        reasoning_effort: str | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ChatResponse:
        """Answer a conversation.

        Args:
            messages: A string, or message mappings in OpenAI's shape.
            model: A route, a deployment, or ``"provider/model"`` of a configured deployment.
            tools: Tools in OpenAI's shape.
            tool_choice: ``"auto"``, ``"none"``, ``"required"`` or a named function.
            parallel_tool_calls: Whether several calls may come in one message.
            response_format: OpenAI's mapping; or a class, whose object is then in ``reply.parsed``: a Pydantic model, or
                a dataclass or ``TypedDict`` (which need Pydantic too).
            temperature: 0..2.
            top_p: 0..1.
            max_tokens: Tokens of the answer at most.
            stop: Texts that end the answer.
            seed: For answers that repeat, where the provider can.
            n: How many answers.
            logprobs: Whether log probabilities are wanted.
            top_logprobs: How many alternatives a token.
            presence_penalty: -2..2.
            frequency_penalty: -2..2.
            reasoning_effort: ``"minimal"``, ``"low"``, ``"medium"``, ``"high"`` …
            user: The end user.
            tags: Labels that rules read.
            metadata: Facts that rules read. ``priority`` (``"low"``, ``"normal"``, ``"high"`` or a number) says who goes first
                where calls wait for room under limits.
            session: Calls of one session stay with one deployment while it serves.
            timeout: Seconds the whole call may take.
            max_cost: US dollars; candidates whose estimate is above it are refused.
            extra_body: Keys for the provider's own body, merged last and unchanged.

        Returns:
            The answer, with its cost and the decision behind it.

        Raises:
            NoCandidatesError: Nothing may serve this request. Where only limits are in the way it is raised after three
                seconds without a place; ``retry_after`` says when another try makes sense.
            DeadlineExceededError: The time ran out.
            ProviderError: Every attempt failed; its class is the most telling attempt's.

        Example:
            >>> from waypost.testing import FakeProvider
            >>> with FakeProvider(reply="Hello!") as fake:
            ...     Router([fake.deployment()]).chat("Hi").text
            'Hello!'
        """
        return cast("ChatResponse", typed(self._core.chat(messages, call_options(locals())), response_format))

    async def achat(
        self,
        messages: Messages,
        *,
        model: str = "auto",
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        n: int | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        reasoning_effort: str | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ChatResponse:
        """Async form of ``chat``."""
        reply = await self._achat(messages, call_options(locals()))
        return cast("ChatResponse", typed(reply, response_format))

    async def _achat(self, messages: Messages, options: dict[str, Any]) -> ChatResponse:
        pending = self._core.achat(messages, options)
        try:
            return cast("ChatResponse", await pending.future)
        except BaseException:
            pending.abort()
            raise

    def stream(
        self,
        messages: Messages,
        *,
        model: str = "auto",
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        n: int | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        reasoning_effort: str | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> ChatStream:
        """Answer a conversation piece by piece.

        Arguments are those of ``chat``. Until the first token a failure is invisible: another deployment takes over. After
        it another one continues the answer if its model is known to (``prefill``), or else answers anew: then
        ``chunk.restarted`` says that what came before is void. ``stream.response`` is the whole answer in any case.

        Returns:
            A stream of :class:`ChatChunk`; after the last one ``stream.response`` is the whole answer.

        Raises:
            StreamError: While iterating, if the stream broke after its first token and nobody else could go on, or the route
                says ``on_stream_failure = "raise"``; ``partial`` has the answer so far.

        Example:
            >>> from waypost.testing import FakeProvider
            >>> with FakeProvider(reply="one two three") as fake:
            ...     "".join(chunk.text for chunk in Router([fake.deployment()]).stream("Count"))
            'one two three'
        """
        return ChatStream(self._core.stream(messages, call_options(locals())), response_format)

    def _stream_joined(self, messages: Messages, **arguments: Any) -> ChatStream:
        """Stream to a reader who joins all pieces: a route that says nothing of broken streams raises for him."""
        wanted = arguments.get("response_format")
        return ChatStream(self._core.stream(messages, call_options({**arguments, "joined": True})), wanted)

    def _astream_joined(self, messages: Messages, **arguments: Any) -> AsyncChatStream:
        """Async form of ``_stream_joined``."""
        wanted = arguments.get("response_format")
        return AsyncChatStream(self._core.stream(messages, call_options({**arguments, "joined": True})), wanted)

    def astream(
        self,
        messages: Messages,
        *,
        model: str = "auto",
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        n: int | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        reasoning_effort: str | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> AsyncChatStream:
        """Async form of ``stream``; no await is needed before ``async for``."""
        return AsyncChatStream(self._core.stream(messages, call_options(locals())), response_format)

    def route(
        self,
        messages: Messages,
        *,
        model: str = "auto",
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        n: int | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        reasoning_effort: str | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
        stream: bool = False,
    ) -> Decision:
        """Decide without calling: no network, no side effect, the same code path as a call.

        Arguments are those of ``chat``; ``stream`` says whether the answer would be wanted as a stream.

        Returns:
            The decision, also where a call would be refused: then ``chosen`` is None and ``error`` names the class.

        Example:
            >>> Router(["ollama/llama3.3"]).route("Hello").chosen
            'ollama/llama3.3'
        """
        return self._core.route(messages, call_options(locals()))

    def signals(self, messages: Messages, **options: Any) -> dict[str, Any]:
        """Return everything that rules can see of this request; arguments are those of ``chat``."""
        return self._core.signals(messages, call_options(options))

    def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str = "auto",
        dimensions: int | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> EmbeddingResponse:
        """Embed texts.

        Args:
            texts: A text, or several.
            model: A route, a deployment, or ``"provider/model"`` of a configured deployment.
            dimensions: Length of the vectors, where the model can shorten them.
            user: The end user.
            tags: Labels that rules read.
            metadata: Facts that rules read.
            session: Calls of one session stay with one deployment while it serves.
            timeout: Seconds the whole call may take.
            max_cost: US dollars; candidates whose estimate is above it are refused.
            extra_body: Keys for the provider's own body, merged last and unchanged.

        Returns:
            One vector a text, in the order of the texts.
        """
        return self._core.embed(texts, call_options(locals()))

    async def aembed(
        self,
        texts: str | Sequence[str],
        *,
        model: str = "auto",
        dimensions: int | None = None,
        user: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        session: str | None = None,
        timeout: float | None = None,
        max_cost: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> EmbeddingResponse:
        """Async form of ``embed``."""
        pending = self._core.aembed(texts, call_options(locals()))
        try:
            return cast("EmbeddingResponse", await pending.future)
        except BaseException:
            pending.abort()
            raise

    def batch(
        self,
        messages: Iterable[Messages],
        *,
        concurrency: int = 32,
        progress: bool = False,
        return_errors: bool = False,
        **options: Any,
    ) -> BatchResult:
        """Answer many conversations, in their order.

        Args:
            messages: The conversations, each as ``chat`` takes one: a list, or a column of pandas or polars.
            concurrency: Calls at once.
            progress: Whether to show a progress bar (needs tqdm: ``pip install waypost[notebook]``).
            return_errors: Whether an error stands in its answer's place; otherwise the first one is raised.
            **options: The arguments of ``chat``, for all of them. Each call may wait for a place under the limits until
                its ``timeout``.

        Returns:
            One answer a conversation: a list, with ``to_dataframe()``.

        Example:
            ``df.join(router.batch(df["prompt"], progress=True).to_dataframe())``
        """
        (items, index), wanted = prompts(messages), options.get("response_format")
        with progress_bar(len(items), wanted=progress) as advance:
            results = self._core.batch(items, call_options(options), concurrency, advance, keep=return_errors)
        return collected(results, index, wanted, return_errors=return_errors)

    async def abatch(
        self,
        messages: Iterable[Messages],
        *,
        concurrency: int = 32,
        progress: bool = False,
        return_errors: bool = False,
        **options: Any,
    ) -> BatchResult:
        """Async form of ``batch``."""
        # Costs more to import than all of waypost; who awaits has it already.
        import asyncio

        gate = asyncio.Semaphore(concurrency)
        (items, index), wanted = prompts(messages), options.get("response_format")
        options, done = call_options(options), 0

        with progress_bar(len(items), wanted=progress) as advance:

            async def one(item: Messages) -> Any:
                nonlocal done
                async with gate:
                    try:
                        result: Any = await self._achat(item, {**options, "patient": True})
                    except Exception as error:  # noqa: BLE001
                        result = error
                done += 1
                if advance is not None:
                    advance(done)
                return result

            results = await asyncio.gather(*(one(item) for item in items))
        return collected(list(results), index, wanted, return_errors=return_errors)

    @property
    def deployments(self) -> list[DeploymentStatus]:
        """How every deployment stands."""
        rows = self._core.deployments()
        return [
            DeploymentStatus(**{**row, **{key: dict(row[key]) for key in ("limits_left", "failures")}}) for row in rows
        ]

    @property
    def learned(self) -> list[Learned]:
        """What routes with the strategy ``bandit`` have learned from scores, by route and deployment.

        Example:
            >>> from waypost.testing import FakeProvider
            >>> with FakeProvider() as fake:
            ...     router = Router([fake.deployment("mini")], strategy="bandit")
            ...     router.feedback(router.chat("Hi"), 0.9)
            ...     router.learned[0].scores
            1.0
        """
        return [Learned(**row) for row in self._core.learned()]

    @property
    def routes(self) -> list[str]:
        """The names of all routes."""
        return self._core.routes()

    def disable(self, name: str) -> None:
        """Switch a deployment off: no new attempts; those under way finish."""
        self._core.disable(name, off=True)

    def enable(self, name: str) -> None:
        """Switch a deployment on again."""
        self._core.disable(name, off=False)

    def reload(self, config: Config) -> None:
        """Replace the configuration as a whole.

        Calls under way finish on the old one. If the new one is refused, nothing changes.

        Raises:
            ConfigError: The configuration is wrong.
        """
        self._core.reload(*parts(config, self._extra))
        self._config = without_secrets(config)
        self._guard()

    def feedback(self, response_or_id: Any, score: float, *, comment: str | None = None) -> None:
        """Say how good an answer was.

        It becomes a row of the decision log (`[telemetry] log`), and a lesson for the call's route if its strategy learns
        (``bandit``). The last ten thousand calls of such routes of this router can be scored; a score for any other call
        teaches nothing and is no error. A second score for a call takes the place of the first.

        Args:
            response_or_id: An answer, a stream that was read to its end, a decision, an error of a call, or the ``id`` of
                a decision, also of another process.
            score: 0 (useless) to 1 (as good as can be).
            comment: Words to go with it, kept as they are.

        Raises:
            ValueError: The score is not from 0 to 1, or there is no decision to speak of.

        Example:
            >>> from waypost.testing import FakeProvider
            >>> with FakeProvider() as fake:
            ...     router = Router([fake.deployment()])
            ...     router.feedback(router.chat("Hi"), 0.9, comment="to the point")
        """
        self._core.feedback(identity(response_or_id), float(score), comment)

    def metrics(self) -> str:
        """Return all metrics in Prometheus' text format."""
        return self._core.metrics()

    @property
    def warnings(self) -> list[str]:
        """What is configured and does not act as it seems, and what the log or the collector lost, and why."""
        return self._core.warnings()

    def close(self) -> None:
        """Refuse new calls; those under way finish. Waits up to 2 s for the log, and for the collector of spans."""
        self._core.close()

    def _guard(self) -> None:
        if self._core.logs:
            from ._log import guard

            guard()

    async def aclose(self) -> None:
        """Async form of ``close``."""
        if self._core.logs:
            import asyncio

            await asyncio.to_thread(self._core.close)
        else:
            self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Return the same router: its connections, limits and breakers are meant to be shared."""
        return self

    def __reduce__(self) -> Any:
        message = (
            "a Router cannot be pickled: it holds keys and connections. Build it in the process that uses it, "
            "from its configuration; after a fork the child can go on using its parent's"
        )
        raise TypeError(message)

    def __repr__(self) -> str:
        if not hasattr(self, "_core"):
            return "Router(not configured)"
        names = [row["name"] for row in self._core.deployments()]
        shown = ", ".join(names[:4]) + (f", … {len(names) - 4} more" if len(names) > 4 else "")
        return f"Router({shown}; routes: {', '.join(self.routes)})"

    def _repr_html_(self) -> str:
        from ._html import router

        return router(self)
