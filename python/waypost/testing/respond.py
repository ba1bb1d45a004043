"""From a request and a step to a response in the provider's words; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .dialects.base import Dialect, Failure, dump
from .dialects.gemini import as_array
from .play import Response
from .reply import Asked, Reply, ReplyLike, compose, reply_of
from .script import Step
from .vectors import embedding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .request import Request

HEALTHY = Step()
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>\n"
)
_GARBAGE = b'{"id": "fake", "choices": [{"message": {"role": "assist'


@dataclass
class Manner:
    """How a provider answers when it is healthy: its options."""

    reply: ReplyLike
    model: str
    latency: float
    interval: float
    dimensions: int
    vary: Callable[[float], float]
    """Gives an interval its jitter."""

    @property
    def usual(self) -> Reply:
        """The reply where no callable says another."""
        plain = None if callable(self.reply) else self.reply
        return Reply() if plain is None else reply_of(plain)


@dataclass
class Call:
    """A request being answered: who speaks, what was asked, and the step for it."""

    request: Request
    dialect: Dialect
    number: int
    asked: Asked = field(default_factory=Asked)
    step: Step = HEALTHY
    reply: Reply | None = None

    @property
    def listed(self) -> bool:
        """Whether Gemini streams a JSON array, having not been asked for events."""
        return self.dialect.name == "gemini" and self.request.stream and self.request.query.get("alt") != "sse"

    @property
    def stream_type(self) -> str:
        """The content type of the stream."""
        return self.dialect.json_type if self.listed else self.dialect.stream_type


def choose(call: Call, reply: ReplyLike) -> None:
    """Let a callable `reply` have its say: it may return an answer, or a step where the script has none."""
    step, request = call.step, call.request
    if not callable(reply) or step.what != "ok" or step.error is not None or request.operation != "chat":
        return
    said = reply(request)
    if isinstance(said, int) and not isinstance(said, bool):
        said = Step(said)
    if not isinstance(said, Step):
        call.reply = reply_of(said)
    elif step is HEALTHY:
        call.step = said


def respond(call: Call, manner: Manner) -> Response:
    """Return the response to a call, delays and headers included."""
    response, step = _response(call, manner), call.step
    response.delay += step.delay
    scripted = {name.lower(): value for name, value in step.headers.items()}
    response.headers = {**call.dialect.headers(call.number), **response.headers, **scripted}
    return response


def _response(call: Call, manner: Manner) -> Response:
    step = call.step
    if step.error is not None and step.body is None:
        return _failed(call, step)
    if (body := _other_body(step)) is not None:
        kind = call.stream_type if call.request.stream else call.dialect.json_type
        status = step.said_status or (call.dialect.errors[step.error][0] if step.error else 200)
        return Response(status, {"content-type": "text/html; charset=utf-8" if step.what == "html" else kind}, body)
    if call.request.operation == "chat":
        response = _answered(call, manner)
    elif (data := _data(call, manner)) is not None:
        response = Response(200, {"content-type": call.dialect.json_type}, dump(data).encode())
    else:
        return _failed(call, Step("not_found"))
    response.status = step.said_status or 200
    response.delay += manner.latency
    return response


def _answered(call: Call, manner: Manner) -> Response:
    step, dialect = call.step, call.dialect
    answer = compose(call.request, call.asked, call.reply or manner.usual, step, call.number)
    interval = manner.interval if step.interval is None else step.interval
    if not call.request.stream:
        body = dump(dialect.complete(answer)).encode()
        kind = {"content-type": dialect.json_type}
        return Response(200, kind, body, size=answer.size, delay=interval * answer.size)
    stream = as_array(dialect.stream(answer)) if call.listed else dialect.stream(answer)
    tokens, closing = list(stream.tokens), stream.tail + (b"" if step.no_done else stream.end)
    if step.bad_event_at is not None:
        _spoil(tokens, step, dialect.bad_event())
    if step.error_event_at is not None:
        failure = Failure(step.error_event, call.request.model, call.number, message=step.message)
        tokens, closing = tokens[: step.error_event_at], dialect.error_event(failure)
    pace = (lambda: manner.vary(interval)) if interval > 0 else None
    headers = {"content-type": call.stream_type, "cache-control": "no-cache"}
    return Response(200, headers, None, stream.head, tokens, closing, pace=pace)


def _failed(call: Call, step: Step) -> Response:
    failure = Failure(
        kind=step.error or "server",
        model=call.request.model,
        number=call.number,
        status=step.said_status,
        message=step.message,
        retry_after=step.retry_after,
        key=call.dialect.key(call.request),
    )
    status, headers, body = call.dialect.error(failure)
    data = dump([body] if call.listed else body).encode()
    return Response(status, {"content-type": call.dialect.json_type, **headers}, data)


def _data(call: Call, manner: Manner) -> Mapping[str, Any] | None:
    """Return what is asked for besides chat, None if there is no such thing."""
    request, dialect = call.request, call.dialect
    if request.operation == "models":
        return dialect.models([manner.model])
    if request.operation == "count":
        return dialect.count(request)
    if request.operation != "embed":
        return None
    texts, size = dialect.texts(request)
    vectors = [embedding(text, size or manner.dimensions) for text in texts]
    return dialect.embed(request, vectors, max(1, sum(len(text.split()) for text in texts)))


def _other_body(step: Step) -> bytes | None:
    """Return the body that takes the place of an answer, None if there is none."""
    if step.body is not None:
        return step.body if isinstance(step.body, bytes) else dump(step.body).encode()
    if step.what in ("empty", "html", "garbage"):
        return {"empty": b"", "html": _HTML, "garbage": _GARBAGE}[str(step.what)]
    status = step.said_status or 200
    return b"" if status in (204, 304) or 300 <= status < 400 else None


def _spoil(tokens: list[bytes], step: Step, bad: bytes) -> None:
    """Put an invalid event among the tokens, on top of or instead of one."""
    if not tokens:
        tokens.append(bad)
        return
    index = min(max(0, (step.bad_event_at or 1) - 1), len(tokens) - 1)
    tokens[index] = bad + (tokens[index] if step.bad_event == "extra" else b"")
