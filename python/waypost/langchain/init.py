"""`init_chat_model("waypost:auto")`, for applications that name their model in a string."""

from __future__ import annotations

from typing import Any


def enable_init_chat_model() -> None:
    """Teach LangChain's `init_chat_model` the provider `waypost`, in this process.

    LangChain keeps its providers in a table of its own and has no entry points, so that this is asked for and not done
    by an import. Afterwards ``init_chat_model("waypost:auto", config="waypost.toml")`` is a `ChatWaypost`.

    Raises:
        RuntimeError: This version of langchain has no such table; pass a `ChatWaypost` instead.

    Example:
        >>> from langchain.chat_models import init_chat_model
        >>> from waypost.langchain import enable_init_chat_model
        >>> enable_init_chat_model()
        >>> init_chat_model("waypost:auto", config=["ollama/llama3.3"]).model
        'auto'
    """
    from langchain.chat_models import base

    table: Any = getattr(base, "_BUILTIN_PROVIDERS", None)
    if not isinstance(table, dict):
        message = "this version of langchain cannot be taught a provider: pass a ChatWaypost where a model is wanted"
        raise RuntimeError(message)  # noqa: TRY004 - a version is no type
    table.setdefault("waypost", ("waypost.langchain", "ChatWaypost", _make))


def _make(cls: Any, **kwargs: Any) -> Any:
    return cls(**kwargs)
