"""What a fake provider does with a request: steps, and the script that deals them out.

A script is a list of steps, one for each request. When it is used up the provider is healthy again, so a test writes
down only what goes wrong:

    >>> script = Script([429, "reset", 200])
    >>> [step.what for step in script.steps]
    [429, 'reset', 'ok']
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .request import Request

# Failures of the connection or of the bytes, with what the caller sees.
WIRE_FAULTS: Mapping[str, str] = {
    "reset": "RST as soon as the connection (or, on a reused one, the request) arrives; nothing is read",
    "reset_after_request": "the request is read, then RST",
    "refuse": "the port refuses connections, for `for_seconds` or until the script is replaced",
    "hang": "the request is read and never answered; with `delay`, closed after so many seconds",
    "close": "the request is read, then the connection is closed without a byte",
    "empty": "200 with an empty body",
    "html": "200 with an HTML page, as of a proxy",
    "garbage": "200 with a body that is not valid JSON",
}

# Errors that a provider says in its own words; each dialect knows the status, code and sentence.
ERRORS: Mapping[str, str] = {
    "invalid_request": "a malformed request (400)",
    "auth": "a wrong API key (401; Gemini says 400)",
    "permission": "a key that may not do this (403)",
    "not_found": "no such model (404)",
    "too_large": "a body above the provider's limit (413)",
    "rate_limit": "too many requests (429), without Retry-After unless `retry_after` is given",
    "quota": "no money left (429, 400 or 402, as the provider does)",
    "context_length": "the prompt does not fit the context window (400)",
    "content_filter": "the prompt was refused by the content policy (400; Gemini and Anthropic also as a 200)",
    "prefill": "a conversation that ends with an assistant message is refused (400)",
    "server": "internal error (500)",
    "bad_gateway": "bad gateway (502)",
    "overloaded": "overloaded (503; Anthropic 529)",
    "timeout": "the provider itself timed out (504)",
}

STATUS_ERRORS: Mapping[int, str] = {
    400: "invalid_request",
    401: "auth",
    402: "quota",
    403: "permission",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    422: "invalid_request",
    429: "rate_limit",
    500: "server",
    502: "bad_gateway",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

_STATUSES = range(200, 600)
_FOREVER = float("inf")


@dataclass(frozen=True)
class Step:
    """One thing a fake provider does, everything combinable.

    Args:
        what: An HTTP status (with the provider's own error body), `"ok"`, or a name out of `step_names()`.
        times: For how many requests the step stands.
        forever: The step stands for all further requests.
        for_seconds: The step stands for so many seconds since its first use, for however many requests.
        when: The step is only for requests of which this is true; the others are answered healthily and use nothing up.
        status: Another status than the one of `what`.
        headers: Further response headers; a value of `""` removes a header.
        body: A body instead of the provider's own: bytes, a string, or a mapping that becomes JSON.
        message: The sentence in the error body.
        retry_after: Seconds, said in the way of the provider (header, milliseconds header, RetryInfo).
        delay: Seconds before the headers.
        first_token_delay: Seconds between the headers, sent at once, and the first token.
        reply: The text instead of the provider's usual reply.
        tokens: The reply cut or repeated to so many words.
        tool_calls: Calls as `{"name": …, "arguments": {…}}` or in OpenAI's shape.
        finish_reason: `stop`, `length`, `tool_calls` or `content_filter`.
        usage: Counts in OpenAI's words (`prompt_tokens`, `completion_tokens`, `cached_tokens`, `cache_write_tokens`,
            `reasoning_tokens`) over the computed ones; False leaves usage out.
        model: The model that the response reports.
        interval: Seconds between tokens.
        cut_after: The connection breaks after so many tokens. A response that is not streamed breaks at that share of
            its bytes.
        how: How it breaks: `"fin"` (closed in the middle), `"rst"` (reset), `"end"` (properly ended, but short).
        stall_after: Silence after so many tokens. 0: the stream's opening events are sent, no token is.
        stall: For so many seconds; then the stream goes on, or is cut if `cut_after` says the same.
        bad_event_at: The so-maniest token event (1 is the first) is invalid JSON.
        bad_event: `"extra"`: the invalid event comes on top and no text is lost; `"instead"`: it replaces the token.
        no_done: The terminal marker is left out (`[DONE]`; Anthropic's `message_stop`; Gemini and Ollama have none
            after the finish).
        error_event_at: After so many tokens the stream says an error and ends.
        error_event: Which error, out of the named ones.
        drip: The body is sent in pieces of so many bytes …
        drip_interval: … so many seconds apart.
        drip_headers: The headers too.

    Example:
        >>> Step(429, retry_after=2)
        Step(429, retry_after=2)
        >>> Step(cut_after=40, how="rst", forever=True)
        Step('ok', forever=True, cut_after=40, how='rst')
    """

    what: int | str = "ok"
    times: int = field(default=1, kw_only=True)
    forever: bool = field(default=False, kw_only=True)
    for_seconds: float | None = field(default=None, kw_only=True)
    when: Callable[[Request], bool] | None = field(default=None, kw_only=True)
    status: int | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    body: bytes | str | Mapping[str, Any] | None = field(default=None, kw_only=True)
    message: str | None = field(default=None, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)
    delay: float = field(default=0.0, kw_only=True)
    first_token_delay: float = field(default=0.0, kw_only=True)
    reply: str | None = field(default=None, kw_only=True)
    tokens: int | None = field(default=None, kw_only=True)
    tool_calls: Sequence[Mapping[str, Any]] = field(default=(), kw_only=True)
    finish_reason: str | None = field(default=None, kw_only=True)
    usage: Mapping[str, int] | Literal[False] | None = field(default=None, kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    interval: float | None = field(default=None, kw_only=True)
    cut_after: int | None = field(default=None, kw_only=True)
    how: Literal["fin", "rst", "end"] = field(default="fin", kw_only=True)
    stall_after: int | None = field(default=None, kw_only=True)
    stall: float = field(default=_FOREVER, kw_only=True)
    bad_event_at: int | None = field(default=None, kw_only=True)
    bad_event: Literal["extra", "instead"] = field(default="extra", kw_only=True)
    no_done: bool = field(default=False, kw_only=True)
    error_event_at: int | None = field(default=None, kw_only=True)
    error_event: str = field(default="overloaded", kw_only=True)
    drip: int | None = field(default=None, kw_only=True)
    drip_interval: float = field(default=0.01, kw_only=True)
    drip_headers: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what no provider does, with the names that exist."""
        if self.what == 200:
            object.__setattr__(self, "what", "ok")
        if isinstance(self.what, bool) or not self._known():
            msg = f"unknown step `{self.what}`: a step is a status (429), a `Step`, or one of {', '.join(step_names())}"
            raise ValueError(msg)
        if self.error_event not in ERRORS:
            msg = f"unknown error_event `{self.error_event}`: one of {', '.join(ERRORS)}"
            raise ValueError(msg)
        for name, allowed in (("how", ("fin", "rst", "end")), ("bad_event", ("extra", "instead"))):
            if getattr(self, name) not in allowed:
                msg = f"unknown {name} `{getattr(self, name)}`: one of {', '.join(allowed)}"
                raise ValueError(msg)
        if self.times < 1:
            msg = f"times is {self.times}: a step stands for at least one request"
            raise ValueError(msg)

    def _known(self) -> bool:
        return self.what in _STATUSES if isinstance(self.what, int) else self.what in _NAMES

    def __repr__(self) -> str:
        """Show what differs from the default, in the order of the fields."""
        plain = Step.__dataclass_fields__
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name not in ("what", "headers") and getattr(self, f.name) != plain[f.name].default
        ]
        shown += [f"headers={dict(self.headers)!r}"] if self.headers else []
        return f"Step({', '.join([repr(self.what), *shown])})"

    @property
    def error(self) -> str | None:
        """The name of the provider's error that this step says, None if it says none."""
        what = self.status if self.what == "ok" and self.status is not None else self.what
        if isinstance(what, str):
            return what if what in ERRORS else None
        if what < 400:
            return None
        return STATUS_ERRORS.get(what, "server" if what >= 500 else "invalid_request")

    @property
    def said_status(self) -> int | None:
        """The status written in the step, None if it leaves that to the provider."""
        return self.status if self.status is not None else self.what if isinstance(self.what, int) else None

    @property
    def lasting(self) -> bool:
        """Whether time or nothing ends this step, not the number of requests."""
        return self.forever or self.for_seconds is not None


