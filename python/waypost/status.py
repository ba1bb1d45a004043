"""What a router says of itself: how its deployments stand, and what its routes have learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["DeploymentStatus", "Learned"]


@dataclass(frozen=True)
class DeploymentStatus:
    """How a deployment stands.

    Attributes:
        name: Its name.
        provider: Its provider.
        model: Its model.
        tags: Its tags.
        disabled: Whether it was switched off.
        breaker: ``closed``, ``open`` or ``half_open``.
        opens_in: Seconds until an open breaker lets a probe pass.
        in_flight: Attempts under way.
        waiting: Calls in line for room on it.
        p50: Median seconds to the whole answer.
        p95: 95th percentile of it.
        ttft: Median seconds to the first token.
        error_rate: Share of attempts that failed of late, 0..1.
        requests: Attempts so far.
        limits_left: What is left of each limit that is set.
        spend: US dollars spent on it.
        capabilities: ``context_window``, ``max_output``, ``tools``, ``vision`` … of its model; None where unknown.
        failures: Failed attempts by kind of error, the most frequent first.
    """

    name: str
    provider: str
    model: str
    tags: list[str]
    disabled: bool
    breaker: str
    opens_in: float | None
    in_flight: int
    p50: float | None
    p95: float | None
    ttft: float | None
    error_rate: float
    requests: int
    limits_left: dict[str, int]
    spend: float
    capabilities: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    waiting: int = 0


@dataclass(frozen=True)
class Learned:
    """What a route has learned of one of its deployments from the scores of ``router.feedback``.

    Attributes:
        route: The route.
        deployment: The deployment.
        score: The score expected of it for the route's usual request, 0..1; 0.5 before anything is known.
        doubt: How far off that may be: one standard deviation.
        scores: Scores behind it; old ones count less and less.
    """

    route: str
    deployment: str
    score: float
    doubt: float
    scores: float
