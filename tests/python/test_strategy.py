"""A Python function as a strategy, and what a configuration says that this version does not do."""

from __future__ import annotations

import pytest
from waypost import ConfigError, NoCandidatesError, Router, WaypostError
from waypost.testing import FakeProvider


@pytest.fixture
def fakes():
    with FakeProvider(reply="from a") as a, FakeProvider(reply="from b") as b:
        yield {"a": a, "b": b}


def deployments(fakes: dict[str, FakeProvider]) -> dict[str, object]:
    price = {"input": 1.0, "output": 2.0}
    return {name: fake.deployment(price=price, tags=[f"tag-{name}"]) for name, fake in fakes.items()}


async def test_it_decides_in_every_kind_of_call(fakes) -> None:
    seen = []

    def last_first(candidates, signals):
        seen.append((candidates, signals))
        return [candidate["deployment"] for candidate in reversed(candidates)]

    with Router({"deployments": deployments(fakes)}, strategy=last_first) as router:
        assert router.chat("Hi").deployment == "b"
        assert (await router.achat("Hi")).deployment == "b"
        assert {chunk.deployment for chunk in router.stream("Hi")} == {"b"}
        assert {chunk.deployment async for chunk in router.astream("Hi")} == {"b"}
        decision = router.route("Hi", tags=["x"])
        assert decision.chosen == "b"
        assert "chosen by the strategy" in decision.reason
        assert [reply.deployment for reply in router.batch(["Hi"] * 3)] == ["b"] * 3
        router.reload({"deployments": deployments(fakes)})
        assert router.chat("Hi").deployment == "b"
    candidates, signals = seen[4]
    assert signals["tags"] == ["x"]
    assert "text" not in signals
    first = candidates[0]
    assert (first["deployment"], first["provider"], first["model"], first["tags"]) == ("a", "openai", "fake", ["tag-a"])
    assert first["estimated_cost"] > 0
    assert candidates[1]["expected_latency"] > 0
    assert {"ttft", "load", "weight", "sticky", "preferred", "error_rate"} <= set(first)


def test_of_one_route_in_a_mapping(fakes) -> None:
    config = {
        "deployments": deployments(fakes),
        "routes": {"own": {"candidates": ["a", "b"], "strategy": lambda *_: ["b"]}},
    }
    with Router(config) as router:
        assert router.chat("Hi").deployment == "a"
        decision = router.route("Hi", model="own")
        assert [(c.deployment, c.accepted, c.reason) for c in decision.candidates] == [
            ("b", True, None),
            ("a", False, "strategy"),
        ]
        fakes["b"].script(*[500] * 9)
        with pytest.raises(WaypostError):
            router.chat("Hi", model="own")
    assert callable(config["routes"]["own"]["strategy"]), "the caller's mapping stays as it was"
    assert len(fakes["a"].requests) == 1


@pytest.mark.parametrize(
    ("strategy", "message", "cause"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError", ZeroDivisionError),
        (lambda *_: None, "TypeError", TypeError),
        (lambda *_: [1], "TypeError", TypeError),
        (lambda *_: ["c"], "`c`, which is no candidate; there are `a`, `b`", type(None)),
    ],
)
async def test_its_mistakes_surface(fakes, strategy, message, cause) -> None:
    with Router({"deployments": deployments(fakes)}, strategy=strategy) as router:
        calls = [lambda: router.chat("Hi"), lambda: router.route("Hi"), lambda: list(router.stream("Hi"))]
        for call in calls:
            with pytest.raises(WaypostError, match=message) as caught:
                call()
            assert type(caught.value) is WaypostError
            assert isinstance(caught.value.__cause__, cause)
        with pytest.raises(WaypostError, match=message) as caught:
            await router.achat("Hi")
        assert isinstance(caught.value.__cause__, cause)


def test_nobody_named_is_nobody_tried(fakes) -> None:
    with Router({"deployments": deployments(fakes)}, strategy=lambda *_: []) as router:
        with pytest.raises(NoCandidatesError, match="2 left out by the strategy"):
            router.chat("Hi")
        assert router.route("Hi").chosen is None


def test_it_may_ask_the_router_itself(fakes) -> None:
    def judged(candidates, _signals):
        return [candidates[0]["deployment"]] if router.chat("Which?", model="a").text == "from a" else []

    with Router({"deployments": deployments(fakes)}, strategy=judged) as router:
        assert router.chat("Hi", timeout=5).deployment == "a"
        assert len(fakes["a"].requests) == 2


def test_it_is_written_in_one_place(fakes) -> None:
    config = {
        "deployments": deployments(fakes),
        "routes": {"auto": {"candidates": ["a"], "strategy": lambda *_: ["a"]}},
    }
    with pytest.raises(ConfigError, match="keep one of the two"):
        Router(config, strategy=lambda *_: ["a"])


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("cache", {"exact": {"ttl": "1h"}}),
        ("state", {"backend": {"redis": "redis://127.0.0.1:6379"}}),
    ],
)
def test_what_is_not_done_yet_is_refused(fakes, section, value) -> None:
    config = {"deployments": deployments(fakes), section: value}
    with pytest.raises(ConfigError, match="not in this version yet") as caught:
        Router(config)
    assert caught.value.path == section
    wrong = config | {"rules": [{"when": "tokenz > 1", "tag": ["x"]}]}
    with pytest.raises(ConfigError) as caught:
        Router(wrong)
    assert caught.value.path == "rules[0].when"


def test_local_state_is_what_there_is(fakes) -> None:
    Router({"deployments": deployments(fakes), "state": {"backend": "local"}}).close()


def test_rules_read_what_a_request_means(fakes) -> None:
    rules = [
        {"when": "intent == 'refund'", "tag": ["x"]},
        {"when": "language == 'de' && complexity < 1.0", "tag": ["y"]},
    ]
    intents = {"refund": ["I want my money back", "cancel my order and refund me"]}
    with Router({"deployments": deployments(fakes), "rules": rules, "intents": intents}) as router:
        assert router._core.warnings() == []
        fired = [
            len(router.route(text).rules) for text in ("please give me my money back", "Warum ist der Himmel blau?")
        ]
        assert fired == [1, 1]
        signals = router.signals("please give me my money back")
        assert (signals["intent"], signals["language"]) == ("refund", "en")
        assert signals["intents"]["refund"] > max(
            score for name, score in signals["intents"].items() if name != "refund"
        )
    with pytest.raises(ConfigError, match="there is no intent `refunds`") as caught:
        Router(
            {
                "deployments": deployments(fakes),
                "rules": [{"when": "intent == 'refunds'", "tag": ["x"]}],
                "intents": intents,
            }
        )
    assert caught.value.hint == "did you mean `refund`?"


def test_an_own_strategy_is_given_what_the_request_means(fakes) -> None:
    seen = {}

    def strategy(candidates, signals) -> list[str]:
        seen.update(signals)
        return [candidate["deployment"] for candidate in candidates]

    with Router({"deployments": deployments(fakes)}, strategy=strategy) as router:
        router.route("Write a poem about autumn")
    assert (seen["intent"], seen["language"], seen["turns"]) == ("writing", "en", 1)
    assert 0 < seen["complexity"] < 1
