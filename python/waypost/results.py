"""What calls return: values that are cheap to make and read what is asked for.

Each class wraps a handle of the Rust core and asks it for its state once, at the first look that needs it. Pickling and
copying go through that state, so a result can travel to another process.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np

__all__ = [
    "Attempt",
    "Candidate",
    "ChatResponse",
    "Cost",
    "Decision",
    "EmbeddingResponse",
    "RuleFired",
    "Usage",
]


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer.

    Attributes:
        prompt_tokens: All prompt tokens, cached ones included.
        completion_tokens: All answer tokens, reasoning included.
        total_tokens: Their sum.
        cached_tokens: Prompt tokens read from the provider's cache.
        cache_write_tokens: Prompt tokens written to the provider's cache.
        reasoning_tokens: Answer tokens spent on reasoning.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Cost:
    """What an answer cost.

    Attributes:
        usd: US dollars; None if the price is not known, never a silent zero.
        status: ``exact`` (the provider counted the tokens), ``estimated`` (we did) or ``unpriced``.
        saved_usd: How much less than the same tokens at the most expensive candidate that could have served.
    """

    usd: float | None
    status: str
    saved_usd: float | None = None


@dataclass(frozen=True)
class RuleFired:
    """A rule that fired.

    Attributes:
        name: Its name.
        effect: What it did.
        error: Why its condition could not be evaluated, if it could not.
    """

    name: str
    effect: str
    error: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A deployment that was considered, with the verdict on it.

    Attributes:
        deployment: Its name.
        accepted: Whether it may serve.
        reason: Why not: ``context_window``, ``missing_capability``, ``policy``, ``tag``, ``breaker_open``,
            ``rate_limited``, ``budget``, ``price_cap`` or ``disabled``.
        detail: The reason in words.
        rank: Its place in the order of trying, from 1.
        score: What the strategy ranked it by; lower is better.
        scores: The parts of the score.
        estimated_cost: US dollars; None if unpriced.
        expected_latency: Seconds to the whole answer, as measured; None before the first measurement.
        predicted_quality: 0..1; None without a predictor.
        fallback: Whether it is second choice.
        propensity: The chance, 0 to 1, that it was the one to be tried first; None if that is not known (of a strategy of
            one's own).
    """

    deployment: str
    accepted: bool
    reason: str | None = None
    detail: str | None = None
    rank: int | None = None
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    estimated_cost: float | None = None
    expected_latency: float | None = None
    predicted_quality: float | None = None
    fallback: bool = False
    propensity: float | None = None


@dataclass(frozen=True)
class Attempt:
    """One try of one deployment, on the wire.

    Attributes:
        deployment: Its name.
        outcome: ``ok``, ``error``, ``cancelled`` or ``running``.
        error: The kind of error, in snake case.
        status: The HTTP status, if there was an answer.
        started: Seconds from the beginning of the call.
        duration: Seconds.
        ttft: Seconds to the first token, of a stream.
        hedge: Whether it was a second copy of a slow one.
        retry_after: Seconds that the provider asked us to wait.
        message: The error in words.
        possibly_billed: Whether the provider may have done, and billed, the work though no answer came.
        skipped_events: Events of the stream that could not be read.
    """

    deployment: str
    outcome: str
    error: str | None = None
    status: int | None = None
    started: float = 0.0
    duration: float = 0.0
    ttft: float | None = None
    hedge: bool = False
    retry_after: float | None = None
    message: str | None = None
    possibly_billed: bool = False
    skipped_events: int = 0


class _Value:
    """A value behind a handle: state on demand, equality and pickling by state."""

    __slots__ = ("_cache", "_handle")

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._cache: dict[str, Any] = {}

    @property
    def _state(self) -> dict[str, Any]:
        state = self._cache.get("state")
        if state is None:
            state = self._cache["state"] = self._handle.state()
        return state  # type: ignore[no-any-return]

    @classmethod
    def _thaw(cls, state: dict[str, Any]) -> Any:
        value = cls(None)
        value._cache["state"] = state
        return value

    def _frozen(self) -> dict[str, Any]:
        return self._state

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self)._thaw, (self._frozen(),))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return type(self)._thaw(copy.deepcopy(self._frozen(), memo))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._frozen() == other._frozen())

    __hash__ = object.__hash__


