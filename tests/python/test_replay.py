"""A log under another configuration, and a decision had something been different."""

from __future__ import annotations

import json
import pickle
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from waypost import InvalidRequestError, Replay, Router, UnknownModelError, audit, replay
from waypost.__main__ import main
from waypost.testing import FakeFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "CANARY-7d1f"
HEALTH = f"{CANARY} The patient was diagnosed with diabetes mellitus type 2."


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic", "ollama") as fleet:
        yield fleet


def configuration(fleet: FakeFleet, *candidates: Any, strategy: str = "weighted", **more: Any) -> dict[str, Any]:
    route = {"candidates": list(candidates), "strategy": strategy, "fallback": ["ollama"]}
    config = fleet.config(seed=3, routes={"auto": route}, **more)
    for name, price in (("openai", 1.0), ("anthropic", 10.0), ("ollama", 0.0)):
        config["deployments"][name]["price"] = {"input": price, "output": price}
    return config


def weighted(fleet: FakeFleet, **more: Any) -> dict[str, Any]:
    return configuration(fleet, {"name": "openai", "weight": 3}, {"name": "anthropic", "weight": 1}, **more)


@pytest.fixture
def log(fleet: FakeFleet, tmp_path: Path) -> Path:
    """Sixty calls, a third of them about health, with better scores for the dearer one."""
    path = tmp_path / "waypost.db"
    with Router(weighted(fleet, telemetry={"log": str(path)})) as router:
        for n in range(60):
            reply = router.chat(HEALTH if n % 3 == 0 else f"{CANARY} Why is the sky blue?")
            router.feedback(reply, 0.9 if reply.deployment == "anthropic" else 0.5)
    return path


def test_the_same_configuration_changes_nothing(fleet: FakeFleet, log: Path) -> None:
    found = replay(log, weighted(fleet))
    assert (len(found.calls), len(found.replayed), found.changed, found.lacking) == (60, 60, [], {})
    assert found.cost.difference == found.latency.difference == 0
    assert found.cost.calls == 60
    score = found.estimates["score"]
    assert score["ips"] == pytest.approx(score["logged"])
    assert (score["coverage"], score["effective"]) == (1, pytest.approx(60))
    assert replay(log, weighted(fleet)) == found
    assert CANARY not in log.read_bytes().decode("latin-1")


def test_changes_costs_and_reasons(fleet: FakeFleet, log: Path) -> None:
    rule = {"name": "home", "when": "sensitive.health", "require": {"deployments": ["ollama"]}}
    found = replay(log, configuration(fleet, "anthropic", "openai", strategy="priority", rules=[rule]))
    home = [call for call in found.changed if call.to == "ollama"]
    assert len(home) == 20
    assert all("refused by rule `home`" in (call.why or "") and call.cost_to == 0 for call in home)
    dear = [call for call in found.changed if call.to == "anthropic"]
    assert all(call.cost_to == pytest.approx(10 * call.cost_from) for call in dear if call.cost_from)
    assert sum(found.flows().values()) == 60
    frame = found.to_dataframe()
    assert list(frame["to"].value_counts().index[:2]) == ["anthropic", "ollama"]
    assert found.success.unknown == 20, "nobody ever asked ollama"


def test_estimates_find_what_the_other_one_is_worth(fleet: FakeFleet, log: Path) -> None:
    found = replay(log, configuration(fleet, "anthropic", strategy="priority"))
    score = found.estimates["score"]
    assert score["coverage"] == 1
    assert score["snips"]["value"] == pytest.approx(0.9)
    assert score["dr"]["value"] == pytest.approx(0.9, abs=0.03)
    assert score["logged"]["value"] < 0.7
    house = configuration(fleet, "ollama", strategy="priority")
    house["routes"]["auto"]["fallback"] = []
    never = replay(log, house).estimates["score"]
    assert (never["coverage"], never["ips"], never["dr"]) == (0, None, None)


def test_what_the_log_lacks_is_counted_and_named(fleet: FakeFleet, log: Path) -> None:
    rules = [{"when": "metadata.team == 'x' || text.contains('sky')", "deny": ["openai"]}]
    found = replay(log, weighted(fleet, rules=rules))
    assert found.lacking == {"text": 60, "metadata": 60}
    assert (found.replayed, found.changed, found.cost.calls, found.estimates) == ([], [], 0, {})
    assert "a rule reads `metadata`, which the log lacks" in str(found)


