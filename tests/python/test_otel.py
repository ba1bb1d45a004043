"""Spans of calls and attempts, through OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install opentelemetry-sdk")

import waypost
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from waypost import Router
from waypost._watch import watched
from waypost.otel import instrument
from waypost.testing import FakeFleet, FakeProvider, Step
from waypost.testing.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Write to anna.berg@example.org"


class Spans:
    """Where the spans of a test arrive."""

    def __init__(self) -> None:
        self.exporter, self.provider = InMemorySpanExporter(), TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def all(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    @property
    def tree(self) -> list[tuple[str, list[str]]]:
        """Each span without a parent, and the names of those below it."""
        tops = [span for span in self.all if span.parent is None]
        below = [
            [one.name for one in self.all if one.parent is not None and one.parent.span_id == top.context.span_id]
            for top in tops
        ]
        return [(top.name, names) for top, names in zip(tops, below, strict=True)]


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic") as fleet:
        yield fleet


def config(fleet: FakeFleet) -> dict[str, Any]:
    made = fleet.config()
    made["deployments"]["anthropic"]["price"] = {"input": 1.0, "output": 5.0}
    return made


async def astreamed(router: Router) -> None:
    async for _ in router.astream(PROMPT):
        pass


CALLS = {
    "chat": lambda router: router.chat(PROMPT),
    "achat": lambda router: asyncio.run(router.achat(PROMPT)),
    "stream": lambda router: list(router.stream(PROMPT)),
    "astream": lambda router: asyncio.run(astreamed(router)),
    "batch": lambda router: router.batch([PROMPT]),
    "abatch": lambda router: asyncio.run(router.abatch([PROMPT])),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_a_span_and_each_attempt_one_below_it(fleet: FakeFleet, spans: Spans, call: str) -> None:
    fleet.script("openai", 503)
    router = Router(config(fleet))
    instrument(router, tracer_provider=spans.provider)
    before = time.time_ns()
    CALLS[call](router)
    failed, answered, whole = spans.all
    model = answered.attributes["gen_ai.request.model"]
    assert spans.tree == [("waypost auto", [failed.name, f"chat {model}"])]

    assert (failed.kind, failed.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert (failed.attributes["error.type"], failed.attributes["gen_ai.provider.name"]) == ("503", "openai")
    assert "gen_ai.usage.input_tokens" not in failed.attributes

    said = answered.attributes
    assert (said["gen_ai.operation.name"], said["gen_ai.provider.name"]) == ("chat", "anthropic")
    assert said["gen_ai.usage.input_tokens"] == said["llm.token_count.prompt"] > 0
    assert said["gen_ai.usage.output_tokens"] > 0
    assert said["gen_ai.usage.cost"] == said["llm.cost.total"] > 0
    assert (said["gen_ai.response.finish_reasons"], said["openinference.span.kind"]) == (("stop",), "LLM")
    assert said["gen_ai.response.id"]

    assert (whole.attributes["waypost.deployment"], whole.attributes["waypost.attempts"]) == ("anthropic", 2)
    assert whole.status.status_code == StatusCode.UNSET
    assert "gen_ai.usage.input_tokens" not in whole.attributes  # Tokens are counted once.
    assert before - 10**7 <= whole.start_time <= failed.start_time <= failed.end_time <= answered.start_time
    assert answered.end_time <= whole.end_time + 10**6 <= time.time_ns() + 10**8


def test_no_prompt_no_answer_and_no_key_is_in_a_span(fleet: FakeFleet, spans: Spans) -> None:
    fleet.script("openai", Step(400, message=f"cannot read: {PROMPT}"))
    router = Router(config(fleet))
    instrument(router, tracer_provider=spans.provider)
    with pytest.raises(waypost.InvalidRequestError):
        router.chat(PROMPT)
    told = "".join(span.to_json() for span in spans.all)
    assert len(spans.all) == 2
    assert not any(secret in told for secret in ("anna", "Write", "example.org", "sk-"))


def test_a_refused_call_says_who_was_refused_and_why(fleet: FakeFleet, spans: Spans) -> None:
    router = Router(config(fleet))
    instrument(router, tracer_provider=spans.provider)
    with pytest.raises(waypost.NoCandidatesError):
        router.chat("Hi", max_cost=0.0)
    [whole] = spans.all
    assert (whole.attributes["error.type"], whole.status.status_code) == ("NoCandidatesError", StatusCode.ERROR)
    assert whole.attributes["waypost.refused"] == ("openai: price_cap", "anthropic: price_cap")
    assert router.route("Hi").chosen == "openai"
    assert len(spans.all) == 1  # A decision without a call is no call.


def test_a_cut_stream_is_an_error_with_its_attempt(spans: Spans) -> None:
    with FakeProvider() as fake:
        fake.script(Step(cut_after=20))
        router = Router({"deployments": {"only": fake.deployment()}})
        instrument(router, tracer_provider=spans.provider)
        with pytest.raises(waypost.StreamError):
            list(router.stream("Hi"))
    attempt, whole = spans.all
    assert (whole.attributes["error.type"], attempt.status.status_code) == ("StreamError", StatusCode.ERROR)


def test_embeddings(spans: Spans) -> None:
    with FakeProvider() as fake:
        router = Router([fake.deployment(capabilities={"embedding": True})])
        instrument(router, tracer_provider=spans.provider)
        router.embed(["red"])
    attempt, _ = spans.all
    assert attempt.attributes["gen_ai.operation.name"] == "embeddings"
    assert attempt.attributes["openinference.span.kind"] == "EMBEDDING"
    assert attempt.attributes["gen_ai.usage.input_tokens"] > 0


@pytest.mark.parametrize("call", CALLS)
def test_it_stands_below_the_span_that_is_current(fleet: FakeFleet, spans: Spans, call: str) -> None:
    router = Router(config(fleet))
    instrument(router, tracer_provider=spans.provider)
    with spans.provider.get_tracer("app").start_as_current_span("request"):
        CALLS[call](router)
    assert spans.tree == [("request", ["waypost auto"])]


def test_it_can_be_ended_in_any_order(fleet: FakeFleet, spans: Spans) -> None:
    router, tally = Router(config(fleet)), Tally()
    end = instrument(router, tracer_provider=spans.provider)
    end_counting = watched(router, tally)
    router.chat("Hi")
    end()
    router.chat("Hi")
    end()  # Ending twice is once.
    end_counting()
    router.chat("Hi")
    assert (len(spans.tree), tally.calls) == (1, 2)


def test_deployments_that_came_later_have_their_names(fleet: FakeFleet, spans: Spans) -> None:
    router = Router(config(fleet))
    instrument(router, tracer_provider=spans.provider)
    router.chat("Hi")
    router.reload({"deployments": {"new": fleet["anthropic"].deployment()}})
    router.chat("Hi")
    assert [span.attributes.get("gen_ai.provider.name") for span in spans.all if span.kind == SpanKind.CLIENT] == [
        "openai",
        "anthropic",
    ]


def test_trouble_with_spans_is_no_trouble_of_the_call(fleet: FakeFleet, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            return None

    router = Router(config(fleet))
    instrument(router, tracer_provider=Broken())
    assert router.chat("Hi").text
    assert "a call has no span: AttributeError" in caplog.text
