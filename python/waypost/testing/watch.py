"""Seeing all that the routers of this process do, for those who count it.

A router speaks to its core through a handful of methods, so this is where to stand: whatever is called on the router,
and by whichever framework, passes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..errors import WaypostError

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from ..results import Decision


class Watcher(Protocol):
    """Who is told."""

    def may_call(self) -> None:
        """Hear of a call ahead of it; raising refuses it."""

    def decided(self, decision: Decision) -> None:
        """Hear of a decision without a call."""

    def answered(self, response: Any) -> None:
        """Hear of an answer."""

    def failed(self, error: BaseException) -> None:
        """Hear of a call that failed."""


class _Core:
    """A core whose calls are told."""

    def __init__(self, bare: Any, watcher: Watcher) -> None:
        self.bare, self._watcher = bare, watcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    def route(self, *arguments: Any) -> Any:
        decision = self.bare.route(*arguments)
        self._watcher.decided(decision)
        return decision

    def chat(self, *arguments: Any) -> Any:
        return self._told(self.bare.chat, arguments)

    def embed(self, *arguments: Any) -> Any:
        return self._told(self.bare.embed, arguments)

    def _told(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self._watcher.may_call()
        try:
            result = call(*arguments)
        except WaypostError as error:
            self._watcher.failed(error)
            raise
        self._watcher.answered(result)
        return result

    def batch(self, *arguments: Any, keep: bool) -> list[Any]:
        self._watcher.may_call()
        results: list[Any] = self.bare.batch(*arguments, keep=keep)
        for result in results:
            (self._watcher.failed if isinstance(result, BaseException) else self._watcher.answered)(result)
        return results

    def achat(self, *arguments: Any) -> Any:
        return self._awaited(self.bare.achat, arguments)

    def aembed(self, *arguments: Any) -> Any:
        return self._awaited(self.bare.aembed, arguments)

    def _awaited(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self._watcher.may_call()
        pending = call(*arguments)
        # The first callback of the future: it is told before the one who waits goes on.
        pending.future.add_done_callback(self._done)
        return pending

    def _done(self, future: Future[Any]) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is None:
            self._watcher.answered(future.result())
        else:
            self._watcher.failed(error)

    def stream(self, *arguments: Any) -> _Stream:
        self._watcher.may_call()
        return _Stream(self.bare.stream(*arguments), self._watcher)


class _Stream:
    """A stream whose end is told, once."""

    def __init__(self, bare: Any, watcher: Watcher) -> None:
        self.bare, self._watcher, self._ended = bare, watcher, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)

    def next(self) -> Any:
        return self._chunk(self.bare.next)

    def poll(self) -> Any:
        return self._chunk(self.bare.poll)

    def _chunk(self, take: Callable[[], Any]) -> Any:
        try:
            chunk = take()
        except WaypostError as error:
            self._failed(error)
            raise
        if chunk is None:
            self._over()
        return chunk

    def front(self) -> Any:
        return self._chunk(self.bare.front)

    def _over(self) -> None:
        """Tell the answer, if this is the end: without a chunk ready there is none."""
        response = None if self._ended else self.bare.response()
        if response is not None:
            self._ended = True
            self._watcher.answered(response)

    def _failed(self, error: BaseException) -> None:
        if not self._ended:
            self._ended = True
            self._watcher.failed(error)


def watch(watcher: Watcher) -> Callable[[], None]:
    """Tell of every router that is made from now on; calling what is returned ends it.

    Example:
        >>> from waypost import Router
        >>> from waypost.testing.tally import Tally
        >>> tally = Tally()
        >>> end = watch(tally)
        >>> _ = Router(["ollama/llama3.3"]).route("Hi")
        >>> tally.decisions
        1
        >>> end()
    """
    from .. import _waypost

    bare: Any = _waypost.Core

    def core(*arguments: Any) -> _Core:
        return _Core(bare(*arguments), watcher)

    extension: Any = _waypost
    extension.Core = core

    def end() -> None:
        extension.Core = bare

    return end
