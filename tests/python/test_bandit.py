"""The strategy `bandit`: scores teach a route whom to ask."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from waypost import Learned, Router, replay
from waypost.testing import FakeFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORTH = {"openai": 0.45, "anthropic": 0.85, "ollama": 0.6}


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic", "ollama") as fleet:
        yield fleet


def configuration(fleet: FakeFleet, strategy: Any = "bandit", **more: Any) -> dict[str, Any]:
    route = {"candidates": ["openai", "anthropic", "ollama"], "strategy": strategy}
    config = fleet.config(seed=3, routes={"auto": route}, **more)
    for name, price in (("openai", 1.0), ("anthropic", 10.0), ("ollama", 0.0)):
        config["deployments"][name]["price"] = {"input": price, "output": price}
    return config


def teach(router: Router, calls: int, seed: int = 1) -> list[str]:
    """Ask and score; an answer is good with its deployment's chance. Who answered."""
    chance, asked = random.Random(seed), []
    for _ in range(calls):
        reply = router.chat("Why is the sky blue?")
        router.feedback(reply, float(chance.random() < WORTH[reply.deployment]))
        asked.append(reply.deployment)
    return asked


def test_scores_teach_whom_to_ask(fleet: FakeFleet) -> None:
    with Router(configuration(fleet, {"kind": "bandit", "explore": 0.2})) as router:
        assert router.route("Hi").chosen in WORTH
        asked = teach(router, 300)
        assert asked[200:].count("anthropic") > 70
        decision = router.route("Why is the sky blue?")
        assert sum(c.propensity or 0 for c in decision.candidates) == pytest.approx(1)
        best = max(decision.candidates, key=lambda c: c.propensity or 0)
        assert (best.deployment, best.propensity or 0) >= ("anthropic", 0.8)
        assert best.predicted_quality == pytest.approx(0.85, abs=0.12)
        assert best.scores["regret"] == pytest.approx(1 - best.predicted_quality)
        assert 0 < best.scores["doubt"] < 0.2
        learned = {row.deployment: row for row in router.learned}
        assert isinstance(router.learned[0], Learned)
        assert learned["anthropic"].scores > 100 > learned["openai"].scores > 0
        assert "waypost_scores_learned_total 300" in router.metrics()
        router.reload(configuration(fleet))
        assert {row.deployment: row for row in router.learned} == learned


def test_nothing_protected_is_an_experiment(fleet: FakeFleet) -> None:
    rules = [{"name": "eu", "when": "'eu' in tags", "deny": ["ollama"]}]
    with Router(configuration(fleet, {"kind": "bandit", "explore": 1.0}, rules=rules)) as router:
        plain = {router.chat("Hi").deployment for _ in range(60)}
        assert plain == set(WORTH)
        for text, options in (
            ("Hi", {"tags": ["eu"]}),
            ("Hi", {"metadata": {"explore": False}}),
            ("My card is 4111 1111 1111 1111", {}),
        ):
            replies = [router.chat(text, **options) for _ in range(30)]
            assert {reply.deployment for reply in replies} == {"openai"}, text
            assert {c.propensity for c in replies[0].decision.candidates if c.accepted} == {0.0, 1.0}


def test_streams_and_threads_teach_too(fleet: FakeFleet) -> None:
    with Router(configuration(fleet)) as router:
        with router.stream("Hi") as stream:
            list(stream)
        router.feedback(stream, 1)
        router.feedback("wp-of-another-process", 1)
        assert sum(row.scores for row in router.learned) == pytest.approx(1)
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: router.chat("Hi"), range(64)))
            list(pool.map(lambda reply: router.feedback(reply, 0.5), replies))
        assert sum(row.scores for row in router.learned) == pytest.approx(65, rel=0.1)


def test_a_log_of_a_bandit_is_replayed_and_tells_what_another_is_worth(fleet: FakeFleet, tmp_path: Path) -> None:
    path, strategy = tmp_path / "waypost.db", {"kind": "bandit", "explore": 0.5}
    with Router(configuration(fleet, strategy, telemetry={"log": str(path)})) as router:
        teach(router, 200)
        assert router.chat("Hi").decision.what_if().chosen is not None
    same = replay(path, configuration(fleet, strategy))
    assert (len(same.calls), same.changed, same.lacking) == (201, [], {})
    careful = replay(path, configuration(fleet, {"kind": "bandit", "explore": 0.0}))
    score = careful.estimates["score"]
    assert score["coverage"] == pytest.approx(1)
    assert score["dr"]["low"] < score["dr"]["value"] < score["dr"]["high"]
    assert score["dr"]["value"] > score["logged"]["value"] - 0.05


def test_a_bandit_learns_from_the_log_of_another_strategy(fleet: FakeFleet, tmp_path: Path) -> None:
    path = tmp_path / "waypost.db"
    with Router(configuration(fleet, "weighted", telemetry={"log": str(path)})) as router:
        teach(router, 240)
    found = replay(path, configuration(fleet, {"kind": "bandit", "explore": 0.0}))
    assert {call.to for call in found.replayed[-80:]} == {"anthropic"}
    assert found.replayed[-1].quality_to == pytest.approx(0.85, abs=0.15)
