"""What a router says of itself beside its deployments: what its routes have learned."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Learned"]


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