class Decision(_Value):
    """Why: every candidate with the verdict on it, every rule that fired, every attempt. Free of prompt text.

    ``print(decision)`` shows it in words; a notebook shows it as a table.
    """

    __slots__ = ()

    def _frozen(self) -> dict[str, Any]:
        if "text" not in self._state:
            self._state["text"] = self._handle.explain()
        if "facts" not in self._state:
            self._state["facts"] = self._handle.facts()
        return self._state

    @property
    def id(self) -> str:
        """The identity of the call."""
        return self._state["id"]  # type: ignore[no-any-return]

    @property
    def route(self) -> str:
        """The route taken."""
        return self._state["route"]  # type: ignore[no-any-return]

    @property
    def chosen(self) -> str | None:
        """The deployment that served (or would be tried first); None if none may."""
        if self._handle is not None:
            return self._handle.chosen  # type: ignore[no-any-return]
        return self._state["chosen"]  # type: ignore[no-any-return]

    @property
    def reason(self) -> str:
        """One sentence."""
        return self._state["reason"]  # type: ignore[no-any-return]

    @property
    def error(self) -> str | None:
        """The name of the error's class, where the call was refused or failed."""
        return self._state["error"]  # type: ignore[no-any-return]

    @property
    def signals(self) -> dict[str, Any]:
        """What was read from the request; only what was computed."""
        return self._state["signals"]  # type: ignore[no-any-return]

    @property
    def rules(self) -> list[RuleFired]:
        """The rules that fired, in order."""
        return self._list("rules", RuleFired)

    @property
    def candidates(self) -> list[Candidate]:
        """Everyone who was considered, best first."""
        return self._list("candidates", Candidate)

    @property
    def attempts(self) -> list[Attempt]:
        """Every attempt, in order."""
        return self._list("attempts", Attempt)

    @property
    def overhead_us(self) -> float:
        """Microseconds spent deciding."""
        return self._state["overhead_us"]  # type: ignore[no-any-return]

    @property
    def waited(self) -> float:
        """Seconds in line for room under limits."""
        return self._state.get("waited", 0.0)  # type: ignore[no-any-return]

    def _list(self, key: str, kind: Any) -> list[Any]:
        items = self._cache.get(key)
        if items is None:
            items = self._cache[key] = [kind(**item) for item in self._state[key]]
        return items

    def explain(self) -> str:
        """Return the decision in words: the choice, the rules, every candidate, every attempt."""
        if self._handle is not None:
            return self._handle.explain()  # type: ignore[no-any-return]
        return self._state["text"]  # type: ignore[no-any-return]

    def what_if(
        self,
        config: Any = None,
        *,
        down: Iterable[str] = (),
        rules: Sequence[Mapping[str, Any]] | None = None,
        strategy: Any = None,
        weights: Mapping[str, float] | None = None,
        model: str | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        signals: Mapping[str, Any] | None = None,
    ) -> Decision:
        """Return the decision that the same request would have got, had something been different.

        The request itself is not needed: the decision keeps what it rested on (signals, needs, how busy and fast everyone
        was, the draw of chance), so the answer is the same each time, and nothing is sent. With no argument the decision
        comes out as it was planned.

        Args:
            config: Another configuration, as for :class:`Router`; without it the one that the decision was made under.
            down: Deployments that are supposed to be switched off.
            rules: Rules in place of those of the configuration.
            strategy: Another strategy of the route taken: a name, a table or a function.
            weights: Other weights for candidates of the route taken, by deployment; they are drawn from.
            model: What the caller asks for.
            tags: Other tags.
            metadata: Other metadata.
            max_cost: Another limit on the estimated cost, in US dollars.
            max_tokens: Another limit on the answer's length.
            signals: Other signals, by name: ``{"tokens": 50_000, "sensitive": {"health": True}}``.

        Returns:
            A decision without attempts, with the same ``id``.

        Raises:
            ConfigError: The configuration, or a rule, is wrong.
            UnknownModelError: ``down`` or ``model`` names nobody.
            InvalidRequestError: A rule asks for what the decision does not hold (the text; its conditions over the text
                that were evaluated then still hold), or a decision that was copied or pickled is given no ``config``.

        Example:
            >>> from waypost import Router
            >>> decision = Router(["ollama/llama3.3", "ollama/qwen3"]).route("Why is the sky blue?")
            >>> decision.chosen, decision.what_if(down=["ollama/llama3.3"]).chosen
            ('ollama/llama3.3', 'ollama/qwen3')
        """
        from ._what_if import what_if

        arguments = locals()
        return what_if(self, {name: value for name, value in arguments.items() if name not in ("self", "what_if")})

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain data; ``version`` says in which shape."""
        return {key: value for key, value in self._state.items() if key not in ("text", "facts")}

    def to_json(self) -> str:
        """Return the decision as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return f"Decision(route={self.route!r}, chosen={self.chosen!r}, attempts={len(self.attempts)})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Show a terminal of IPython the decision in words; within a list it is its repr."""
        printer.text(self.explain() if len(printer.stack) == 1 else repr(self))

    def _repr_html_(self) -> str:
        from ._html import decision

        return decision(self)


