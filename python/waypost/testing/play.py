"""How a response goes over the wire: whole or token by token, in time, and with its faults."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .http import LAST_CHUNK, chunk, head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .http import Connection
    from .request import Request
    from .script import Step

SETTLE = 0.005  # Before a break, so that the client has what was sent: RST overtakes bytes on some systems.


@dataclass
class Response:
    """A response to be played: a whole body, or the tokens of a stream.

    Attributes:
        body: The whole body; None for a stream.
        opening: The stream's events before the first token.
        tokens: The stream's tokens.
        closing: What comes after the last token, the terminal marker included.
        size: Of how many tokens a body consists that is not streamed.
        delay: Seconds before the head.
        pace: Seconds before each token.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None = b""
    opening: bytes = b""
    tokens: list[bytes] = field(default_factory=list)
    closing: bytes = b""
    size: int = 60
    delay: float = 0.0
    pace: Callable[[], float] | None = None

    def shortened(self, step: Step) -> None:
        """Cut a body that ends properly but too early; everything else is cut while it is sent."""
        if self.body is not None and step.cut_after is not None and step.how == "end":
            self.body = self.body[: _share(step.cut_after, self.size, len(self.body))]

    def head(self) -> bytes:
        """Return the head, with the length or the chunking."""
        framing = (
            {"transfer-encoding": "chunked"}
            if self.body is None
            else {"content-length": str(len(self.body)) if self.body else "0"}
        )
        return head(self.status, {**framing, **self.headers})


def play(connection: Connection, request: Request, response: Response, step: Step) -> None:
    """Send a response; at once and without a task where nothing takes time or goes wrong."""
    request.status = response.status
    response.shortened(step)
    if response.delay == 0 and response.pace is None and not _special(step):
        if response.body is not None:
            connection.send(response.head() + response.body)
        else:
            stream = b"".join((response.opening, *response.tokens, response.closing))
            request.tokens_sent = len(response.tokens)
            connection.send(response.head() + chunk(stream) + LAST_CHUNK)
        connection.finish()
        return
    connection.work = asyncio.get_running_loop().create_task(_played(connection, request, response, step))


def _special(step: Step) -> bool:
    faults = (step.cut_after, step.stall_after, step.drip)
    return bool(step.first_token_delay) or any(fault is not None for fault in faults)


async def _played(connection: Connection, request: Request, response: Response, step: Step) -> None:
    await pause(response.delay)
    await _write(connection, response.head(), step if step.drip_headers else None)
    await pause(step.first_token_delay)
    if response.body is not None:
        whole = await _whole(connection, response, step)
    else:
        whole = await _streamed(connection, request, response, step)
    connection.work = None
    if whole:
        connection.finish()
        return
    await asyncio.sleep(SETTLE)
    if step.how == "rst":
        connection.reset()
    else:
        connection.close()


async def pause(seconds: float) -> None:
    """Sleep; for ever if the time is infinite."""
    if seconds == float("inf"):
        await asyncio.Event().wait()
    elif seconds > 0:
        await asyncio.sleep(seconds)


async def _whole(connection: Connection, response: Response, step: Step) -> bool:
    """Send a body that is not streamed; a cut or a stall comes at that share of its bytes. Return False for a cut."""
    body = response.body or b""
    stall, cut = (_share(mark, response.size, len(body)) for mark in (step.stall_after, step.cut_after))
    sent = 0
    if stall is not None and (cut is None or stall <= cut):
        await _write(connection, body[:stall], step)
        await pause(step.stall)
        sent = stall
    await _write(connection, body[sent:] if step.how == "end" else body[sent:cut], step)
    return cut is None or step.how == "end"


def _share(mark: int | None, size: int, length: int) -> int | None:
    return None if mark is None else min(length * mark // max(1, size), max(0, length - 1))


async def _streamed(connection: Connection, request: Request, response: Response, step: Step) -> bool:
    """Send a stream in time; tokens that are due together go in one write. Return False for a cut."""
    count = len(response.tokens)
    stall, cut = _mark(step.stall_after, count), _mark(step.cut_after, count)
    due, batch = time.monotonic(), [response.opening]
    for index in range(count + 1):
        if index in (stall, cut):
            await _write(connection, chunk(b"".join(batch)), step)
            batch = []
            if index == stall:
                await pause(step.stall)
                due = time.monotonic()
            if index == cut:
                return _ended_short(connection, step)
        if index == count:
            break
        due += response.pace() if response.pace is not None else 0.0
        if (wait := due - time.monotonic()) > 0:
            await _write(connection, chunk(b"".join(batch)), step)
            batch = []
            await asyncio.sleep(wait)
        batch.append(response.tokens[index])
        request.tokens_sent = index + 1
    await _write(connection, chunk(b"".join([*batch, response.closing])) + LAST_CHUNK, step)
    return True


def _mark(after: int | None, count: int) -> int | None:
    return None if after is None else max(0, min(after, count))


def _ended_short(connection: Connection, step: Step) -> bool:
    if step.how == "end":
        connection.send(LAST_CHUNK)
    return step.how == "end"


async def _write(connection: Connection, data: bytes, step: Step | None) -> None:
    if not connection.open:
        raise asyncio.CancelledError  # The client is gone; so is the work.
    if step is None or step.drip is None:
        connection.send(data)
    else:
        for piece in _pieces(data, step.drip):
            connection.send(piece)
            await asyncio.sleep(step.drip_interval)
    await connection.drained()


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    size = max(1, size)
    return (data[i : i + size] for i in range(0, len(data), size))