def test_a_log_of_the_first_version_is_read_verified_and_brought_up(fleet: FakeFleet, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with Router(weighted(fleet, telemetry={"log": str(path)})) as router:
        router.chat("Hi")
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DELETE FROM decisions; DELETE FROM attempts; DELETE FROM chain; DELETE FROM sqlite_sequence;")
        db.executescript("DROP TABLE choices; PRAGMA user_version = 1;")
    assert audit.verify(path).intact
    with Router(weighted(fleet, telemetry={"log": str(path)})) as router:
        router.chat("Hi")
    assert audit.verify(path).intact
    (row,) = audit.query(path, "SELECT propensity FROM choices")
    assert row["propensity"] in (0.25, 0.75)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("UPDATE choices SET propensity = 1")
    fault = audit.verify(path).fault
    assert fault is not None
    assert fault.kind == "changed"


def test_the_command_line(fleet: FakeFleet, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, page = tmp_path / "new.json", tmp_path / "page.html"
    config.write_text(json.dumps(configuration(fleet, "anthropic", strategy="priority")))
    assert main(["replay", str(log), "--config", str(config), "--report", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("60 calls, 60 replayed, ")
    assert "is not among the candidates of route `auto`" in out
    assert "<svg" in page.read_text()
    assert main(["replay", str(log), "--config", str(config), "--json", "--until", "2020-01-01"]) == 0
    assert json.loads(capsys.readouterr().out)["calls"] == 0
    assert main(["replay", str(tmp_path / "none.db"), "--config", str(config)]) == 1
    assert "there is no file" in capsys.readouterr().err


def test_displays_escape_what_they_show(fleet: FakeFleet, log: Path) -> None:
    found = replay(log, configuration(fleet, "anthropic", strategy="priority"))
    assert isinstance(found, Replay)
    html = found._repr_html_()
    assert "<svg" in html
    assert "openai → anthropic" in found.plot().svg
    assert repr(found).startswith("Replay(60 calls, ")


def test_what_if_changes_what_is_asked_and_nothing_else(fleet: FakeFleet) -> None:
    with Router(weighted(fleet)) as router:
        decision = router.chat("Why is the sky blue?", tags=["a"]).decision
        other = {"openai": "anthropic", "anthropic": "openai"}[decision.chosen or ""]
        assert (decision.what_if().chosen, decision.what_if().id) == (decision.chosen, decision.id)
        down = decision.what_if(down=[decision.chosen or ""])
        assert (down.chosen, down.attempts) == (other, [])
        assert [c.reason for c in down.candidates if not c.accepted] == ["disabled"]
        assert decision.what_if(strategy="cheapest").chosen == "openai"
        assert decision.what_if(strategy=lambda _candidates, _signals: ["anthropic"]).chosen == "anthropic"
        assert decision.what_if(weights={"openai": 0, "anthropic": 1}).chosen == "anthropic"
        rule = {"when": "'b' in tags", "block": "not today"}
        assert decision.what_if(rules=[rule]).chosen == decision.chosen
        assert decision.what_if(rules=[rule], tags=["b"]).error == "BlockedError"
        assert decision.what_if(model="ollama").chosen == "ollama"
        assert decision.what_if(max_cost=0).chosen == "ollama"


def test_what_if_says_what_it_cannot_know(fleet: FakeFleet) -> None:
    with Router(weighted(fleet)) as router:
        decision = router.route("Why is the sky blue?")
    with pytest.raises(InvalidRequestError, match="does not hold: text"):
        decision.what_if(rules=[{"when": "text.contains('sky')", "deny": ["openai"]}])
    with pytest.raises(InvalidRequestError, match="is no candidate of route `auto`"):
        decision.what_if(weights={"nobody": 1})
    with pytest.raises(UnknownModelError):
        decision.what_if(down=["nobody"])
    copied = pickle.loads(pickle.dumps(decision))
    assert copied.what_if(weighted(fleet)).chosen == decision.chosen
    with pytest.raises(InvalidRequestError, match="no longer knows its configuration"):
        copied.what_if()
