"""A small HTTP/1.1 server on loopback: it reads requests and writes bytes, and knows no provider.

Written by hand over `asyncio.Protocol`, because the point of a fake provider is control over every byte and over how a
connection ends, and because load tests open a thousand connections at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol, cast

from .request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_HEAD = 64 * 1024  # As most servers; a request with a bigger head is a mistake.
MAX_BODY = 64 * 1024 * 1024  # Above what any provider takes, so that size limits are the script's.
MAX_CONNECTIONS = 8192
BACKLOG = 4096  # A load test may open its connections in one go.

_RST = struct.pack("ii", 1, 0)
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    529: "Site is overloaded",
}


class Application(Protocol):
    """What a server asks of the provider behind it. All calls come from the server's thread."""

    def connected(self, connection: Connection) -> None:
        """Look at a new connection."""

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer a request, now or later, and end with one of the connection's endings."""

    def ended(self, request: Request) -> None:
        """Note that a request is over."""


class UnreadableError(Exception):
    """A request that cannot be read; carries the status to say."""


class Connection(asyncio.Protocol):
    """One client's connection: one request at a time, in order."""

    def __init__(self, server: Server) -> None:
        """Wait for `connection_made`."""
        self.server = server
        self.number = 0
        self.request: Request | None = None
        self.work: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._over = False
        self._writable = asyncio.Event()
        self._writable.set()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = self.server.admit(self)
        if not self.number:
            self.reset()
            return
        self.server.application.connected(self)

    def data_received(self, data: bytes) -> None:
        """Read on, and handle what is complete."""
        if self._over:
            return
        self._buffer += data
        if self.request is not None and len(self._buffer) > MAX_HEAD and self._transport is not None:
            self._transport.pause_reading()  # It sends more before it has its answer: let it wait.
        self._read()

    def pause_writing(self) -> None:
        """Stop until the client reads."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a client that went away, and end the work for it."""
        _ = exc
        self._writable.set()
        self.server.connections.discard(self)
        if self.request is not None:
            self.request.closed_early = not self._over
            self.request.closed = self.server.now()
            self._end()
        self._over = True
        if self.work is not None:
            self.work.cancel()

    # What the application calls.

    @property
    def open(self) -> bool:
        """Whether bytes can still be sent."""
        return not self._over and self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        """Send bytes of the response."""
        if self.open and self._transport is not None and data:
            if self.request is not None and self.request.first_byte is None:
                self.request.first_byte = self.server.now()
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the client has read enough."""
        await self._writable.wait()

    def finish(self) -> None:
        """End the response; the connection waits for the next request, unless the client wants it closed."""
        request, close = self.request, self._over or self.server.down
        if request is not None:
            close = close or request.headers.get("connection", "").lower() == "close"
            self._end()
        if close:
            self.close()
        elif self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    def close(self) -> None:
        """Close after what was sent (FIN)."""
        self._over = True
        self._end()
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close at once with RST; what was not sent is lost."""
        self._over = True
        self._end()
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            self._transport.abort()

    def _end(self) -> None:
        if self.request is not None:
            request, self.request = self.request, None
            request.ended = self.server.now()
            self.server.application.ended(request)

    # Reading.

    def _read(self) -> None:
        while self.request is None and self._buffer and self.open:
            try:
                request = self._parse()
            except UnreadableError as error:
                self.send(head(error.args[0], {"content-length": "0", "connection": "close"}))
                self.close()
                return
            if request is None:
                return
            self.request = request
            self.server.application.handle(self, request)

    def _parse(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise UnreadableError(431)
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", "0"))
        except ValueError:
            raise UnreadableError(400) from None
        if length > self.server.max_body:
            raise UnreadableError(413)
        body = (
            self._chunked(end + 4)
            if "chunked" in headers.get("transfer-encoding", "")
            else self._counted(end + 4, length)
        )
        if body is None:
            if (
                headers.get("expect", "").lower() == "100-continue"
                and len(self._buffer) == end + 4
                and self._transport is not None
            ):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body, self.number)

    def _counted(self, start: int, length: int) -> bytes | None:
        if len(self._buffer) < start + length:
            return None
        body = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return body

    def _chunked(self, at: int) -> bytes | None:
        body = bytearray()
        while True:
            line = self._buffer.find(b"\r\n", at)
            if line < 0:
                return None
            try:
                size = int(self._buffer[at:line].split(b";")[0], 16)
            except ValueError:
                raise UnreadableError(400) from None
            if size < 0 or len(body) + size > self.server.max_body:
                raise UnreadableError(413)
            if len(self._buffer) < line + 2 + size + 2:
                return None
            body += self._buffer[line + 2 : line + 2 + size]
            at = line + 2 + size + 2
            if size == 0:
                del self._buffer[:at]
                return bytes(body)


class Server:
    """A listening port with its own thread and event loop, so that it works inside any other loop.

    Args:
        application: Who answers.
        port: The port, 0 for a free one.
        max_body: Bytes of the largest body taken.
        max_connections: Connections above this are reset.
    """

    def __init__(
        self,
        application: Application,
        *,
        port: int = 0,
        max_body: int = MAX_BODY,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """Listen; the thread starts with `start`."""
        self.application = application
        self.max_body, self.max_connections = max_body, max_connections
        self.connections: set[Connection] = set()
        self.accepted = 0
        self.errors: list[str] = []
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.Server | None = None
        self._down = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread and wait until connections are taken."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=f"fake-provider-{self.port}", daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Close everything, requests in flight too, and end the thread."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed already.
                loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join()
        self._socket.close()

    def refuse(self) -> None:
        """Refuse connections, and close those that are idle. From the server's thread only."""
        if self._listener is not None and not self._down:
            self._down = True
            self._listener.close()
            self._socket = _bound(self.port)  # Bound and not listening: nobody else takes the port.
            for connection in [c for c in self.connections if c.request is None]:
                connection.close()

    async def accept(self) -> None:
        """Take connections again."""
        if self._down:
            self._down = False
            self._listener = await asyncio.get_running_loop().create_server(
                lambda: Connection(self), sock=self._socket, backlog=BACKLOG
            )

    @property
    def down(self) -> bool:
        """Whether connections are refused."""
        return self._down

    @property
    def inside(self) -> bool:
        """Whether this is the server's own thread."""
        return threading.current_thread() is self._thread

    def admit(self, connection: Connection) -> int:
        """Count a connection and return its number, 0 if there are too many."""
        if len(self.connections) >= self.max_connections:
            return 0
        self.connections.add(connection)
        self.accepted += 1
        return self.accepted

    def now(self) -> float:
        """Return the monotonic time."""
        return time.monotonic()

    def call(self, function: Callable[[], object]) -> None:
        """Run a function in the server's thread, soon."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(self._note)
        self._loop = loop
        try:
            self._listener = loop.run_until_complete(
                loop.create_server(lambda: Connection(self), sock=self._socket, backlog=BACKLOG)
            )
            loop.call_soon(ready.set)
            loop.run_forever()
            loop.run_until_complete(self._shut())
        finally:
            self._loop = None
            ready.set()
            loop.close()

    async def _shut(self) -> None:
        """End everything: requests in flight with RST, idle connections with FIN."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            (connection.reset if connection.request is not None else connection.close)()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # Let the transports close their sockets.

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a response's head. A header with an empty value is left out."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", f"date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """Return data as one piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


LAST_CHUNK = b"0\r\n\r\n"


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", port))
    return sock
