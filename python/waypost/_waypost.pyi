# ruff: noqa: PYI021  The docstrings of `ChatChunk` are what an editor shows.
"""The Rust half of waypost: handles that the classes of `waypost` wrap. Private; only `ChatChunk` is public."""

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, final

from .results import ChatResponse, Decision, EmbeddingResponse

__all__ = [
    "Bridge",
    "ChatChunk",
    "Core",
    "Decided",
    "Embedded",
    "Pending",
    "Replied",
    "Stream",
    "__version__",
    "after_fork",
    "before_fork",
    "catalogue",
    "check",
    "cost_saved",
    "cpt",
    "flush_logs",
    "off_policy",
    "prove",
    "providers",
    "query_log",
    "replay",
    "scenarios",
    "simulate_run",
    "study",
    "verify_log",
    "what_if",
]

__version__: str

def after_fork(child: bool) -> None: ...
def before_fork() -> None: ...
def flush_logs() -> None: ...
def query_log(
    path: str | PathLike[str], sql: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[dict[str, Any]]: ...
def verify_log(path: str | PathLike[str], head: str | None = None) -> dict[str, Any]: ...

@final
class Core:
    """The router."""

    def __new__(
        cls, source: object, options: Mapping[str, Any], strategies: Mapping[str, Any] | None = None
    ) -> Core: ...
    def reload(
        self, source: object, options: Mapping[str, Any], strategies: Mapping[str, Any] | None = None
    ) -> None: ...
    def chat(self, messages: object, options: Mapping[str, Any]) -> ChatResponse: ...
    def achat(self, messages: object, options: Mapping[str, Any]) -> Pending: ...
    def embed(self, texts: object, options: Mapping[str, Any]) -> EmbeddingResponse: ...
    def aembed(self, texts: object, options: Mapping[str, Any]) -> Pending: ...
    def stream(self, messages: object, options: Mapping[str, Any]) -> Stream: ...
    def route(self, messages: object, options: Mapping[str, Any]) -> Decision: ...
    def signals(self, messages: object, options: Mapping[str, Any]) -> dict[str, Any]: ...
    def batch(
        self,
        items: list[Any],
        options: Mapping[str, Any],
        concurrency: int,
        progress: Callable[[int], object] | None,
        keep: bool,
    ) -> list[Any]: ...
    def deployments(self) -> list[dict[str, Any]]: ...
    def learned(self) -> list[dict[str, Any]]: ...
    def routes(self) -> list[str]: ...
    def disable(self, name: str, off: bool) -> None: ...
    def warnings(self) -> list[str]: ...
    def metrics(self) -> str: ...
    def close(self) -> None: ...
    def feedback(self, call: str, score: float, comment: str | None = None) -> None: ...
    @property
    def logs(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    def warm(self) -> None: ...

@final
class Stream:
    """A stream under way."""

    def next(self) -> ChatChunk | None: ...
    @property
    def over(self) -> bool: ...
    def poll(self) -> ChatChunk | None: ...
    def wait(self) -> Pending: ...
    def front(self) -> ChatChunk | None: ...
    def response(self) -> ChatResponse | None: ...
    def close(self) -> None: ...

@final
class Pending:
    """Work under way for the running event loop."""

    @property
    def future(self) -> Future[Any]: ...
    def abort(self) -> None: ...

@final
class Bridge:
    """The way from the extension's threads back to one event loop."""

@final
class Decided:
    """A decision."""

    @property
    def chosen(self) -> str | None: ...
    def explain(self) -> str: ...
    def facts(self) -> dict[str, Any]: ...
    def state(self) -> dict[str, Any]: ...

@final
class Replied:
    """A chat answer."""

    @property
    def text(self) -> str: ...
    @property
    def deployment(self) -> str: ...
    def decision(self) -> Decision: ...
    def state(self) -> dict[str, Any]: ...

@final
class Embedded:
    """Vectors."""

    def embeddings(self) -> list[list[float]]: ...
    def decision(self) -> Decision: ...
    def state(self) -> dict[str, Any]: ...

@final
class ChatChunk:
    """One chunk of a stream."""

    @property
    def text(self) -> str:
        """The text to append; empty if there is none."""

    @property
    def reasoning(self) -> str | None:
        """The reasoning to append, or None."""

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """Pieces of tool calls, in OpenAI's shape."""

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, on its last chunk."""

    @property
    def deployment(self) -> str:
        """The deployment that serves."""

    @property
    def restarted(self) -> bool:
        """Whether the answer began anew with this chunk: what came before is void."""

    def to_dict(self) -> dict[str, Any]:
        """Return an OpenAI `chat.completion.chunk` object."""

def check(path: str | PathLike[str]) -> dict[str, Any]: ...
def prove(source: object, when: str | None, never: str) -> dict[str, Any]: ...
def replay(
    path: str | PathLike[str],
    source: object,
    options: Mapping[str, Any],
    strategies: Mapping[str, Any],
    since: float | None = None,
    until: float | None = None,
    progress: Callable[[int], object] | None = None,
) -> list[dict[str, Any]]: ...
def what_if(
    handle: Decided | None,
    state: Mapping[str, Any],
    source: object,
    change: Mapping[str, Any],
    strategies: Mapping[str, Any],
) -> Decision: ...
def off_policy(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None: ...
def catalogue() -> dict[str, Any]: ...
def scenarios() -> list[tuple[str, str, str]]: ...
def simulate_run(
    source: object, strategies: Mapping[str, Any], scenario: object, aim: str | None, seed: int
) -> dict[str, Any]: ...
def providers() -> list[dict[str, Any]]: ...
def study(asked: Mapping[str, Any]) -> dict[str, Any]: ...
def cpt(points: Sequence[Mapping[str, float]], weak: float, strong: float, share: float) -> float | None: ...
def cost_saved(points: Sequence[Mapping[str, float]], best: Mapping[str, float], at: float) -> float | None: ...
