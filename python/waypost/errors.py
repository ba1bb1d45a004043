"""The errors of waypost.

::

    WaypostError
    ├── ConfigError            (.path, .hint)
    ├── UnknownModelError
    ├── NoCandidatesError      (.decision, .retry_after)
    ├── BlockedError           (.rule, .decision)
    ├── BudgetExceededError    (.budget, .resets_at)
    ├── DeadlineExceededError  (.decision)
    └── ProviderError          (.provider, .deployment, .status, .code, .request_id, .retry_after, .body, .decision)
        ├── RateLimitError · QuotaError · AuthenticationError · PermissionDeniedError · NotFoundError
        ├── InvalidRequestError · ContextLengthError · ContentFilterError
        ├── OverloadedError · ServerError · APIConnectionError · APITimeoutError · ProtocolError
        └── StreamError        (.partial)

No key, header or prompt text is in a message or a repr. ``body`` holds what the provider wrote and may quote the
request: it is there when asked for, never printed, and not pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .results import ChatResponse, Decision

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BlockedError",
    "BudgetExceededError",
    "ConfigError",
    "ContentFilterError",
    "ContextLengthError",
    "DeadlineExceededError",
    "InvalidRequestError",
    "NoCandidatesError",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "ProtocolError",
    "ProviderError",
    "QuotaError",
    "RateLimitError",
    "ServerError",
    "StreamError",
    "UnknownModelError",
    "WaypostError",
]


class WaypostError(Exception):
    """The root of all errors of waypost.

    Attributes:
        decision: Every candidate and every attempt, where the call got as far as a decision.
        retry_after: Seconds after which another try makes sense, where that is known.
    """

    decision: Decision | None = None
    retry_after: float | None = None

    @classmethod
    def _of(cls, message: str, details: Mapping[str, Any]) -> WaypostError:
        """Build the error with its attributes (called by the extension)."""
        error = cls(message)
        for name, value in details.items():
            if value is not None and hasattr(cls, name):
                setattr(error, name, value)
        error._named(details.get("name"))
        return error

    def _named(self, name: str | None) -> None:
        """Take the name of what refused; the classes that have one say where it goes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the attributes, but for ``body``: it may quote the request, and pickles travel."""
        return (type(self), self.args, {name: value for name, value in self.__dict__.items() if name != "body"})

    def _repr_html_(self) -> str:
        from ._html import error

        return error(self)


class ConfigError(WaypostError):
    """The configuration is wrong.

    Attributes:
        path: The key path (``routes.auto.candidates[1]``), or ``file:line:column`` for a syntax error.
        hint: What was probably meant.
    """

    path: str | None = None
    hint: str | None = None


class UnknownModelError(WaypostError):
    """No route or deployment has the name that ``model=`` asks for; the message has the nearest ones."""


class NoCandidatesError(WaypostError):
    """Nothing may serve this request; ``decision.candidates`` has each one's reason."""


class BlockedError(WaypostError):
    """A rule refused the request.

    Attributes:
        rule: The rule's name.
    """

    rule: str | None = None

    def _named(self, name: str | None) -> None:
        self.rule = name


class BudgetExceededError(WaypostError):
    """A spend ceiling is reached.

    Attributes:
        budget: The budget's name.
        resets_at: When it starts anew, in seconds since 1970.
    """

    budget: str | None = None
    resets_at: float | None = None

    def _named(self, name: str | None) -> None:
        self.budget = name


class DeadlineExceededError(WaypostError, TimeoutError):
    """The caller's total time ran out."""


class ProviderError(WaypostError):
    """A provider failed, or refused.

    Attributes:
        provider: The provider's name.
        deployment: The deployment's name.
        status: The HTTP status, if there was an answer.
        code: The provider's own code.
        request_id: The provider's identity of the request.
        body: What the provider wrote; it may quote the request.
    """

    provider: str | None = None
    deployment: str | None = None
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    body: str | None = None

    @property
    def status_code(self) -> int | None:
        """The same as ``status``, by the name other clients use."""
        return self.status


class RateLimitError(ProviderError):
    """Too many requests or tokens for now."""


class QuotaError(ProviderError):
    """The account has no money or quota left; waiting does not help."""


class AuthenticationError(ProviderError):
    """The key is missing, wrong or expired."""


class PermissionDeniedError(ProviderError):
    """The key may not use this model or endpoint."""


class NotFoundError(ProviderError):
    """The model or endpoint does not exist."""


class InvalidRequestError(ProviderError):
    """The request is malformed, or asks for something the endpoint does not take."""


class ContextLengthError(ProviderError):
    """The prompt does not fit the model's context window."""


class ContentFilterError(ProviderError):
    """The provider refused the content."""


class OverloadedError(ProviderError):
    """The provider has no capacity for now."""


class ServerError(ProviderError):
    """The provider failed."""


class APIConnectionError(ProviderError, ConnectionError):
    """No connection, or it broke."""


class APITimeoutError(ProviderError, TimeoutError):
    """One of an attempt's time limits ran out."""


class ProtocolError(ProviderError):
    """The provider's answer cannot be understood, or is not of the form that ``response_format`` asked for.

    Attributes:
        response: The answer, where there is one: of ``reply.parsed``.
    """

    response: ChatResponse | None = None


class StreamError(ProviderError):
    """A stream broke after its first token.

    Attributes:
        partial: The answer so far.
    """

    partial: ChatResponse | None = None
