"""OpenTelemetry: a span for each call and each attempt, in the words of the GenAI semantic conventions.

    from waypost.otel import instrument

    instrument(router)               # spans go where your TracerProvider sends them

The spans are made when a call has ended, with the times that the decision recorded, so that a call waits for nothing.
A call is a span ``waypost ROUTE``; below it each attempt is a span ``chat MODEL``, the failed ones with their error.
Tokens and cost stand on the attempt that answered, once. No prompt and no answer is in a span.

Langfuse reads the conventions' attributes. Phoenix reads those of OpenInference, a few of which are set beside them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

try:
    from opentelemetry import context, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as _error:
    _message = "waypost.otel needs OpenTelemetry: pip install 'waypost[otel]'"
    raise ImportError(_message) from _error

from ._watch import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, Tracer, TracerProvider

    from .results import Attempt, Decision
    from .router import Router

__all__ = ["instrument"]

# The conventions' names of providers, where they are not ours.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
_LOG = logging.getLogger(__name__)
_NANOSECONDS = 1_000_000_000


def instrument(router: Router, *, tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make spans of what a router does from now on.

    Args:
        router: The router. Frameworks that are given it are seen too.
        tracer_provider: Where the spans go; by default OpenTelemetry's global one.

    Returns:
        A function that ends it.

    Example:
        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        >>> from waypost import Router
        >>> from waypost.testing import FakeProvider
        >>> spans, provider = InMemorySpanExporter(), TracerProvider()
        >>> provider.add_span_processor(SimpleSpanProcessor(spans))
        >>> with FakeProvider(model="gpt-5-mini") as fake:
        ...     router = Router([fake.deployment()])
        ...     end = instrument(router, tracer_provider=provider)
        ...     _ = router.chat("Why is the sky blue?")
        >>> [span.name for span in spans.get_finished_spans()]
        ['chat gpt-5-mini', 'waypost auto']
    """
    from . import __version__

    tracer = trace.get_tracer("waypost", __version__, tracer_provider)
    return watched(router, _Spans(tracer, router))


class _Spans:
    """A watcher that tells of calls in spans."""

    def __init__(self, tracer: Tracer, router: Router) -> None:
        self._tracer, self._router = tracer, router
        self._known: dict[str, tuple[str, str]] = {}

    def may_call(self) -> None:
        """Refuse nothing."""

    def decided(self, decision: Decision) -> None:
        """Tell nothing of a decision without a call."""

    def answered(self, response: Any) -> None:
        """Tell of an answer."""
        self._told(response.decision, response, None)

    def failed(self, error: BaseException) -> None:
        """Tell of a call that failed; one that did not get as far as a decision leaves no span."""
        decision: Decision | None = getattr(error, "decision", None)
        if decision is not None:
            self._told(decision, None, error)

    def _told(self, decision: Decision, response: Any, error: BaseException | None) -> None:
        """Make the spans; what goes wrong with them is no matter of the call's."""
        try:
            self._call(decision, response, error)
        except Exception as problem:  # noqa: BLE001
            _LOG.warning("a call has no span: %s", type(problem).__name__)

    def _call(self, decision: Decision, response: Any, error: BaseException | None) -> None:
        start, seconds = float(decision.to_dict()["at"]), _seconds(decision)
        if response is not None:
            seconds = max(seconds, getattr(response, "latency", None) or 0.0)
        span = self._tracer.start_span(
            f"waypost {decision.route}", start_time=_ns(start), attributes=_of_call(decision)
        )
        if span.is_recording():
            around = trace.set_span_in_context(span, context.get_current())
            for attempt in decision.attempts:
                self._attempt(attempt, start, self._who(attempt.deployment), response, around)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end(_ns(start + seconds))

    def _who(self, deployment: str) -> tuple[str, str]:
        """Return a deployment's provider and model; a configuration that is replaced may bring new ones."""
        if deployment not in self._known:
            self._known = {row.name: (row.provider, row.model) for row in self._router.deployments}
        return self._known.get(deployment, ("", ""))

    def _attempt(
        self, attempt: Attempt, start: float, who: tuple[str, str], response: Any, around: context.Context
    ) -> None:
        provider, model = who
        operation = "embeddings" if hasattr(response, "embeddings") else "chat"
        begun = start + attempt.started
        span = self._tracer.start_span(
            f"{operation} {model}".rstrip(),
            context=around,
            kind=SpanKind.CLIENT,
            start_time=_ns(begun),
            attributes=_known(_of_attempt(attempt, operation, provider, model)),
        )
        if attempt.outcome == "ok" and response is not None:
            span.set_attributes(_known(_of_answer(response)))
        if attempt.error is not None:
            _mark(span, attempt)
        span.end(_ns(begun + (attempt.duration or 0.0)))


def _mark(span: Span, attempt: Attempt) -> None:
    span.set_attribute("error.type", str(attempt.status or attempt.error))
    span.set_status(Status(StatusCode.ERROR, attempt.error))


def _of_call(decision: Decision) -> dict[str, Any]:
    return _known(
        {
            "openinference.span.kind": "CHAIN",
            "waypost.decision.id": decision.id,
            "waypost.route": decision.route,
            "waypost.deployment": decision.chosen,
            "waypost.reason": decision.reason,
            "waypost.attempts": len(decision.attempts),
            "waypost.rules": [rule.name for rule in decision.rules if rule.name],
            "waypost.refused": [f"{one.deployment}: {one.reason}" for one in decision.candidates if not one.accepted],
            "waypost.overhead_us": decision.overhead_us,
        }
    )


def _of_attempt(attempt: Attempt, operation: str, provider: str, model: str) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": model,
        "openinference.span.kind": "EMBEDDING" if operation == "embeddings" else "LLM",
        "waypost.deployment": attempt.deployment,
        "waypost.hedge": attempt.hedge or None,
        "http.response.status_code": attempt.status,
        "gen_ai.response.time_to_first_chunk": attempt.ttft,
    }


def _of_answer(response: Any) -> dict[str, Any]:
    usage, cost = response.usage, response.cost
    finish = getattr(response, "finish_reason", None)
    return {
        "gen_ai.response.model": response.model,
        "gen_ai.response.id": getattr(response, "id", None),
        "gen_ai.response.finish_reasons": [finish] if finish else None,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens or None,
        "gen_ai.usage.cost": cost.usd,
        "llm.model_name": response.model,
        "llm.token_count.prompt": usage.prompt_tokens,
        "llm.token_count.completion": usage.completion_tokens,
        "llm.token_count.total": usage.total_tokens,
        "llm.cost.total": cost.usd,
        "waypost.cost.status": cost.status,
    }


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in (None, "", [])}


def _seconds(decision: Decision) -> float:
    """Return how long a call took, as far as its attempts tell."""
    return max((attempt.started + (attempt.duration or 0.0) for attempt in decision.attempts), default=0.0)


def _ns(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
