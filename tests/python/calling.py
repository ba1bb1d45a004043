"""One way to call a router in all its forms, for tests that hold for each of them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from waypost import Router
from waypost.testing import FakeProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self
    from waypost import ChatResponse, ProviderError

FORMS = ("chat", "achat", "stream", "astream")
STREAMS = ("stream", "astream")
WHOLE = ("chat", "achat")

# Wire formats with a deployment each, so that a fault is seen through more than one adapter.
DIALECTS = ("openai", "anthropic", "gemini", "ollama")


def call(router: Router, form: str, prompt: Any = "Why is the sky blue?", **options: Any) -> ChatResponse:
    """Return the whole answer, in whichever form it was asked for; a stream's pieces must add up to it."""
    if form == "chat":
        return router.chat(prompt, **options)
    if form == "achat":
        return asyncio.run(router.achat(prompt, **options))
    return streamed(router, form, prompt, **options)[0]


def streamed(router: Router, form: str, prompt: Any = "Why is the sky blue?", **options: Any) -> Any:
    """Return the answer of a stream and its chunks."""

    async def collect() -> Any:
        stream = router.astream(prompt, **options)
        return [chunk async for chunk in stream], stream.response

    if form == "stream":
        stream = router.stream(prompt, **options)
        chunks, response = list(stream), stream.response
    else:
        chunks, response = asyncio.run(collect())
    assert response is not None, "the stream ended without an answer and without an error"
    # A chunk that is marked begins the answer anew.
    begin = max((at for at, chunk in enumerate(chunks) if chunk.restarted), default=0)
    assert "".join(chunk.text for chunk in chunks[begin:]) == response.text
    return response, chunks


def failure(router: Router, form: str, prompt: Any = "Why is the sky blue?", **options: Any) -> Any:
    """Return the error that the call ends with."""
    try:
        response = call(router, form, prompt, **options)
    except Exception as error:  # noqa: BLE001
        return error
    msg = f"expected an error, got {response!r}"
    raise AssertionError(msg)


def attempts(of: ChatResponse | ProviderError | Any) -> list[tuple[str, str | None]]:
    """Return who was tried, with the kind of error."""
    return [(attempt.deployment, attempt.error) for attempt in of.decision.attempts]


def config(
    *candidates: FakeProvider, fallback: tuple[FakeProvider, ...] = (), strategy: Any = "priority", **top: Any
) -> dict[str, Any]:
    """Return a configuration over fakes: candidates `a`, `b` …, fallbacks `y`, `z`.

    `each` goes to every deployment; `raises` says that a broken stream is an error.
    """
    each, raises = top.pop("each", {}), top.pop("raises", False)
    named = dict(zip("abcdefgh", candidates, strict=False))
    second = dict(zip("yz", fallback, strict=False))
    route = {"candidates": list(named), "fallback": list(second), "strategy": strategy}
    if raises:
        route["on_stream_failure"] = "raise"
    deployments = {name: fake.deployment(**each) for name, fake in {**named, **second}.items()}
    return {"deployments": deployments, "routes": {"auto": route}, **top}


def limits(**timeouts: Any) -> dict[str, Any]:
    """Return `resilience` with these time limits."""
    return {"resilience": {"timeouts": timeouts}}


@contextmanager
def took(at_most: float, at_least: float = 0.0) -> Iterator[None]:
    """Check how long the block takes."""
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    assert at_least <= seconds <= at_most, f"took {seconds:.3f} s, not {at_least}..{at_most} s"


def idle(router: Router) -> bool:
    """Whether nothing is under way, after a moment for cancellations to arrive."""
    until = time.monotonic() + 2.0
    while any(status.in_flight for status in router.deployments):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


class Raw:
    """A server on loopback that speaks bytes: `handle(connection, request)` gets a socket and the head and body read."""

    def __init__(self, handle: Any, *, read: bool = True, backlog: int = 64) -> None:
        self.handle, self.read = handle, read
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.socket.getsockname()[1]
        self.seen: list[bytes] = []
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def deployment(self, **extra: Any) -> dict[str, Any]:
        """Return a deployment mapping."""
        base = {"model": "openai-compatible/raw", "base_url": f"http://127.0.0.1:{self.port}/v1", "api_key": "test"}
        return {**base, **extra}

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            request = _read(connection) if self.read else b""
            self.seen.append(request)
            self.handle(connection, request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while left > 0 and (piece := connection.recv(65536)):
        data, left = data + piece, left - len(piece)
    return data


def answer(text: str = "Hello", **extra: Any) -> bytes:
    """Return a whole OpenAI answer as a body."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return json.dumps({"id": "x", "model": "raw", "choices": [choice], "usage": usage, **extra}).encode()


def reply(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """Return a whole HTTP response."""
    named = {"content-type": kind, "content-length": str(len(body)), "connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def event(text: str = "", finish: str | None = None, **delta: Any) -> bytes:
    """Return an event of an OpenAI stream."""
    content = {"content": text} if text else {}
    choice = {"index": 0, "delta": {**content, **delta}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "x", "model": "raw", "choices": [choice]}).encode() + b"\n\n"
