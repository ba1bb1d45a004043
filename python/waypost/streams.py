"""Streamed answers, in both colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .results import ChatResponse, Decision, typed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from typing_extensions import Self

    from . import _waypost
    from ._waypost import ChatChunk

__all__ = ["AsyncChatStream", "ChatStream"]


class _Loop:
    """One loop over a stream. A loop that is left early ends the stream: nobody may ever come back for the rest."""

    __slots__ = ("_core",)

    def __init__(self, core: _waypost.Stream) -> None:
        self._core = core

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatChunk:
        try:
            chunk = self._core.next()
        except BaseException:
            # The traceback keeps this loop alive; it must not keep the provider's connection alive too.
            self._core.close()
            raise
        if chunk is None:
            raise StopIteration
        return chunk

    def __del__(self) -> None:
        self._core.close()


class _AsyncLoop:
    """As :class:`_Loop`, for ``async for``."""

    __slots__ = ("_core",)

    def __init__(self, core: _waypost.Stream) -> None:
        self._core = core

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatChunk:
        try:
            chunk = self._core.poll()
            if chunk is None:
                chunk = await _awaited(self._core)
        except BaseException:
            self._core.close()
            raise
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def __del__(self) -> None:
        self._core.close()


async def _awaited(core: _waypost.Stream) -> ChatChunk | None:
    """Wait for the next chunk; None at the end. Giving up loses nothing: the chunk is there the next time."""
    if core.over:
        return None
    pending = core.wait()
    try:
        await pending.future
    except BaseException:
        pending.abort()
        raise
    return core.front()


class _Stream:
    """What both streams share."""

    def __init__(self, core: _waypost.Stream, wanted: Any = None) -> None:
        self._core = core
        self._wanted = wanted
        self._response: ChatResponse | None = None

    @property
    def response(self) -> ChatResponse | None:
        """The whole answer, after the last chunk; None before."""
        if self._response is None:
            self._response = typed(self._core.response(), self._wanted)
        return self._response


class ChatStream(_Stream):
    """A streamed answer: iterate it; it is a context manager too.

    The request goes out at once. After the last chunk ``response`` is the whole :class:`ChatResponse`. Leaving the loop
    early, or the ``with`` block, cancels the request at the provider; ``next(stream)`` takes one chunk and leaves it
    open.
    """

    def __iter__(self) -> Iterator[ChatChunk]:
        return _Loop(self._core)

    def __next__(self) -> ChatChunk:
        chunk = self._core.next()
        if chunk is None:
            raise StopIteration
        return chunk

    @property
    def text(self) -> str:
        """Read the rest and return the whole text."""
        for _ in self:
            pass
        return self.response.text if self.response else ""

    def close(self) -> None:
        """Cancel the request, if it is still under way."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncChatStream(_Stream):
    """A streamed answer: ``async for`` it; it is an async context manager too. As :class:`ChatStream` otherwise."""

    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        return _AsyncLoop(self._core)

    async def __anext__(self) -> ChatChunk:
        chunk = self._core.poll()
        if chunk is None:
            chunk = await _awaited(self._core)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Cancel the request, if it is still under way."""
        self._core.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._core.close()


def identity(response_or_id: Any) -> str:
    """Return the id of the decision behind an answer, a stream, an error or itself."""
    if isinstance(response_or_id, str):
        return response_or_id
    if isinstance(response_or_id, _Stream):
        response_or_id = response_or_id.response
    decision = response_or_id if isinstance(response_or_id, Decision) else getattr(response_or_id, "decision", None)
    if decision is None:
        message = "expected an answer, a decision, or the id of one; a stream has its answer at its end"
        raise ValueError(message)
    return str(decision.id)
