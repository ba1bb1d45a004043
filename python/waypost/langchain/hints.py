"""Tags and metadata of a run, as rules read them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, time
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import ensure_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import RunnableConfig

# What LangChain and LangSmith add for tracing; it says nothing of the request.
_TRACING = ("ls_", "lc_")
_AS_TEXT = (UUID, date, time, Decimal, PurePath)


class Hints(NamedTuple):
    """What the run says of the request."""

    tags: list[str]
    metadata: dict[str, Any]


_CURRENT: ContextVar[Hints | None] = ContextVar("waypost_hints", default=None)


def current() -> Hints:
    """Return the hints of the run that is beginning here."""
    return _CURRENT.get() or Hints([], {})


@contextmanager
def during(run: Hints) -> Iterator[None]:
    """Make them `current`."""
    token = _CURRENT.set(run)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def of_run(manager: Any) -> Hints:
    """Return the hints of a run that has begun; none without a callback manager."""
    if manager is None:
        return Hints([], {})
    return _hints(manager.tags, manager.metadata)


def of_config(config: RunnableConfig | None, tags: list[str] | None, metadata: Mapping[str, Any] | None) -> Hints:
    """Return the hints of a run that is about to begin: the model's own, those of the chain around it, the call's."""
    config = ensure_config(config)
    manager = config.get("callbacks")
    around = of_run(manager) if isinstance(manager, BaseCallbackManager) else Hints([], {})
    own = _hints(tags, metadata)
    said = _hints(config.get("tags"), config.get("metadata"))
    return Hints(
        list(dict.fromkeys([*around.tags, *own.tags, *said.tags])),
        {**own.metadata, **around.metadata, **said.metadata},
    )


def _hints(tags: Any, metadata: Mapping[str, Any] | None) -> Hints:
    kept = {
        str(key): _plain(value)
        for key, value in (metadata or {}).items()
        if not str(key).startswith(_TRACING) and _is_plain(value)
    }
    return Hints(list(dict.fromkeys(str(tag) for tag in tags or ())), kept)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool, int, float, Mapping, list, tuple, set, frozenset, *_AS_TEXT))


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; what has no form in JSON is left out of lists and mappings."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if _is_plain(item)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value if _is_plain(item)]
    return str(value) if isinstance(value, _AS_TEXT) else value