class _Answer(_Value):
    """What chat and embedding answers share."""

    __slots__ = ()

    def _frozen(self) -> dict[str, Any]:
        state = self._state
        if "decision" not in state:
            state["decision"] = self.decision
        return state

    @property
    def usage(self) -> Usage:
        """Tokens."""
        return Usage(**self._state["usage"])

    @property
    def cost(self) -> Cost:
        """What it cost, with its certainty."""
        return Cost(**self._state["cost"])

    @property
    def model(self) -> str:
        """The model as the provider reported it."""
        return self._state["model"]  # type: ignore[no-any-return]

    @property
    def provider(self) -> str:
        """Who served."""
        return self._state["provider"]  # type: ignore[no-any-return]

    @property
    def deployment(self) -> str:
        """The deployment that served."""
        return self._state["deployment"]  # type: ignore[no-any-return]

    @property
    def route(self) -> str:
        """The route taken."""
        return self._state["route"]  # type: ignore[no-any-return]

    @property
    def latency(self) -> float:
        """Seconds from the call to the end of the answer, over all attempts."""
        return self._state["latency"]  # type: ignore[no-any-return]

    @property
    def decision(self) -> Decision:
        """Why."""
        known = self._cache.get("decision")
        if known is None:
            known = self._state["decision"] if self._handle is None else self._handle.decision()
            self._cache["decision"] = known
        return known  # type: ignore[no-any-return]


