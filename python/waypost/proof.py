"""Proofs about a configuration: what no request of a class can reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .results import RuleFired

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["Counterexample", "Proof", "prove"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A request, and what it reaches.

    Attributes:
        signals: What rules see of the request; what is left out does not matter. A ``text`` in it is put together from
            the conditions.
        model: What the caller asks for: a route or a deployment.
        route: The route taken; None if the caller named a deployment.
        deployment: The deployment reached.
        fallback: Whether it is reached as a fallback.
        rules: The rules that fired, in order.
        doubt: Why it is not known whether the deployment is one of those; then it counts as one.
    """

    signals: dict[str, Any]
    model: str
    route: str | None
    deployment: str
    fallback: bool
    rules: tuple[RuleFired, ...]
    doubt: str | None = None

    @property
    def way(self) -> str:
        """How the deployment is reached, in words."""
        place = f"by route {self.route}" if self.route else "named by the caller"
        return place + (", as a fallback" if self.fallback else "")

    def explain(self) -> str:
        """Say it in a few lines."""
        lines = [f"a request with {_shown(self.signals)}" if self.signals else "any request"]
        lines.append(f"  for model={self.model!r} may reach {self.deployment} ({self.way})")
        lines += [f"  rule {rule.name!r}: {rule.effect}" + _failure(rule) for rule in self.rules]
        if not self.rules:
            lines.append("  no rule that says where it may go fires")
        if self.doubt:
            lines.append(
                f"  whether {self.deployment} is one of those cannot be told ({self.doubt}), so it counts as one"
            )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether no request of a class can reach certain deployments; true if it is proved.

    Attributes:
        answer: ``"proved"``, ``"counterexample"`` or ``"unknown"``.
        counterexample: A request that reaches one of them; where the answer is unknown, one that perhaps does.
        reason: Why the answer is unknown, or holds for want of anything it could fail for.
        classes: Classes of requests that were looked at.
        when: The condition that says which requests.
        never: The condition that says which deployments.
    """

    answer: Literal["proved", "counterexample", "unknown"]
    counterexample: Counterexample | None
    reason: str | None
    classes: int
    when: str | None
    never: str

    @property
    def proved(self) -> bool:
        """Whether it holds for all requests."""
        return self.answer == "proved"

    def __bool__(self) -> bool:
        return self.proved

    @property
    def claim(self) -> str:
        """What was to be shown, in words."""
        requests = f"no request where `{self.when}`" if self.when else "no request"
        return f"{requests} reaches a deployment where `{self.never}`"

    @property
    def basis(self) -> str:
        """What the answer rests on, in words; empty where a counterexample says it all."""
        if self.reason or not self.proved:
            return self.reason or ""
        count = f"{self.classes} class{'' if self.classes == 1 else 'es'} of requests"
        return f"{count}, every route and every deployment by name"

    def explain(self) -> str:
        """Say the answer in a few lines."""
        lines = [f"{self.answer}: {self.claim}"]
        if self.basis:
            lines.append(f"  {self.basis}")
        if self.counterexample is not None:
            lines += ["perhaps: " * (self.answer == "unknown") + self.counterexample.explain()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        from ._html import proof

        return proof(self)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data.

        Example:
            >>> from waypost import prove
            >>> prove(["ollama/llama3.3"], never="provider == 'openai'").to_dict()["answer"]
            'proved'
        """
        found = self.counterexample
        return {
            "answer": self.answer,
            "proved": self.proved,
            "when": self.when,
            "never": self.never,
            "reason": self.reason,
            "classes": self.classes,
            "counterexample": None if found is None else asdict(found) | {"rules": [asdict(r) for r in found.rules]},
        }


def prove(
    config: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    never: str,
    when: str | None = None,
) -> Proof:
    """Show that no request of a class can reach certain deployments, or find one that does.

    The answer is about all requests, not about examples: whatever the conditions of the rules can tell apart is gone
    through, for every route with its fallbacks and for callers who name a deployment. What counts is what the rules allow;
    abilities, limits and budgets only take more away. Nothing is sent, and keys that are not set do not matter.

    Args:
        config: As for :class:`Router`: a file, a mapping or a list; None for the environment.
        never: Which deployments, in CEL over ``provider``, ``model``, ``deployment``, ``region``, ``tags`` and the attributes
            of deployments. What a deployment does not say of itself is ``null``; where the condition then fails (``!zdr``), it counts
            as one of them.
        when: Which requests, in CEL as in a rule; all unless given.

    Returns:
        The proof, true if it holds. Otherwise ``counterexample`` has a request; where conditions ask more than can be
        analysed, the answer is ``"unknown"`` and never a proof.

    Raises:
        ConfigError: The configuration or a condition is wrong.

    Example:
        >>> from waypost import prove
        >>> config = {
        ...     "deployments": {
        ...         "mini": {"model": "openai/gpt-5-mini"},
        ...         "house": {"model": "ollama/llama3.3", "tags": ["private"]},
        ...     },
        ...     "rules": [{"name": "home", "when": "sensitive.any", "require": {"tags": ["private"]}}],
        ... }
        >>> prove(config, when="sensitive.any", never="provider == 'openai'").proved
        True
        >>> prove(config, never="provider == 'openai'").counterexample.deployment
        'mini'
    """
    from ._waypost import prove as examine

    source = _plain(config)
    found = examine(source, when, never)
    return Proof(
        answer=found["answer"],
        counterexample=_counterexample(found["counterexample"]),
        reason=found["reason"],
        classes=found["classes"],
        when=when,
        never=never,
    )


def _plain(config: Any) -> Any:
    """Return a configuration without Python functions: who is tried first does not matter to what can be reached."""
    if isinstance(config, Mapping):
        return {key: value if not callable(value) else "priority" for key, value in _entries(config)}
    if isinstance(config, (list, tuple)):
        return [_plain(item) for item in config]
    return config


def _entries(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value if callable(value) else _plain(value)) for key, value in config.items()]


def _counterexample(found: Mapping[str, Any] | None) -> Counterexample | None:
    if found is None:
        return None
    rules = tuple(RuleFired(rule["name"], rule["effect"], rule.get("error")) for rule in found["rules"])
    return Counterexample(**{**found, "rules": rules})


def _shown(signals: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in signals.items())


def _failure(rule: RuleFired) -> str:
    return f" (its condition fails: {rule.error})" if rule.error else ""
