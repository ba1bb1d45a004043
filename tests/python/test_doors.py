"""Every door through which sensitive text could leave: real servers on loopback write down whatever arrives.

`home` may have the text, `away` may not, whatever breaks, wherever in a request it stands, and however it is asked for. What the package
itself says (logs, records, spans, errors, pages, recordings, commands) repeats none of it.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import waypost
from calling import DIALECTS, FORMS, call
from waypost import BlockedError, NoCandidatesError, Router, WaypostError, audit
from waypost.testing import FakeProvider, Replay, Step
from waypost.testing.snapshot import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIL = "jonas.quarkstone@firma-nord.se"
TEXT = f"Write to {MAIL} about the delivery"
CANARY = "quarkstone"
RULE = {"name": "sensitive stays home", "when": "sensitive.any", "require": {"tags": ["private"]}}
FAST = {
    "timeouts": {"first_byte": "0.3s", "first_token": "0.3s", "stall": "0.2s", "response": "0.4s", "total": "1.5s"},
    "retry": {"attempts": 3, "per_deployment": 2, "backoff": "1ms"},
}
ABLE = {"vision": True, "files": True, "audio": True, "tools": True, "prefill": True, "json_schema": True}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def part(kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [user([{"type": "text", "text": "See this"}, {"type": kind, **fields}])]


def called(arguments: str = "{}", name: str = "look", result: str = "done", ident: str = "c1") -> list[dict[str, Any]]:
    function = {"name": name, "arguments": arguments}
    asks = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": ident, "type": "function", "function": function}],
    }
    return [user("Look it up"), asks, {"role": "tool", "tool_call_id": ident, "content": result}]


def offered(**fields: Any) -> dict[str, Any]:
    function = {"name": "look", "parameters": {"type": "object", "properties": {}}, **fields}
    return {"tools": [{"type": "function", "function": function}]}


def shaped(schema: dict[str, Any], name: str = "answer") -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}}


# Where the text stands: the messages, and further arguments.
PLACES: dict[str, tuple[Any, dict[str, Any]]] = {
    "prompt": (TEXT, {}),
    "system": ([{"role": "system", "content": TEXT}, user("Hi")], {}),
    "developer": ([{"role": "developer", "content": TEXT}, user("Hi")], {}),
    "earlier turn": ([user(TEXT), {"role": "assistant", "content": "I see"}, user("Go on")], {}),
    "the model's turn": ([user("Hi"), {"role": "assistant", "content": TEXT}, user("Go on")], {}),
    "a speaker's name": ([{"role": "user", "name": MAIL, "content": "Hi"}], {}),
    "an unknown key": ([{"role": "user", "content": "Hi", "note": TEXT}], {}),
    "reasoning": ([user("Hi"), {"role": "assistant", "content": "Yes", "reasoning_content": TEXT}, user("Go on")], {}),
    "text parts": ([user([{"type": "text", "text": "Hi"}, {"type": "text", "text": TEXT}])], {}),
    "over two parts": ([user([{"type": "text", "text": TEXT[:19]}, {"type": "text", "text": TEXT[19:]}])], {}),
    "tool arguments": (called(json.dumps({"to": MAIL})), {}),
    "tool arguments in JSON in JSON": (called(json.dumps({"q": json.dumps({"to": MAIL})})), {}),
    "tool arguments, escaped": (called('{"to": "' + "".join(f"\\u{ord(sign):04x}" for sign in MAIL) + '"}'), {}),
    "tool arguments, a key": (called(json.dumps({MAIL: 1})), {}),
    "broken tool arguments": (called('{"to": "' + MAIL), {}),
    "tool result": (called(result=TEXT), {}),
    "tool call id": ([*called(ident=MAIL), user("Go on")], {}),
    "tool name": (called(name=MAIL), {}),
    "tool description": ("Hi", offered(description=TEXT)),
    "tool parameters": ("Hi", offered(parameters={"type": "object", "properties": {"a": {"enum": [MAIL]}}})),
    "tool of the provider's": ("Hi", {"tools": [{"type": "web_search", "user_location": TEXT}]}),
    "tool choice": ("Hi", {**offered(), "tool_choice": {"type": "function", "function": {"name": MAIL}}}),
    "schema": ("Hi", shaped({"type": "object", "description": TEXT})),
    "schema's name": ("Hi", shaped({"type": "object"}, MAIL)),
    "stop": ("Hi", {"stop": [MAIL]}),
    "user": ("Hi", {"user": MAIL}),
    "reasoning effort": ("Hi", {"reasoning_effort": MAIL}),
    "extra body": ("Hi", {"extra_body": {"deep": [{"er": TEXT}]}}),
    "metadata": ("Hi", {"metadata": {"note": TEXT}}),
    "a key of metadata": ("Hi", {"metadata": {MAIL: {"deep": 1}}}),
    "text file": (part("file", file={"filename": "a.txt", "file_data": f"data:text/plain;base64,{encoded(TEXT)}"}), {}),
    "bare file": (part("file", file={"filename": "a.txt", "file_data": encoded(TEXT)}), {}),
    "file's name": (part("file", file={"filename": MAIL, "file_data": encoded("Hi there")}), {}),
    "image's address": (part("image_url", image_url={"url": f"https://x.example/?to={MAIL}"}), {}),
    "image's address, encoded": (part("image_url", image_url={"url": f"https://x.example/?to={quote(MAIL)}"}), {}),
    "image of text": (
        part("image_url", image_url={"url": f"data:image/svg+xml;base64,{encoded(f'<svg>{TEXT}</svg>')}"}),
        {},
    ),
    "image in the clear": (part("image_url", image_url={"url": f"data:image/svg+xml,<svg>{TEXT}</svg>"}), {}),
    "image's detail": (part("image_url", image_url={"url": "https://x.example/a.png", "detail": MAIL}), {}),
    "recording of text": (part("input_audio", input_audio={"data": encoded(TEXT), "format": "wav"}), {}),
    "base64": (f"Decode {encoded(TEXT)}", {}),
    "percent": (f"Open https://x.example/?q={MAIL.replace('@', '%40')}", {}),
    "full width": (TEXT.replace("@", "\N{FULLWIDTH COMMERCIAL AT}"), {}),
    "zero width": (TEXT.replace("@", "\u200b@\u200b"), {}),
}


def world(home: FakeProvider, away: FakeProvider, *, rule: Any = RULE, **top: Any) -> dict[str, Any]:
    """Return a configuration in which `away` is the first choice and the last, and `home` stands between them."""
    deployments = {
        "first": away.deployment(capabilities=ABLE),
        "home": home.deployment(capabilities=ABLE, tags=["private"]),
        "last": away.deployment(capabilities=ABLE),
    }
    route = {"candidates": ["first", "home"], "fallback": ["last"], "strategy": "priority", **top.pop("route", {})}
    return {
        "deployments": deployments,
        "routes": {"auto": route, "other": {"candidates": ["last", "first", "home"], "strategy": "priority"}},
        "rules": [rule],
        "resilience": {**FAST, **top.pop("resilience", {})},
        **top,
    }


def arrived(at: FakeProvider) -> str:
    """Return all that came to a server, in small letters: path, headers and body, escapes and base64 undone."""
    texts = []
    for request in at.requests:
        raw = request.raw.decode("utf-8", "replace")
        texts += [request.path, str(request.headers), raw, raw.encode().decode("unicode_escape", "replace")]
    return "\n".join(texts).lower()


def assert_kept(away: FakeProvider) -> None:
    seen = arrived(away)
    for sign in (CANARY, encoded(TEXT)[:24].lower(), encoded(TEXT)[8:28].lower()):
        assert sign not in seen


@pytest.fixture
def home() -> Iterator[FakeProvider]:
    with FakeProvider("openai", "At home.") as fake:
        yield fake


@pytest.fixture
def away() -> Iterator[FakeProvider]:
    with FakeProvider("openai", "Away.") as fake:
        yield fake


@pytest.mark.parametrize("place", PLACES)
def test_wherever_it_stands_it_goes_home(place: str, home: FakeProvider, away: FakeProvider) -> None:
    messages, options = PLACES[place]
    with Router(world(home, away)) as router:
        decision = router.route(messages, **options)
        assert decision.chosen == "home"
        assert {one.deployment for one in decision.candidates if not one.accepted} == {"first", "last"}
        for model in ("auto", "other", "home"):
            assert router.chat(messages, model=model, **options).deployment == "home"
        for model in ("first", "last"):
            with pytest.raises(NoCandidatesError):
                router.chat(messages, model=model, **options)
    assert away.count == 0
    assert home.count == 3


BREAKS: dict[str, Any] = {
    "500": 500,
    "503": 503,
    "429": 429,
    "401": 401,
    "404": 404,
    "400": 400,
    "quota": "quota",
    "content filter": "content_filter",
    "context length": "context_length",
    "reset": "reset",
    "garbage": "garbage",
    "html": "html",
    "hang": "hang",
    "cut": Step(cut_after=3),
    "stall": Step(stall_after=3),
    "error event": Step(error_event_at=3),
}


@pytest.mark.parametrize(
    ("form", "how"), [("chat", "continue"), ("achat", "restart"), ("stream", "continue"), ("astream", "restart")]
)
@pytest.mark.parametrize("broken", BREAKS)
def test_whatever_breaks_it_stays_home(
    broken: str, form: str, how: str, home: FakeProvider, away: FakeProvider
) -> None:
    home.script(BREAKS[broken], forever=True)
    config = world(
        home,
        away,
        route={"on_stream_failure": how},
        resilience={"hedge": {"after": "10ms", "max_extra": 1.0}, "on_all_unavailable": "probe_best"},
    )
    with Router(config) as router:
        # Two copies of harmless calls show that the way to the others is open.
        assert call(router, form, "Why is the sky blue?").deployment == "first"
        error = None
        for _ in range(2):
            try:
                call(router, form, TEXT)
            except WaypostError as caught:
                error = caught
        attempts = [] if error is None else error.decision.attempts
        assert {attempt.deployment for attempt in attempts} <= {"home"}
    assert away.count == 1
    assert_kept(away)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_slow_home_is_not_hurried_by_a_stranger(dialect: str, away: FakeProvider) -> None:
    with FakeProvider(dialect, "At last.", latency=0.05) as slow:
        config = world(slow, away, resilience={"hedge": {"after": "5ms", "max_extra": 1.0}})
        with Router(config) as router:
            for form in FORMS:
                assert call(router, form, TEXT).deployment == "home"
    assert away.count == 0


def test_one_of_a_batch_and_one_of_the_texts_to_embed(home: FakeProvider, away: FakeProvider) -> None:
    embeds: dict[str, Any] = {"capabilities": {"embedding": True}}
    vectors = {
        "deployments": {"first": away.deployment(**embeds), "home": home.deployment(**embeds, tags=["private"])},
        "routes": {"auto": {"candidates": ["first", "home"]}},
        "rules": [RULE],
        "resilience": FAST,
    }
    with Router(world(home, away)) as router:
        replies = router.batch([f"Translate {n}" if n % 5 else TEXT for n in range(20)], concurrency=8)
        assert [reply.deployment for reply in replies] == ["first" if n % 5 else "home" for n in range(20)]
        home.script(503, forever=True)
        failed = router.batch(["Hi", TEXT], return_errors=True)
        assert isinstance(failed[1], WaypostError)
    home.reset()
    with Router(vectors) as router:
        assert router.embed(["one", TEXT, "two"]).deployment == "home"
        assert router.embed(["one"], user=MAIL).deployment == "home"
        home.script(503, forever=True)
        with pytest.raises(WaypostError):
            router.embed(["one", TEXT])
        assert router.embed(["one"]).deployment == "first"
    assert_kept(away)


def test_a_redirect_is_not_followed(home: FakeProvider, away: FakeProvider) -> None:
    sink = Sink(307, away.origin + "/v1/chat/completions")
    config = world(home, away)
    config["deployments"]["home"]["base_url"] = sink.address
    with Router(config) as router, pytest.raises(WaypostError):
        router.chat(TEXT)
    assert sink.got
    assert away.count == 0


def test_a_proxy_of_the_environment_gets_nothing(home: FakeProvider, away: FakeProvider, monkeypatch: Any) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, away.origin)
    with Router(world(home, away)) as router:
        assert router.chat(TEXT).deployment == "home"
    assert away.count == 0


@pytest.mark.parametrize("place", [place for place in PLACES if "metadata" not in place])
def test_what_is_masked_goes_nowhere_at_all(place: str, away: FakeProvider) -> None:
    masks = {"name": "masked", "when": "sensitive.any", "redact": True}
    messages, options = PLACES[place]
    with Router(world(away, away, rule=masks)) as router:
        # What cannot be replaced where it stands is not sent.
        try:
            router.chat(messages, **options)
        except BlockedError as error:
            assert error.rule == "masked"
    assert_kept(away)


def test_a_reload_frees_nobody(home: FakeProvider, away: FakeProvider) -> None:
    home.script(Step(interval=0.02, cut_after=5), forever=True)
    loose = {"name": "nothing", "when": "tokens > 100000", "block": "too long"}
    with Router(world(home, away)) as router:
        stream = router.stream(TEXT)
        next(stream)
        router.reload(world(home, away, rule=loose))
        with suppress(WaypostError):
            list(stream)
        assert router.chat("Hi").deployment == "first"
    assert_kept(away)


class Sink(ThreadingHTTPServer):
    """A server that keeps what it is sent: a collector, or one that sends callers elsewhere."""

    def __init__(self, status: int = 200, location: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.status, self.location = status, location
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.got: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Taker(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        self.server.got.append(str(self.headers).encode() + self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("location", self.server.location)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def words_of(error: BaseException) -> Iterator[str]:
    """Everything that an error may show without being asked for its body."""
    yield from (str(error), repr(error), "".join(traceback.format_exception(error)))
    yield pickle.dumps(error).decode("latin-1")
    yield repr(copy.copy(error))
    decision = getattr(error, "decision", None)
    if decision is not None:
        yield from words_of_decision(decision)


def words_of_decision(decision: Any) -> Iterator[str]:
    yield from (str(decision), repr(decision), decision.explain(), decision.to_json(), decision._repr_html_())
    yield json.dumps(decision.to_dict())
    yield pickle.dumps(decision).decode("latin-1")


def assert_silent(texts: Any) -> None:
    for text in texts:
        assert CANARY not in text.lower(), text[:2_000]


# Of these places the decision itself speaks: what the caller says about a call is not what is asked.
TOLD = ("user", "metadata", "a key of metadata")
QUIET = [place for place in PLACES if place not in TOLD]


@pytest.mark.parametrize("place", QUIET)
def test_nothing_that_is_said_about_a_call_repeats_it(
    place: str, home: FakeProvider, away: FakeProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    messages, options = PLACES[place]
    collector = Sink()
    log = tmp_path / "log.db"
    config = world(home, away, telemetry={"log": str(log), "otlp": collector.address})
    with Router(config) as router:
        reply = router.chat(messages, **options)
        stream = router.stream(messages, **options)
        list(stream)
        assert_silent(words_of_decision(reply.decision))
        assert_silent([repr(reply), repr(stream), reply._repr_html_(), pickle.dumps(reply).decode("latin-1")])
        assert_silent([json.dumps(router.signals(messages, **options))])
        echo = f"'{TEXT}' is not allowed here: {MAIL}"
        for step in (Step(400, message=echo), Step(500, message=echo), Step("context_length", message=echo), "hang"):
            home.script(step, forever=True)
            with pytest.raises(WaypostError) as caught:
                router.chat(messages, **options, timeout=0.15)
            assert_silent(words_of(caught.value))
        home.script(Step(error_event_at=2, message=echo), forever=True)
        with pytest.raises(WaypostError) as broke:
            list(router.stream(messages, **options))
        assert_silent(words_of(broke.value))
        assert_silent([router.metrics(), str(router.deployments), repr(router)])
    assert_silent(file.read_bytes().decode("latin-1") for file in tmp_path.iterdir())
    assert log.stat().st_size > 0
    assert_silent(got.decode("latin-1") for got in collector.got)
    assert collector.got
    assert_silent([caplog.text, *capfd.readouterr()])


def test_a_malformed_request_is_not_quoted(home: FakeProvider, away: FakeProvider) -> None:
    wrong: list[tuple[Any, dict[str, Any]]] = [
        ([{"role": TEXT, "content": "Hi"}], {}),
        ([{"role": "user", "content": {"text": TEXT}}], {}),
        ([{"role": "user", "content": [{"type": TEXT}]}], {}),
        ([{"role": "user", "content": [{"type": "text", "texts": TEXT}]}], {}),
        ([user("Hi"), TEXT], {}),
        ("Hi", {"tools": [{"type": "function", "function": TEXT}]}),
        ("Hi", {"tool_choice": TEXT}),
        ("Hi", {"response_format": {"type": "json_schema", "json_schema": TEXT}}),
        ("Hi", {"response_format": TEXT}),
        ("Hi", {"temperature": TEXT}),
        ("Hi", {"max_tokens": TEXT}),
        ("Hi", {"stop": [{"a": TEXT}]}),
        ("Hi", {"extra_body": TEXT}),
        ("Hi", {"metadata": {"a": {TEXT}}}),
        ("Hi", {"timeout": TEXT}),
    ]
    with Router(world(home, away)) as router:
        for messages, options in wrong:
            with suppress(WaypostError, TypeError, ValueError) as _:
                try:
                    router.chat(messages, **options)
                except Exception as error:
                    assert_silent([str(error), repr(error), pickle.dumps(error).decode("latin-1")])
                    raise
    assert_kept(away)


def test_what_a_caller_says_of_itself_reaches_a_log_only_where_that_is_wanted(
    home: FakeProvider, away: FakeProvider, tmp_path: Path
) -> None:
    collector = Sink()
    config = world(home, away, telemetry={"log": str(tmp_path / "log.db"), "otlp": collector.address})
    with Router(config) as router:
        assert router.chat("Hi", metadata={"note": TEXT, MAIL: 1}).deployment == "home"
    assert collector.got
    assert_silent(got.decode("latin-1") for got in collector.got)
    assert_silent(file.read_bytes().decode("latin-1") for file in tmp_path.iterdir())


def test_spans_of_the_sdk(home: FakeProvider, away: FakeProvider) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from waypost.otel import instrument

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with Router(world(home, away)) as router:
        instrument(router, tracer_provider=provider)
        for form in FORMS:
            call(router, form, TEXT)
        home.script(Step(400, message=f"{TEXT} is wrong"), forever=True)
        with pytest.raises(WaypostError):
            router.chat(TEXT)
    assert len(exporter.get_finished_spans()) > len(FORMS)
    assert_silent(span.to_json() for span in exporter.get_finished_spans())
    assert_kept(away)


def test_langchain_and_llamaindex(home: FakeProvider, away: FakeProvider, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("langchain_core", reason="LangChain is not installed")
    pytest.importorskip("llama_index.core", reason="LlamaIndex is not installed")
    from langchain_core.messages import HumanMessage, ToolMessage
    from llama_index.core.llms import ChatMessage
    from waypost.langchain import ChatWaypost
    from waypost.llamaindex import WaypostLLM

    caplog.set_level(logging.DEBUG, "waypost")
    with Router(world(home, away)) as router:
        chain, llama = ChatWaypost(router=router), WaypostLLM(router=router)
        asks = {"name": "look", "args": {"to": MAIL}, "id": "c1"}
        results = [
            chain.invoke(TEXT),
            chain.invoke([HumanMessage("Hi"), chain.invoke("Hello"), HumanMessage(TEXT)]),
            chain.invoke([HumanMessage([{"type": "text", "text": "Hi"}, {"type": "text", "text": TEXT}])]),
            chain.invoke(
                [
                    HumanMessage("Hi"),
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [
                            {
                                "id": "c1",
                                "type": "function",
                                "function": {"name": "look", "arguments": json.dumps(asks["args"])},
                            }
                        ],
                    },
                    ToolMessage("done", tool_call_id="c1"),
                ]
            ),
            chain.bind(stop=[MAIL]).invoke("Hi"),
            *chain.stream(TEXT),
            llama.complete(TEXT),
            llama.chat([ChatMessage(role="system", content=TEXT), ChatMessage(role="user", content="Hi")]),
            *llama.stream_chat([ChatMessage(role="user", content=TEXT)]),
        ]
        assert_silent(repr(result) for result in results)
        home.script(Step(500, message=TEXT), forever=True)
        for failing in (lambda: chain.invoke(TEXT), lambda: llama.complete(TEXT), lambda: list(chain.stream(TEXT))):
            with pytest.raises(WaypostError) as caught:
                failing()
            assert_silent([str(caught.value), repr(caught.value)])
    assert_silent([caplog.text])
    assert away.count == 1
    assert_kept(away)


def test_a_recording_goes_the_same_ways_and_holds_no_key(
    home: FakeProvider, away: FakeProvider, tmp_path: Path
) -> None:
    key = "sk-" + "Zx81kQv9LmT3bWc7RpYd2HnJs5UaEf4GoK6t"
    with Replay(tmp_path / "calls.json", "once") as replay, Router(replay.config(world(home, away))) as router:
        assert router.chat(f"{TEXT}, the key is {key}").deployment == "home"
        assert router.chat("Hi").deployment == "first"
    assert_kept(away)
    assert key not in (tmp_path / "calls.json").read_text()


def test_pages_of_replays_snapshots_and_simulations(home: FakeProvider, away: FakeProvider, tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    config = world(home, away, telemetry={"log": str(log)})
    with Router(config) as router:
        decision = router.chat([{"role": "system", "content": TEXT}, user(TEXT)]).decision
    again = waypost.replay(log, config)
    page = tmp_path / "page.html"
    again.report(page)
    assert_silent([page.read_text(), str(again), json.dumps(again.to_dict()), again._repr_html_()])
    assert_silent([render(decision), str(waypost.simulate(config, "outage", seed=1)), json.dumps(audit.reached(log))])
    assert_kept(away)


@pytest.mark.parametrize(
    "command", [["route"], ["route", "--json"], ["chat"], ["chat", "--explain"], ["chat", "--stream"]]
)
def test_commands(command: list[str], home: FakeProvider, away: FakeProvider, tmp_path: Path) -> None:
    file = tmp_path / "waypost.json"
    file.write_text(json.dumps(world(home, away)))
    environment = {**os.environ, "RUST_LOG": "trace", "PYTHONWARNINGS": "default"}
    for broken in (False, True):
        if broken:
            home.script(Step(500, message=f"{TEXT} is wrong"), forever=True)
        told = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "waypost", *command, "--config", str(file), TEXT],
            capture_output=True, text=True, check=False, env=environment, timeout=60,
        )  # fmt: skip
        assert_silent([told.stdout, told.stderr])
        assert (told.returncode == 0) == (not broken or command[0] == "route"), told.stderr
    assert away.count == 0


def test_own_intents_ask_nobody(home: FakeProvider, away: FakeProvider) -> None:
    refund = {"name": "refunds", "when": "intent == 'refund'", "route": "other"}
    config = world(home, away, intents={"refund": ["I want my money back", "cancel my order and refund me"]})
    config["rules"].append(refund)
    with Router(config) as router:
        assert router.chat(f"I want my money back, says {MAIL}").deployment == "home"
        assert router.chat("I want my money back, please").deployment == "last"
    assert away.count == 1
    assert_kept(away)
