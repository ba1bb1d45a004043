"""`waypost.simulate` and `waypost simulate`: an outage before it comes."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import waypost
from waypost.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: dict[str, Any] = {
    "deployments": {
        "mini": {"model": "openai/gpt-5-mini", "api_key": "${SOME_KEY_THAT_IS_NOT_SET}"},
        "haiku": {"model": "anthropic/claude-haiku-4-5"},
    },
    "routes": {"auto": {"candidates": ["mini"], "fallback": ["haiku"]}},
}
SHORT: dict[str, Any] = {
    "name": "<short>",
    "duration": "6m",
    "step": "30s",
    "traffic": {"rpm": 40, "prompt_tokens": 30, "answer_tokens": 60},
    "outages": [{"on": "openai", "at": "2m", "for": "2m", "fault": "down"}],
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith("WAYPOST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "waypost.json"
    file.write_text(json.dumps(CONFIG))
    return str(file)


def test_an_outage_is_borne_by_the_fallback() -> None:
    found = waypost.simulate(CONFIG, SHORT)
    assert [phase.name for phase in found.phases] == ["all", "before", "during", "after"]
    during = found.phase("during")
    assert during.success_rate == 1.0
    assert during.torn == 0
    assert during.latency is not None
    assert 0 < during.latency.p50 <= during.latency.p95 <= during.latency.p99
    assert found.baseline is not None
    assert during.cost_usd > found.baseline[2].cost_usd
    mini, haiku = found.deployments
    assert mini.breaker_open > 60
    assert haiku.answered >= during.calls - 5
    assert sum(column.calls for column in found.columns) == found.phase("all").calls
    assert "mini" in found.columns[6].breaker_open
    assert found.columns[6].answered_by["haiku"] > 0
    with pytest.raises(KeyError):
        found.phase("later")


def test_without_a_fallback_calls_fail_and_say_how() -> None:
    alone = {"deployments": {"mini": CONFIG["deployments"]["mini"]}}
    found = waypost.simulate(alone, SHORT)
    during = found.phase("during")
    assert during.success_rate is not None
    assert during.success_rate < 0.1
    assert sum(found.errors.values()) == found.phase("all").failed
    assert "errors: " in found.explain()
    assert "failed" in found.explain()


def test_second_copies_are_counted() -> None:
    slow = {
        "duration": "10m",
        "traffic": {"rpm": 60, "prompt_tokens": 30, "answer_tokens": 60},
        "deployments": {"mini": {"first_token": {"p50": 0.3, "p95": 4.0}}},
    }
    hedged = {**CONFIG, "resilience": {"hedge": {"after": "1s", "max_extra": 0.1}}}
    everything = waypost.simulate(hedged, slow).phase("all")
    assert 10 < everything.hedges <= everything.calls * 0.1 + 1
    assert everything.hedge_share == everything.hedges / everything.requests
    assert 0 < everything.hedges_won <= everything.hedges
    assert "second copies" in waypost.simulate(hedged, slow).explain()
    plain = waypost.simulate(CONFIG, slow)
    assert plain.phase("all").hedges == 0
    assert "second copies" not in plain.explain()


def test_one_seed_is_one_run() -> None:
    first, again, other = (waypost.simulate(CONFIG, SHORT, seed=seed) for seed in (1, 1, 2))
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())
    assert first == again
    assert first != other


def test_a_python_strategy_has_its_say() -> None:
    asked = []

    def dearest(candidates: Any, _: Any) -> list[str]:
        asked.append(len(candidates))
        return ["haiku", "mini"]

    routes = {"auto": {"candidates": ["mini", "haiku"], "strategy": dearest}}
    found = waypost.simulate({**CONFIG, "routes": routes}, {"duration": "1m"})
    assert found.deployments[1].answered == found.phase("all").calls == len(asked)


def test_rules_see_what_callers_say() -> None:
    rules = [{"name": "home", "when": "sensitive.any", "require": {"deployments": ["haiku"]}}]
    traffic = {"prompts": ["Write to anna.berg@example.org", "Hello"], "arrivals": "even"}
    found = waypost.simulate({**CONFIG, "rules": rules}, {"duration": "2m", "traffic": traffic})
    mini, haiku = (load.answered for load in found.deployments)
    assert abs(mini - haiku) <= 1
    assert mini + haiku == found.phase("all").calls


def test_the_picture_is_well_formed_escaped_and_loads_nothing(tmp_path: Path) -> None:
    found = waypost.simulate(CONFIG, SHORT)
    found.save(tmp_path / "found.svg")
    root = ET.parse(tmp_path / "found.svg").getroot()
    assert root.tag.endswith("svg")
    text = (tmp_path / "found.svg").read_text(encoding="utf-8")
    assert text.count("<rect") > 30
    assert "breaker of mini open" in text
    found.save(tmp_path / "found.html")
    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "&lt;short&gt;" in page
    assert "<short>" not in page
    assert re.findall(r"(?:src|href)=|url\(|@import", page) == []
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert 'color-scheme" content="light dark"' in page
    assert "<svg" in found._repr_html_()


@pytest.mark.parametrize(
    ("scenario", "where", "hint"),
    [
        ("outrage", "scenario", "did you mean `outage`?"),
        ({"outages": [{"on": "opnai", "at": 0, "for": 9, "fault": "down"}]}, "outages[0].on", "did you mean `openai`?"),
        ({"trafic": {}}, "trafic", "did you mean `traffic`?"),
        ({"traffic": {"rpm": "many"}}, "traffic.rpm", ""),
        ({"traffic": {"rpm": 1e6}, "duration": "1d"}, "traffic", "smaller"),
    ],
)
def test_mistakes_have_their_place_and_a_hint(scenario: Any, where: str, hint: str) -> None:
    with pytest.raises(waypost.ConfigError) as caught:
        waypost.simulate(CONFIG, scenario)
    assert caught.value.path == where
    assert hint in (caught.value.hint or "")


def test_a_file_says_itself_whom_it_hits(tmp_path: Path) -> None:
    file = tmp_path / "short.json"
    file.write_text(json.dumps(SHORT))
    assert waypost.simulate(CONFIG, file).phase("during").calls > 0
    with pytest.raises(waypost.ConfigError, match="itself"):
        waypost.simulate(CONFIG, str(file), outage="openai")
    (tmp_path / "broken.toml").write_text("[traffic]\nrpm =")
    with pytest.raises(waypost.ConfigError) as caught:
        waypost.simulate(CONFIG, tmp_path / "broken.toml")
    assert str(caught.value.path).endswith("broken.toml:2:6")


def test_the_command_line_prints_a_table_and_writes_a_page(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "short.json"
    scenario.write_text(json.dumps(SHORT))
    words = ["simulate", "--config", path, "--scenario", str(scenario)]
    assert main([*words, "--html", str(tmp_path / "out.html")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^during +\d+ +100\.0%", out, re.MULTILINE)
    assert re.search(r"^  without it +\d+ +100\.0%", out, re.MULTILINE)
    assert "▁" in out
    assert "mini: breaker open for" in out
    assert (tmp_path / "out.html").read_text(encoding="utf-8").count("<svg") == 1
    assert main([*words, "--json", "--seed", "4"]) == 0
    first = capsys.readouterr().out
    assert json.loads(first)["seed"] == 4
    assert main([*words, "--json", "--seed", "4"]) == 0
    assert capsys.readouterr().out == first


def test_the_command_line_lists_scenarios_and_tells_mistakes(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list"]) == 0
    assert "# flapping: a minute down" in capsys.readouterr().out
    assert main(["simulate", "--config", path, "--outage", "opnai"]) == 2
    assert "did you mean `openai`?" in capsys.readouterr().err