StepLike: TypeAlias = "Step | int | str"

_NAMES = frozenset({"ok", *WIRE_FAULTS, *ERRORS})


def step_names() -> list[str]:
    """Return the names that a step may have, besides HTTP statuses.

    Example:
        >>> "hang" in step_names()
        True
    """
    return ["ok", *WIRE_FAULTS, *ERRORS]


def step_of(step: StepLike) -> Step:
    """Return the step that a status or a name stands for."""
    return step if isinstance(step, Step) else Step(step)


class Script:
    """Steps dealt out one request at a time; thread-safe.

    Example:
        >>> script = Script([503, Step("overloaded", times=2)])
        >>> script.left
        3
    """

    def __init__(self, steps: Iterable[StepLike] = (), *, forever: bool = False) -> None:
        """Take the steps; with `forever` the last one stands for all further requests."""
        self.steps = [step_of(step) for step in steps]
        if forever and self.steps:
            self.steps[-1] = replace(self.steps[-1], forever=True)
        self._lock = threading.Lock()
        self._at = 0
        self._used = 0
        self._until: float | None = None

    @property
    def left(self) -> float:
        """For how many more requests there is a step; infinite if the last one never ends."""
        with self._lock:
            rest = self.steps[self._at :]
            return sum(_FOREVER if step.lasting else step.times for step in rest) - self._used if rest else 0

    def current(self) -> Step | None:
        """Return the step that the next request would get, and leave it there."""
        with self._lock:
            self._expire()
            return self.steps[self._at] if self._at < len(self.steps) else None

    def take(self, request: Request | None = None) -> Step | None:
        """Return the step for this request and use it up; None means healthy."""
        with self._lock:
            self._expire()
            if self._at >= len(self.steps):
                return None
            step = self.steps[self._at]
            if step.when is not None and (request is None or not step.when(request)):
                return None
            self._use(step)
            return step

    def begin(self) -> float | None:
        """Start the clock of the current step without a request; return the seconds left to it, if it has an end."""
        with self._lock:
            self._expire()
            step = self.steps[self._at] if self._at < len(self.steps) else None
            if step is None or step.for_seconds is None:
                return None
            self._until = self._until or time.monotonic() + step.for_seconds
            return max(0.0, self._until - time.monotonic())

    def _use(self, step: Step) -> None:
        if step.for_seconds is not None:
            self._until = self._until or time.monotonic() + step.for_seconds
        elif not step.forever:
            self._used += 1
            if self._used >= step.times:
                self._advance()

    def _expire(self) -> None:
        if self._until is not None and time.monotonic() >= self._until:
            self._advance()

    def _advance(self) -> None:
        self._at, self._used, self._until = self._at + 1, 0, None
