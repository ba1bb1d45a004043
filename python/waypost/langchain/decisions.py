"""The router's choice as a decision model, where langchain-core has them: what `ModelRouterMiddleware` asks.

    from langchain.agents.middleware import ModelChoice, ModelRouterMiddleware
    from waypost.langchain.decisions import WaypostDecisions

    middleware = ModelRouterMiddleware(
        classifier=WaypostDecisions(router=router),
        instructions="",                                 # the router's rules and strategy decide
        choices={"mini": ModelChoice(model=mini, criteria=None), "haiku": ModelChoice(model=haiku, criteria=None)},
    )

The labels are names of the router's deployments or routes. Nothing is sent: a decision takes microseconds and costs
nothing.
"""

from __future__ import annotations

from typing import Any

try:
    from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, State
    from langchain_core.decisions.types import Choice, ChoiceAnswer
except ImportError as _error:
    _message = "decision models need a newer langchain-core, one that has `langchain_core.decisions`"
    raise ImportError(_message) from _error

from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import ConfigDict, Field

from ..errors import NoCandidatesError
from ..router import Router  # noqa: TC001 - pydantic reads it
from . import hints
from .answers import PROVIDER
from .errors import raising
from .messages import to_wire


class WaypostDecisions(BaseDecisionModel):
    """Answers which deployment or route a router would take.

    A `Choice` is answered by the best candidate whose name is among the labels, else by the route if it is one of them.
    The decision is certain, so its probability is 1. The tags and metadata of the run are what rules read.

    Args:
        router: The router that decides.
        model: The route that is asked for.

    Example:
        >>> from langchain_core.decisions import Choice
        >>> from waypost import Router
        >>> decisions = WaypostDecisions(router=Router(["ollama/small", "ollama/large"]))
        >>> labels = {"ollama/large": "hard tasks", "ollama/small": "the rest"}
        >>> question = Choice(instructions="Which model?", criteria=labels)
        >>> decisions.invoke({"state": "Hello", "questions": {"which": question}}).choices["which"].choice
        'ollama/small'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    router: Router = Field(exclude=True, repr=False)
    model: str = "auto"

    @property
    def _provider(self) -> str:
        return PROVIDER

    def _classify(self, state: State, questions: dict[str, Any]) -> ClassifierResponse:
        run = hints.of_config(None, None, None)
        with raising():
            decision = self.router.route(
                to_wire(_messages(state)), model=self.model, tags=run.tags, metadata=run.metadata or None
            )
            answers: dict[str, Any] = {name: _answer(question, decision) for name, question in questions.items()}
        return ClassifierResponse(model=self.model, answers=answers)

    async def _aclassify(self, state: State, questions: dict[str, Any]) -> ClassifierResponse:
        """Decide here: it takes less time than handing it to a thread."""
        return self._classify(state, questions)


def _messages(state: Any) -> list[BaseMessage]:
    """Return a state as a conversation; what is neither text nor messages is read as its JSON."""
    if isinstance(state, BaseMessage):
        return [state]
    if isinstance(state, (list, tuple)) and state and all(isinstance(item, BaseMessage) for item in state):
        return [*state]
    if isinstance(state, str):
        return [HumanMessage(state)]
    if isinstance(state, dict) and "messages" in state:
        return _messages(state["messages"])
    import json

    return [HumanMessage(json.dumps(state, ensure_ascii=False, default=str))]


def _answer(question: Any, decision: Any) -> ChoiceAnswer:
    if not isinstance(question, Choice):
        message = f"waypost chooses between names: ask a `Choice`, not a `{type(question).__name__}`"
        raise TypeError(message)
    labels = question.criteria
    accepted = sorted((one for one in decision.candidates if one.accepted), key=lambda one: one.rank)
    names = [*(one.deployment for one in accepted), *([decision.route] if accepted else [])]
    chosen = next((name for name in names if name in labels), None)
    if chosen is None and decision.error is not None:
        message = f"none of `{'`, `'.join(labels)}` may serve this: {decision.reason}"
        refused = NoCandidatesError(message)
        refused.decision = decision
        raise refused
    if chosen is None:
        message = (
            f"no label is a deployment or the route that may serve this: {', '.join(labels)}; {', '.join(names)} may"
        )
        raise ValueError(message)
    return ChoiceAnswer(
        type="choice",
        choice=chosen,
        probabilities={label: float(label == chosen) for label in labels},
        confidence=1.0,
    )
