"""Errors that are waypost's own and LangChain's at once.

langchain-core 1.7 has a class for each way in which a model fails, and middleware (retry, fallback, summarisation) goes
by them. Each class here derives from waypost's class of the same name and from LangChain's counterpart, so that either
``except`` catches it. With an older langchain-core waypost's own classes are raised as they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core import exceptions as theirs

from .. import errors as ours

if TYPE_CHECKING:
    from collections.abc import Iterator

# waypost's class, LangChain's, and whether the same request may succeed later where LangChain's class says otherwise.
_PAIRS: tuple[tuple[str, str, bool | None], ...] = (
    ("RateLimitError", "ModelRateLimitError", None),
    ("QuotaError", "ModelRateLimitError", False),
    ("AuthenticationError", "ModelAuthenticationError", None),
    ("PermissionDeniedError", "ModelPermissionDeniedError", None),
    ("NotFoundError", "ModelNotFoundError", None),
    ("UnknownModelError", "ModelNotFoundError", None),
    ("InvalidRequestError", "ModelInvalidRequestError", None),
    ("ContentFilterError", "ModelInvalidRequestError", None),
    ("ContextLengthError", "ContextOverflowError", None),
    ("OverloadedError", "ModelAPIError", None),
    ("ServerError", "ModelAPIError", None),
    ("ProtocolError", "ModelAPIError", None),
    ("StreamError", "ModelAPIError", None),
    ("APIConnectionError", "ModelConnectionError", None),
    ("APITimeoutError", "ModelTimeoutError", None),
    ("DeadlineExceededError", "ModelTimeoutError", None),
    ("BudgetExceededError", "ModelRateLimitError", False),
    ("BlockedError", "ModelError", None),
    ("NoCandidatesError", "ModelError", None),
    ("ProviderError", "ModelError", None),
)
# Why nothing may serve, where LangChain has a word for it.
_REASONS = {
    "context_window": "ContextOverflowError",
    "missing_capability": "ModelInvalidRequestError",
    "rate_limited": "ModelRateLimitError",
    "breaker_open": "ModelAPIError",
}

_CLASSES: dict[tuple[str, str], type[ours.WaypostError]] = {}


def _paired(own: str, other: str, *, retryable: bool | None = None) -> type[ours.WaypostError] | None:
    """Return the class that is both; None if this langchain-core has none of that name."""
    base, partner = getattr(ours, own), getattr(theirs, other, None)
    if partner is None:
        return None
    if (own, other) not in _CLASSES:
        body: dict[str, Any] = {"__doc__": base.__doc__, "__module__": __name__, "__reduce__": _reduced}
        if not hasattr(base, "status_code"):
            body["status_code"] = None
        if retryable is not None or not hasattr(partner, "is_retryable"):
            body["is_retryable"] = bool(retryable)
        _CLASSES[own, other] = type(own, (base, partner), body)
    return _CLASSES[own, other]


def _reduced(error: ours.WaypostError) -> tuple[Any, ...]:
    own, other = next(names for names, kind in _CLASSES.items() if kind is type(error))
    _, arguments, state = ours.WaypostError.__reduce__(error)
    return _rebuilt, (own, other, arguments, state)


def _rebuilt(own: str, other: str, args: tuple[Any, ...], state: dict[str, Any]) -> ours.WaypostError:
    error = (_paired(own, other) or getattr(ours, own))(*args)
    error.__dict__.update(state)
    return error


for _own, _other, _retryable in _PAIRS:
    _paired(_own, _other, retryable=_retryable)


def _class_for(error: ours.WaypostError) -> type[ours.WaypostError] | None:
    own = type(error).__name__
    if isinstance(error, ours.NoCandidatesError) and error.decision is not None:
        reasons = {candidate.reason for candidate in error.decision.candidates}
        if len(reasons) == 1 and (other := _REASONS.get(str(reasons.pop()))) is not None:
            return _paired(own, other)
    return next((_CLASSES.get((name, other)) for name, other, _ in _PAIRS if name == own), None)


def paired(error: ours.WaypostError) -> ours.WaypostError:
    """Return the error as one that LangChain knows too; itself where there is no such class."""
    kind = _class_for(error)
    if kind is None:
        return error
    twin = kind(*error.args)
    twin.__dict__.update(error.__dict__)
    if isinstance(error, ours.NoCandidatesError) and error.retry_after is not None:
        twin.is_retryable = True  # type: ignore[attr-defined]
    return twin


@contextmanager
def raising() -> Iterator[None]:
    """Raise waypost's errors as LangChain's too."""
    try:
        yield
    except ours.WaypostError as error:
        twin = paired(error)
        if twin is error:
            raise
        raise twin.with_traceback(error.__traceback__) from error.__cause__
