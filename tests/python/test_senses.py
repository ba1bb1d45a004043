"""Signals of one's own: functions, and classifiers behind a URL."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from waypost import ConfigError, Router, UnknownModelError
from waypost.testing import FakeProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULES = [{"name": "vips", "when": "vip", "require": ["b"]}]


@pytest.fixture
def providers() -> Iterator[dict[str, Any]]:
    """Two providers, `a` and `b`."""
    with FakeProvider(reply="From a.") as a, FakeProvider(reply="From b.") as b:
        yield {"deployments": {"a": a.deployment(), "b": b.deployment()}}


async def _vip(request: dict[str, Any]) -> bool:
    await asyncio.sleep(0.01)
    return bool(request["metadata"].get("plan") == "gold")


class _Vip:
    def __call__(self, request: dict[str, Any]) -> bool:
        return bool(request["metadata"].get("plan") == "gold")


@pytest.mark.parametrize("vip", [_Vip(), _vip, lambda request: request["metadata"].get("plan") == "gold"])
def test_a_function_is_a_variable_of_rules(providers: dict[str, Any], vip: Callable[..., Any]) -> None:
    with Router({**providers, "rules": RULES}, signals={"vip": vip}) as router:
        assert router.route("Hi").chosen == "a"
        decision = router.route("Hi", metadata={"plan": "gold"})
        assert (decision.chosen, decision.signals["vip"]) == ("b", True)
        assert router.chat("Hi", metadata={"plan": "gold"}).text == "From b."
        assert router.stream("Hi", metadata={"plan": "gold"}).text == "From b."
        assert router.signals("Hi", metadata={"plan": "gold"})["vip"] is True

        async def three() -> list[str]:
            reply = await router.achat("Hi", metadata={"plan": "gold"})
            stream = router.astream("Hi", metadata={"plan": "gold"})
            return [reply.text, "".join([chunk.text async for chunk in stream])]

        assert asyncio.run(three()) == ["From b.", "From b."]


def test_what_a_function_sees(providers: dict[str, Any]) -> None:
    seen: list[dict[str, Any]] = []
    config = {
        **providers,
        "signals": {"n": lambda request: seen.append(request) or 1},
        "rules": [{"when": "n > 0", "tag": ["x"]}],
    }
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    decision = Router(config).route(messages, tags=["t"], user="u", session="s", temperature=0.5)
    assert [rule.name for rule in decision.rules] == ["rules[0]"]
    [request] = seen
    assert request["messages"] == messages
    some = {
        key: request[key] for key in ("text", "tags", "metadata", "user", "session", "model", "temperature", "kind")
    }
    assert some == {
        "text": "Hi", "tags": ["t"], "metadata": {}, "user": "u", "session": "s", "model": "auto", "temperature": 0.5, "kind": "chat",
    }  # fmt: skip


def _sleeps(_: Any) -> bool:
    time.sleep(0.3)
    return False


async def _sleeps_async(_: Any) -> bool:
    await asyncio.sleep(30)
    return False


def _raises(request: dict[str, Any]) -> bool:
    raise KeyError(request["text"])


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (_sleeps, "it took longer than 0.05 s"),
        (_sleeps_async, "it took longer than 0.05 s"),
        (_raises, "it raised KeyError"),
        (lambda _: "CANARY", "it is not true or false"),
        (lambda _: ["CANARY"], "it is not a number, a text, true or false, or a mapping"),
        (lambda _: None, "it abstained"),
    ],
)
def test_one_that_fails_is_absent_and_closes(providers: dict[str, Any], function: Any, why: str) -> None:
    signals = {"vip": {"function": function, "timeout": "50ms", "type": "bool"}}
    with Router({**providers, "rules": RULES}, signals=signals) as router:
        for decision in (router.route("CANARY"), router.chat("CANARY").decision):
            assert decision.chosen == "b"
            assert "vip" not in decision.signals
            assert decision.rules[0].error.startswith(f"`vip` was not computed: {why.partition(' took')[0]}")
            assert "CANARY" not in json.dumps(decision.to_dict())


def test_a_function_that_hangs_does_not_pile_up_threads(providers: dict[str, Any]) -> None:
    hold = threading.Event()
    signals = {"vip": {"function": lambda _: hold.wait(30), "timeout": "1ms"}}
    with Router({**providers, "rules": RULES}, signals=signals) as router:
        errors = [router.route("Hi").rules[0].error for _ in range(70)]
        hold.set()
    assert errors[0] == "`vip` was not computed: it took longer than 0.001 s"
    assert errors[-1] == "`vip` was not computed: 64 calls of it are under way"


def test_what_nothing_reads_is_not_called(providers: dict[str, Any]) -> None:
    called: list[str] = []
    router = Router(providers, signals={"vip": lambda request: called.append(request["text"])})
    router.route("Hi")
    router.chat("Hi")
    assert not called
    # A strategy of one's own is given all signals.
    seen: list[dict[str, Any]] = []

    def strategy(candidates: Any, signals: Any) -> list[str]:
        seen.append(signals)
        return [candidate["deployment"] for candidate in candidates]

    Router(providers, strategy=strategy, signals={"vip": lambda _: 7}).stream("Hi").close()
    assert not seen or seen[0]["vip"] == 7
    assert Router(providers, strategy=strategy, signals={"vip": lambda _: 7}).route("Hi").chosen == "a"
    assert seen[-1]["vip"] == 7


def test_names_are_checked_when_loaded(providers: dict[str, Any], tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="there is no variable `vipp`") as caught:
        Router({**providers, "rules": [{"when": "vipp", "tag": ["x"]}]}, signals={"vip": lambda _: True})
    assert caught.value.hint == "did you mean `vip`?"
    with pytest.raises(ConfigError, match="`tokens` cannot be the name of a signal"):
        Router(providers, signals={"tokens": lambda _: 1})
    # A file declares what a program hands in.
    path = tmp_path / "waypost.json"
    path.write_text(
        json.dumps(
            {
                "deployments": ["ollama/x"],
                "rules": [{"when": "vip", "tag": ["x"]}],
                "signals": {"vip": {"type": "bool"}},
            }
        )
    )
    with pytest.raises(ConfigError, match="no function was given for the signal `vip`") as caught:
        Router.from_file(path)
    assert caught.value.path == "signals.vip"
    decision = Router.from_file(path, signals={"vip": lambda _: True}).route("Hi")
    assert decision.rules[0].error is None
    # It is kept over a reload.
    router = Router.from_file(path, signals={"vip": lambda _: True})
    router.reload(str(path))
    assert router.route("Hi").rules[0].error is None


def test_an_unknown_model_is_told_at_once(providers: dict[str, Any]) -> None:
    router = Router({**providers, "rules": RULES}, signals={"vip": lambda _: True})
    for ask in (router.stream, router.chat, router.route):
        with pytest.raises(UnknownModelError):
            ask("Hi", model="nobody")


@pytest.fixture
def classifier() -> Iterator[tuple[str, list[Any]]]:
    """A classifier that says how long a text is, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.headers["authorization"], body))
            answer = json.dumps({"label": "long" if len(body["text"]) > 9 else "short", "score": 0.9}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/classify", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_classifier_behind_a_url(providers: dict[str, Any], classifier: tuple[str, list[Any]]) -> None:
    url, asked = classifier
    signals = {"bulk": {"url": url, "api_key": "k", "fields": {"label": "string", "score": "number"}, "timeout": "5s"}}
    rules = [
        {"name": "long", "when": "bulk.label == 'long' && bulk.score > 0.5", "prefer": ["b"]},
        {"name": "home", "when": "sensitive.personal", "require": ["b"]},
    ]
    with Router({**providers, "rules": rules, "signals": signals}) as router:
        assert router.chat("a short").text == "From a."
        assert router.chat("a longer text").text == "From b."
        assert router.chat("a longer text").text == "From b."
        assert asked == [("Bearer k", {"text": "a short"}), ("Bearer k", {"text": "a longer text"})]
        decision = router.chat("write to anna.berg@example.com").decision
        assert len(asked) == 2
        assert "rule `home` does not let this request reach it" in next(
            r.error for r in decision.rules if r.name == "long"
        )
        # A decision alone has no network, but knows what was said.
        assert router.route("a longer text").chosen == "b"
        assert "has no network" in (router.route("something else").rules[0].error or "")
        assert len(asked) == 2
