"""waypost sends each prompt to the language model that should answer it, and keeps answering when providers fail.

Example:
    >>> from waypost import Router
    >>> router = Router(["ollama/llama3.3", "ollama/qwen3"])
    >>> router.route("Why is the sky blue?").chosen
    'ollama/llama3.3'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import datasets
    from ._waypost import ChatChunk, __version__
    from .errors import (
        APIConnectionError,
        APITimeoutError,
        AuthenticationError,
        BlockedError,
        BudgetExceededError,
        ConfigError,
        ContentFilterError,
        ContextLengthError,
        DeadlineExceededError,
        InvalidRequestError,
        NoCandidatesError,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        ProtocolError,
        ProviderError,
        QuotaError,
        RateLimitError,
        ServerError,
        StreamError,
        UnknownModelError,
        WaypostError,
    )
    from .evaluation import Evaluation, evaluate
    from .frames import BatchResult, to_dataframe
    from .proof import Counterexample, Proof, prove
    from .replayed import Replay, ReplayedCall, replay
    from .results import (
        Attempt,
        Candidate,
        ChatResponse,
        Cost,
        Decision,
        EmbeddingResponse,
        RuleFired,
        Usage,
    )
    from .router import Router
    from .simulation import Simulation, simulate
    from .status import DeploymentStatus, Learned
    from .streams import AsyncChatStream, ChatStream

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "AsyncChatStream",
    "Attempt",
    "AuthenticationError",
    "BatchResult",
    "BlockedError",
    "BudgetExceededError",
    "Candidate",
    "ChatChunk",
    "ChatResponse",
    "ChatStream",
    "ConfigError",
    "ContentFilterError",
    "ContextLengthError",
    "Cost",
    "Counterexample",
    "DeadlineExceededError",
    "Decision",
    "DeploymentStatus",
    "EmbeddingResponse",
    "Evaluation",
    "InvalidRequestError",
    "Learned",
    "NoCandidatesError",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "Proof",
    "ProtocolError",
    "ProviderError",
    "QuotaError",
    "RateLimitError",
    "Replay",
    "ReplayedCall",
    "Router",
    "RuleFired",
    "ServerError",
    "Simulation",
    "StreamError",
    "UnknownModelError",
    "Usage",
    "WaypostError",
    "__version__",
    "datasets",
    "evaluate",
    "prove",
    "replay",
    "simulate",
    "to_dataframe",
]

_HOME = {
    "evaluation": ("Evaluation", "evaluate"),
    "proof": ("Counterexample", "Proof", "prove"),
    "replayed": ("Replay", "ReplayedCall", "replay"),
    "router": ("Router",),
    "simulation": ("Simulation", "simulate"),
    "status": ("DeploymentStatus", "Learned"),
    "streams": ("AsyncChatStream", "ChatStream"),
    "frames": ("BatchResult", "to_dataframe"),
    "results": (
        "Attempt",
        "Candidate",
        "ChatResponse",
        "Cost",
        "Decision",
        "EmbeddingResponse",
        "RuleFired",
        "Usage",
    ),
    "_waypost": ("ChatChunk", "__version__"),
}


def __getattr__(name: str) -> Any:
    """Load a name from its module at first use: importing the package alone loads nothing."""
    if name not in __all__:
        message = f"module 'waypost' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    if name == "datasets":
        return import_module(".datasets", __name__)
    home = next((home for home, names in _HOME.items() if name in names), "errors")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """Bring ``%ask`` and ``%%ask`` to a notebook: ``%load_ext waypost``."""
    from ._magic import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take ``%ask`` and ``%%ask`` away again: ``%unload_ext waypost``."""
    from ._magic import unload

    unload(shell)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
