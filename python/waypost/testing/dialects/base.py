"""What every dialect can do: read a request, and say an answer, a stream, an embedding or an error."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..reply import Answer, Asked
    from ..request import Request


@dataclass
class Stream:
    """A streamed answer, encoded: every token is one entry, whatever events it takes.

    Attributes:
        head: Events before the first token.
        tokens: One entry for each token.
        tail: Events after the last token: finish and usage.
        end: The terminal marker, empty if the dialect has none.
    """

    head: bytes = b""
    tokens: list[bytes] = field(default_factory=list)
    tail: bytes = b""
    end: bytes = b""


@dataclass(frozen=True)
class Failure:
    """An error to be put into a provider's words."""

    kind: str
    model: str = ""
    number: int = 0
    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    key: str = ""

    @property
    def request_id(self) -> str:
        """The id that headers and body name."""
        return request_id(self.number)


class Dialect(ABC):
    """One provider's wire format."""

    name: ClassVar[str]
    base_path: ClassVar[str] = ""
    stream_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    json_type: ClassVar[str] = "application/json"
    errors: ClassVar[Mapping[str, tuple[int, str, str]]]
    """For each named error its status, its code or type, and its sentence; `{model}` and `{key}` are filled in."""

    @abstractmethod
    def read(self, request: Request) -> Asked:
        """Set the request's operation, model and stream, and return what shapes the answer."""

    @abstractmethod
    def key(self, request: Request) -> str:
        """Return the API key that the request brought."""

    @abstractmethod
    def headers(self, number: int) -> dict[str, str]:
        """Return the provider's own response headers."""

    @abstractmethod
    def complete(self, answer: Answer) -> dict[str, Any]:
        """Return a whole answer."""

    @abstractmethod
    def stream(self, answer: Answer) -> Stream:
        """Return a streamed answer."""

    def texts(self, request: Request) -> tuple[list[str], int | None]:
        """Return the texts to embed, and the dimensions asked for; a provider that embeds none has none."""
        _ = request
        return [], None

    def embed(self, request: Request, vectors: Sequence[list[float]], tokens: int) -> dict[str, Any]:
        """Return embeddings."""
        _ = request
        return {"embeddings": list(vectors), "tokens": tokens}

    @abstractmethod
    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the list of models."""

    @abstractmethod
    def error(self, failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return the status, the headers and the body of an error."""

    def count(self, request: Request) -> dict[str, Any]:
        """Return a token count, where the provider has such a call."""
        return {"input_tokens": request.prompt_tokens}

    def event(self, data: object, name: str = "") -> bytes:
        """Return one event of a stream."""
        prefix = f"event: {name}\n" if name else ""
        return f"{prefix}data: {dump(data)}\n\n".encode()

    def bad_event(self) -> bytes:
        """Return an event whose data is not JSON."""
        return b'data: {"id": "fake", "choices": [{"delta": {"content": "\n\n'

    def error_event(self, failure: Failure) -> bytes:
        """Return the event that says an error inside a stream."""
        return self.event(self.error(failure)[2])

    def say(self, failure: Failure) -> tuple[int, str, str]:
        """Return the status, the code and the sentence of an error."""
        status, code, text = self.errors.get(failure.kind) or self.errors["server"]
        sentence = failure.message or text.format(model=failure.model or "fake", key=masked(failure.key))
        return failure.status or status, code, sentence


def dump(data: object) -> str:
    """Return JSON as providers write it: compact, with the text as it is."""
    return data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def series(make: Callable[[str], bytes], pieces: Sequence[str]) -> list[bytes]:
    """Return `make(piece)` for each piece, encoding what surrounds the pieces only once.

    Example:
        >>> series(lambda piece: dump({"text": piece}).encode(), ["a", "b"])
        [b'{"text":"a"}', b'{"text":"b"}']
    """
    marker = "\ue000"  # Out of the private use area: in no one's frame.
    parts = make(marker).split(dump_text(marker))
    return [dump_text(piece).join(parts) for piece in pieces]


def dump_text(text: str) -> bytes:
    """Return a string as JSON."""
    return json.dumps(text, ensure_ascii=False).encode()


def request_id(number: int) -> str:
    """Return the id of the so-maniest response."""
    return f"req_fake{number:024d}"


def seconds(value: float) -> str:
    """Return a duration as a header says it: whole if it is whole.

    Example:
        >>> seconds(2.0), seconds(0.25)
        ('2', '0.25')
    """
    return f"{value:g}" if value < 1e6 else str(int(value))


def masked(key: str) -> str:
    """Return a key as providers quote it back."""
    return f"{key[:4]}********{key[-2:]}" if len(key) > 8 else "****"