class ChatResponse(_Answer):
    """A chat answer.

    Example:
        >>> from waypost import Router
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(reply="Rayleigh scattering.") as fake:
        ...     reply = Router([fake.deployment()]).chat("Why is the sky blue?")
        >>> reply.text
        'Rayleigh scattering.'
    """

    __slots__ = ()

    def _frozen(self) -> dict[str, Any]:
        state = super()._frozen()
        if (wanted := self._cache.get("wanted")) is not None:
            state["wanted"] = wanted
        return state

    @property
    def text(self) -> str:
        """The text; empty if the model only called tools."""
        if self._handle is not None:
            return self._handle.text  # type: ignore[no-any-return]
        return self._state["text"]  # type: ignore[no-any-return]

    @property
    def message(self) -> dict[str, Any]:
        """The assistant's message in OpenAI's shape, ready to be appended to the conversation."""
        return self._state["message"]  # type: ignore[no-any-return]

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """Calls of tools, in OpenAI's shape."""
        return self._state["tool_calls"] or []

    @property
    def reasoning(self) -> str | None:
        """The model's reasoning, where the provider shows it."""
        return self._state["reasoning"]  # type: ignore[no-any-return]

    @property
    def finish_reason(self) -> str | None:
        """``stop``, ``length``, ``tool_calls`` or ``content_filter``; None of an answer that broke off."""
        return self._state["finish_reason"]  # type: ignore[no-any-return]

    @property
    def id(self) -> str:
        """The provider's identity of the answer."""
        return self._state["id"]  # type: ignore[no-any-return]

    @property
    def ttft(self) -> float | None:
        """Seconds from the call to the first token; of streams."""
        return self._state["ttft"]  # type: ignore[no-any-return]

    @property
    def _wanted(self) -> Any:
        """The class that was given as ``response_format``."""
        return self._cache.get("wanted") or (self._state.get("wanted") if self._handle is None else None)

    @property
    def parsed(self) -> Any:
        """The answer as an object of the class that was given as ``response_format``.

        None if no class was given, or if the model called tools instead of answering. It is made at the first look, so
        that an answer that does not fit is still an answer: its text and its cost are there.

        Raises:
            ProtocolError: The answer does not fit the class, was cut off at its limit (``finish_reason`` is
                ``"length"``), or is a refusal. The message says what and where, without quoting the answer;
                ``error.response`` is the answer.

        Example:
            >>> from dataclasses import dataclass
            >>> from waypost import Router
            >>> from waypost.testing import FakeProvider
            >>> @dataclass
            ... class City:
            ...     name: str
            ...     people: int
            >>> with FakeProvider(reply='{"name": "Oslo", "people": 724290}') as fake:
            ...     reply = Router([fake.deployment()]).chat("The capital of Norway?", response_format=City)
            >>> reply.parsed
            City(name='Oslo', people=724290)
        """
        if "parsed" not in self._cache:
            if self._wanted is None:
                return None
            from ._parsed import parse

            self._cache["parsed"] = parse(self._wanted, self)
        return self._cache["parsed"]

    def to_dict(self) -> dict[str, Any]:
        """Return exactly an OpenAI ``chat.completion`` object."""
        return self._state["openai"]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "…"
        return f"ChatResponse(text={text!r}, deployment={self.deployment!r}, finish_reason={self.finish_reason!r})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Show a terminal of IPython the whole text and who gave it; within a list it is its repr."""
        if len(printer.stack) > 1 or not self.text:
            printer.text(repr(self))
            return
        price = "unpriced" if self.cost.usd is None else f"${self.cost.usd:.6f}"
        printer.text(f"{self.text}\n\n— {self.deployment}, {price}, {self.latency:.2f} s. {self.decision.reason}")

    def _repr_html_(self) -> str:
        from ._html import response

        return response(self)


class EmbeddingResponse(_Answer):
    """Vectors, in the order of the texts."""

    __slots__ = ()

    def _frozen(self) -> dict[str, Any]:
        state = super()._frozen()
        if "embeddings" not in state:
            state["embeddings"] = self._handle.embeddings()
        return state

    @property
    def embeddings(self) -> list[list[float]]:
        """One list of floats a text."""
        known = self._cache.get("embeddings")
        if known is None:
            known = self._state["embeddings"] if self._handle is None else self._handle.embeddings()
            self._cache["embeddings"] = known
        return known  # type: ignore[no-any-return]

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Return the vectors as a float32 array of shape (texts, dimensions); needs numpy."""
        import numpy as np

        return np.asarray(self.embeddings, dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return OpenAI's list of embeddings."""
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(self.embeddings)]
        tokens = self.usage.prompt_tokens
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": self.model, "data": data, "usage": usage}

    def __repr__(self) -> str:
        n = len(self.embeddings)
        size = len(self.embeddings[0]) if n else 0
        return f"EmbeddingResponse({n} × {size}, deployment={self.deployment!r})"

    def _repr_html_(self) -> str:
        from ._html import embedding

        return embedding(self)


def typed(reply: Any, wanted: Any) -> Any:
    """Let an answer know the class that was asked for; errors, which a batch has in their place, stay what they are."""
    if isinstance(wanted, type) and isinstance(reply, ChatResponse):
        reply._cache["wanted"] = wanted
    return reply
