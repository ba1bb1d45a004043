"""`[telemetry] otlp`: spans that a real collector's own code reads, posted over loopback, without any SDK in the process."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("opentelemetry.proto", reason="the protocol is not installed: pip install opentelemetry-proto")

import waypost
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from waypost import Router
from waypost.testing import FakeFleet, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Write to anna.berg@example.org"


class Collector(ThreadingHTTPServer):
    """A collector of OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for _, _, body in self.got]
        resources = [resource for request in requests for resource in request.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic") as fleet:
        yield fleet


def config(fleet: FakeFleet, otlp: Any) -> dict[str, Any]:
    made = fleet.config(telemetry={"otlp": otlp})
    made["deployments"]["anthropic"]["price"] = {"input": 1.0, "output": 5.0}
    return made


def said(span: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in span.attributes}


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    given = getattr(value, kind)
    return tuple(plain(item) for item in given.values) if kind == "array_value" else given


CALLS = {
    "chat": lambda router, **more: router.chat(PROMPT, **more),
    "stream": lambda router, **more: list(router.stream(PROMPT, **more)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_collector_gets_a_span_a_call_and_one_an_attempt(fleet: FakeFleet, collector: Collector, call: str) -> None:
    fleet.script("openai", 503)
    headers = {"Authorization": "Basic c2VjcmV0"}
    otlp = {"endpoint": collector.address, "service": "shop", "headers": headers}
    with Router(config(fleet, otlp)) as router:
        CALLS[call](router)
    [(path, sent, body)] = collector.got
    assert (path, sent["content-type"], sent["authorization"]) == (
        "/v1/traces", "application/x-protobuf", "Basic c2VjcmV0",
    )  # fmt: skip
    resource = ExportTraceServiceRequest.FromString(body).resource_spans[0].resource
    assert said(resource)["service.name"] == "shop"
    whole, failed, answered = collector.spans
    assert whole.name == "waypost auto"
    assert failed.parent_span_id == answered.parent_span_id == whole.span_id
    assert {span.trace_id for span in collector.spans} == {whole.trace_id}
    assert said(whole)["waypost.decision.id"] == f"wp-{whole.trace_id.hex()}"
    assert (failed.status.code, said(failed)["error.type"]) == (2, "503")
    facts = said(answered)
    assert (facts["gen_ai.provider.name"], facts["gen_ai.operation.name"]) == ("anthropic", "chat")
    assert facts["gen_ai.usage.input_tokens"] > 0
    assert facts["gen_ai.usage.cost"] > 0
    assert abs(whole.start_time_unix_nano - time.time_ns()) < 60 * 10**9
    assert whole.start_time_unix_nano <= failed.start_time_unix_nano <= answered.start_time_unix_nano
    assert answered.end_time_unix_nano <= whole.end_time_unix_nano + 10**6
    assert not any(secret in body for secret in (b"anna", b"Write", b"example.org", b"sk-", b"c2VjcmV0"))


def test_the_spans_say_what_those_of_the_sdk_say(fleet: FakeFleet, collector: Collector) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from waypost.otel import instrument

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    fleet.script("openai", 429)
    with Router(config(fleet, collector.address)) as router:
        instrument(router, tracer_provider=provider)
        router.chat(PROMPT)
    theirs = {span.name: dict(span.attributes) for span in exporter.get_finished_spans()}
    ours = {span.name: said(span) for span in collector.spans}
    assert ours["waypost auto"].pop("waypost.strategy") == "priority"
    # What an attempt's failure says in a provider's words stays here; nothing of it is in the sentence of an answer.
    assert ours == theirs


def test_a_call_stands_below_the_span_that_its_metadata_names(fleet: FakeFleet, collector: Collector) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with Router(config(fleet, collector.address)) as router:
        router.chat(PROMPT, metadata={"traceparent": f"00-{trace}-{span}-01"})
        router.chat(PROMPT, metadata={"traceparent": f"00-{trace}-{span}-00"})  # Not recorded: nor here.
    whole, attempt = collector.spans
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (trace, span)
    assert attempt.parent_span_id == whole.span_id


def test_failures_refusals_and_embeddings(fleet: FakeFleet, collector: Collector) -> None:
    made = config(fleet, collector.address)
    made["rules"] = [{"name": "no exports", "when": "'export' in tags", "block": "not without an approval"}]
    fleet.script("openai", Step(400, message=f"cannot read: {PROMPT}"))
    with Router(made) as router:
        with pytest.raises(waypost.InvalidRequestError):
            router.chat(PROMPT)
        with pytest.raises(waypost.BlockedError):
            router.chat(PROMPT, tags=["export"])
    failed, _, refused = collector.spans
    assert (failed.status.code, said(failed)["error.type"]) == (2, "invalid_request")
    assert (said(refused)["error.type"], said(refused)["waypost.rules"]) == ("blocked", ("no exports",))
    assert said(refused)["waypost.attempts"] == 0
    assert not any(b"anna" in body for _, _, body in collector.got)


def test_a_collector_that_is_away_costs_a_call_nothing(fleet: FakeFleet) -> None:
    with Router(config(fleet, "http://127.0.0.1:1")) as router:
        router.chat(PROMPT)
        begun = time.perf_counter()
        router.close()
        assert time.perf_counter() - begun < 2.5
        assert "waypost_otlp_dropped_total 1" in router.metrics()


def test_a_collector_that_refuses_is_told_of_in_the_metrics(fleet: FakeFleet, collector: Collector) -> None:
    collector.status = 401
    with Router(config(fleet, collector.address)) as router:
        router.chat(PROMPT)
    assert "waypost_otlp_dropped_total 1" in router.metrics()
    assert router.warnings == ["telemetry.otlp: the spans of 1 calls were dropped: the collector answered 401"]
    assert len(collector.got) == 1


def test_a_reload_sends_what_waits_and_goes_on_elsewhere(fleet: FakeFleet, collector: Collector) -> None:
    second = Collector()
    with Router(config(fleet, collector.address)) as router:
        router.chat(PROMPT)
        router.reload(config(fleet, second.address))
        router.chat(PROMPT)
    del router
    gc.collect()
    until = time.monotonic() + 10
    while not collector.got and time.monotonic() < until:
        time.sleep(0.01)
    second.shutdown()
    second.server_close()
    assert (len(collector.spans), len(second.spans)) == (2, 2)


SCRIPT = """
import os, sys
from waypost import Router
router = Router({"deployments": {"a": {"model": "openai/gpt-5-mini", "base_url": sys.argv[1], "api_key": "k"}},
                 "telemetry": {"otlp": sys.argv[2]}})
router.chat("Hello")
if "fork" in sys.argv:
    child = os.fork()
    router.chat("Hello")
    if not child:
        router.close()
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize(("mode", "calls"), [("plain", 1), pytest.param("fork", 3, marks=pytest.mark.skipif(
    not hasattr(__import__("os"), "fork"), reason="there is no fork here"))])  # fmt: skip
def test_the_end_of_a_process_sends_what_waits(fleet: FakeFleet, collector: Collector, mode: str, calls: int) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, fleet["openai"].base_url, collector.address, mode]
    subprocess.run(command, check=True, timeout=60)
    assert len([span for span in collector.spans if span.name == "waypost auto"]) == calls
