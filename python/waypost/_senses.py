"""Functions as signals: whatever their colour, they are called on a thread of the extension's."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def ready(function: Callable[[Any], Any], limit: float) -> Callable[[Any], Any]:
    """Make a function one that is called on any thread; what it awaits is given up after ``limit`` seconds."""

    def call(request: Any) -> Any:
        found = function(request)
        return _awaited(found, limit) if inspect.isawaitable(found) else found

    return call


def parts(section: Any) -> tuple[Any, dict[str, Any]]:
    """Tell the functions of a ``signals`` section from what the extension reads."""
    if not hasattr(section, "items"):
        return section, {}
    plain: dict[str, Any] = {}
    functions: dict[str, Any] = {}
    for name, signal in section.items():
        own: Mapping[str, Any] | None = signal if hasattr(signal, "items") else None
        function = signal if own is None else own.get("function")
        if callable(function):
            functions[name] = function
            plain[name] = {**(own or {}), "function": True}
        else:
            plain[name] = signal
    return plain, functions


def _awaited(found: Awaitable[Any], limit: float) -> Any:
    async def wait() -> Any:
        return await asyncio.wait_for(found, limit)

    return asyncio.run_coroutine_threadsafe(wait(), _loop()).result()


def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this process that awaits signals; it runs on a thread of its own."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="waypost signals", daemon=True).start()
            _loops[os.getpid()] = loop
        return loop
