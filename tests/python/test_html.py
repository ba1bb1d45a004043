"""What a notebook shows: never empty, never a way in for what comes from outside."""

from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from waypost import NoCandidatesError, Router, ServerError, WaypostError, prove
from waypost.testing import FakeFleet, FakeProvider, Reply, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "<script>alert(1)</script>"
VOID = {"br", "hr", "img", "input", "meta", "link"}


class _Audit(HTMLParser):
    """Collect tags and see whether they are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def audit(html: str) -> _Audit:
    """Assert that the page is sound, self-contained and harmless."""
    found = _Audit(html)
    assert found.open == []
    assert not {"script", "img", "iframe", "link", "object", "a", "form"} & set(found.tags)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in found.attributes)
    assert not re.search(r"https?://|url\(|@import", html.replace("&", " "))
    assert len(re.sub(r"<style>.*?</style>|<[^>]+>|\s", "", html, flags=re.DOTALL)) > 10, "nothing is shown"
    return found


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic") as fleet:
        fleet.add(HOSTILE, FakeProvider("openai", f"{HOSTILE} & <b>bold</b>", model="<i>m</i>"))
        yield fleet


@pytest.fixture
def router(fleet: FakeFleet) -> Iterator[Router]:
    rules = [{"name": f"rule {HOSTILE}", "when": "'x' in tags", "prefer": [HOSTILE]}]
    with Router(fleet.config(rules=rules, resilience={"retry": {"per_deployment": 1}})) as router:
        yield router


def test_a_deployment_named_like_a_script_is_text(router: Router) -> None:
    reply = router.chat("Hello", tags=["x"])
    assert reply.deployment == HOSTILE
    for shown in (reply, reply.decision, router):
        html = shown._repr_html_()
        audit(html)
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_an_answer_is_shown_as_text(router: Router) -> None:
    html = router.chat("Hello", model=HOSTILE)._repr_html_()
    audit(html)
    assert "&lt;b&gt;bold&lt;/b&gt;" in html


def test_a_decision_shows_attempts_errors_and_reasons(router: Router, fleet: FakeFleet) -> None:
    fleet.script("openai", Step(503, message=f"broken {HOSTILE}"))
    router.disable(HOSTILE)
    html = router.chat("Hello").decision._repr_html_()
    audit(html)
    for text in ("✗ openai", "✓ anthropic", "overloaded", "disabled", "decided in", "unpriced"):
        assert text in html


def test_route_alone_has_candidates_and_no_attempts(router: Router) -> None:
    html = router.route("Hello")._repr_html_()
    audit(html)
    assert 'wp-bars"' not in html


def test_a_stream_shows_its_first_token(router: Router) -> None:
    stream = router.stream("Hello")
    list(stream)
    assert stream.response is not None
    html = stream.response.decision._repr_html_()
    audit(html)
    assert "first token" in html


def test_tool_calls_are_shown_escaped(fleet: FakeFleet, router: Router) -> None:
    fleet["openai"].reply = Reply("", tool_calls=[{"name": "weather", "arguments": {"city": HOSTILE}}])
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    html = router.chat("Hello", tools=[tool])._repr_html_()
    audit(html)
    assert "weather(" in html


def test_a_very_long_answer_is_cut(fleet: FakeFleet, router: Router) -> None:
    fleet["openai"].reply = "word " * 20_000
    html = router.chat("Hello")._repr_html_()
    audit(html)
    assert len(html) < 60_000
    assert "characters more" in html


def test_cost_and_saving_are_in_dollars(fleet: FakeFleet) -> None:
    config = fleet.config("openai", "anthropic", strategy="cheapest")
    config["deployments"]["openai"]["price"] = {"input": 1.0, "output": 2.0}
    config["deployments"]["anthropic"]["price"] = {"input": 10.0, "output": 20.0}
    html = Router(config).chat("Hello")._repr_html_()
    audit(html)
    assert re.search(r"saved \$0\.\d+", html)


def test_embeddings_are_shown_by_their_size(fleet: FakeFleet) -> None:
    router = Router([fleet["openai"].deployment(capabilities={"embedding": True})])
    html = router.embed(["a", "b"], dimensions=4)._repr_html_()
    audit(html)
    assert "2 vectors of 4 dimensions" in html


def test_errors_show_their_class_and_decision(router: Router, fleet: FakeFleet) -> None:
    fleet.script("openai", 500, forever=True)
    with pytest.raises(ServerError) as failed:
        router.chat("Hello", model="openai")
    with pytest.raises(NoCandidatesError) as refused:
        router.chat("Hello", max_cost=1e-9)
    for caught, text in ((failed, "ServerError"), (refused, "price_cap")):
        html = caught.value._repr_html_()
        audit(html)
        assert text in html
    audit(WaypostError(f"plain {HOSTILE}")._repr_html_())


def test_a_pickled_answer_looks_the_same(router: Router) -> None:
    reply = router.chat("Hello")
    assert pickle.loads(pickle.dumps(reply))._repr_html_() == reply._repr_html_()


def test_the_router_shows_health_limits_and_tags(fleet: FakeFleet) -> None:
    config = fleet.config("openai", "anthropic", resilience={"breaker": {"failures": 1}})
    config["deployments"]["openai"].update(limits={"rpm": 50}, tags=["eu"])
    with Router(config) as router:
        fleet.script("openai", 503)
        router.chat("Hello")
        router.disable("anthropic")
        html = router._repr_html_()
    audit(html)
    for text in ("resting", "disabled", "rpm 49", ">eu<", "errors"):
        assert text in html


def test_a_proof_shows_the_request_that_breaks_it() -> None:
    config = {
        "deployments": {HOSTILE: {"model": "ollama/llama3.3"}, "b": {"model": "ollama/llama3.2", "zdr": True}},
        "rules": [{"name": f"rule {HOSTILE}", "when": "'x' in tags", "deny": ["b"]}],
    }
    shown = prove(config, when="'x' in tags", never="provider == 'ollama'")._repr_html_()
    audit(shown)
    assert "<script" not in shown
    for text in (
        "✗ counterexample",
        "&lt;script&gt;alert(1)&lt;/script&gt;</b>",
        "rule &lt;script",
        ">deny<",
        "by route auto",
    ):
        assert text in shown, text
    holds = prove(config, when="'x' in tags", never="zdr == true")._repr_html_()
    audit(holds)
    assert "✓ proved" in holds
    assert "every route and every deployment by name" in holds


def test_colours_follow_the_theme(router: Router) -> None:
    html = router.chat("Hello")._repr_html_()
    assert "currentColor" in html
    assert not re.search(r"background:\s*(#|white|rgb)", html)
