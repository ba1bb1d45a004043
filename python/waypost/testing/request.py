"""What a fake provider saw: one record for each request."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .script import Step


@dataclass(eq=False)
class Request:
    """A request as it came over the wire, and how it went.

    A connection that a `"reset"` step ended before a request was read is recorded too, with an empty `method` and
    `path`: it was an attempt.

    Attributes:
        method: `GET` or `POST`.
        path: The path without the query.
        query: The query's parameters.
        headers: Lower-case names; the last value of a name.
        raw: The body's bytes.
        connection: Number of the connection, so that reuse can be seen.
        started: Monotonic time when the head was complete.
        started_at: The same as wall-clock time.
        first_byte: Monotonic time of the first byte sent, None if nothing was.
        ended: Monotonic time of the end, None while it runs.
        status: The status that was sent, None if none was.
        tokens_sent: Tokens of a stream written so far.
        closed_early: Whether the client went away before the end.
        closed: Monotonic time when it did.
        step: The step of the script that was used, None when healthy.
        operation: `chat`, `embed`, `models`, `count` or `other`.
        model: The model asked for.
        stream: Whether a stream was asked for.

    Example:
        >>> request = Request("POST", "/v1/chat/completions", raw=b'{"messages": [{"role": "user", "content": "Hi"}]}')
        >>> request.prompt, request.last_role
        ('Hi', 'user')
    """

    method: str = ""
    path: str = ""
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)
    connection: int = 0
    started: float = field(default_factory=time.monotonic, repr=False)
    started_at: float = field(default_factory=time.time, repr=False)
    first_byte: float | None = field(default=None, repr=False)
    ended: float | None = field(default=None, repr=False)
    status: int | None = None
    tokens_sent: int = 0
    closed_early: bool = False
    closed: float | None = field(default=None, repr=False)
    step: Step | None = None
    operation: str = "other"
    model: str = ""
    stream: bool = False

    @cached_property
    def body(self) -> Any:
        """The body as JSON, None if it is none."""
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query_string))

    @property
    def json(self) -> dict[str, Any]:
        """The body as a mapping, empty if it is none."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def turns(self) -> list[tuple[str, str]]:
        """The conversation as (role, text), in whichever dialect it came; system prompts first."""
        return _turns(self.json)

    @property
    def prompt(self) -> str:
        """The text of the last user message."""
        return next((text for role, text in reversed(self.turns) if role == "user"), "")

    @property
    def last_role(self) -> str:
        """Who spoke last: `user`, `assistant`, `tool`; Gemini's `model` is called `assistant` too."""
        return self.turns[-1][0] if self.turns else ""

    @property
    def prompt_tokens(self) -> int:
        """The words of all messages, which is how the fakes count tokens; at least 1."""
        return max(1, sum(len(text.split()) for _, text in self.turns))

    @property
    def done(self) -> bool:
        """Whether it has ended, either way."""
        return self.ended is not None

    @property
    def duration(self) -> float | None:
        """Seconds from the head to the end, None while it runs."""
        return None if self.ended is None else self.ended - self.started


def _turns(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    system = body.get("system") or body.get("systemInstruction") or body.get("system_instruction")
    turns = [("system", text_of(system))] if system else []
    for message in body.get("messages") or body.get("contents") or ():
        if isinstance(message, dict):
            role = str(message.get("role") or "user")
            turns.append(("assistant" if role == "model" else role, text_of(message)))
    return turns


def text_of(content: Any) -> str:
    """Return all text in a message, a list of parts, or a part.

    Example:
        >>> text_of([{"type": "text", "text": "Hello"}, {"type": "image_url"}, "you"])
        'Hello you'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(filter(None, map(text_of, content)))
    if isinstance(content, dict):
        return text_of(content.get("content") or content.get("parts") or content.get("text"))
    return ""
