"""`waypost.prove` and `waypost prove`: what no request of a class can reach."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import waypost
from waypost.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: dict[str, Any] = {
    "deployments": {
        "mini": {"model": "openai/gpt-5-mini", "api_key": "${SOME_KEY_THAT_IS_NOT_SET}"},
        "haiku": {"model": "anthropic/claude-haiku-4-5", "tags": ["eu"], "zdr": True},
        "house": {"model": "ollama/llama3.3", "tags": ["private", "eu"]},
    },
    "routes": {"auto": {"candidates": ["mini", "house"], "fallback": ["haiku"]}},
    "rules": [{"name": "home", "when": "sensitive.any", "require": {"tags": ["private"]}}],
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


def test_a_proof_is_true() -> None:
    proof = waypost.prove(CONFIG, when="sensitive.any", never="provider == 'openai'")
    assert proof
    assert proof.proved
    assert proof.answer == "proved"
    assert proof.counterexample is None
    assert proof.classes > 0


def test_a_counterexample_is_a_request_that_does_it() -> None:
    proof = waypost.prove(CONFIG, when="!sensitive.any && 'x' in tags", never="zdr == true")
    assert not proof
    found = proof.counterexample
    assert found is not None
    assert (found.deployment, found.route, found.fallback, found.rules) == ("haiku", "auto", True, ())
    assert found.signals == {"tags": ["x"]}
    os.environ.update(SOME_KEY_THAT_IS_NOT_SET="x", OPENAI_API_KEY="x", ANTHROPIC_API_KEY="x")
    try:
        decision = waypost.Router(CONFIG).route("hello", model=found.model, tags=found.signals["tags"])
    finally:
        for name in ("SOME_KEY_THAT_IS_NOT_SET", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            del os.environ[name]
    assert found.deployment in [candidate.deployment for candidate in decision.candidates if candidate.accepted]


def test_rules_that_fired_and_failed_are_told() -> None:
    rules = [
        {"name": "level", "when": "metadata.level > 3", "deny": {"deployments": ["mini"]}},
        {"name": "vip", "when": "'vip' in tags", "route": "auto"},
    ]
    proof = waypost.prove(
        {**CONFIG, "rules": rules}, when="metadata.level == 'x' && 'vip' in tags", never="zdr == true"
    )
    assert proof.counterexample is not None
    level, vip = proof.counterexample.rules
    assert (level.name, level.effect, vip.name, vip.error) == ("level", "deny", "vip", None)
    assert level.error
    assert "rule 'level': deny (its condition fails" in proof.explain()


def test_what_cannot_be_told_is_neither() -> None:
    rules = [{"name": "home", "when": "text.contains('a')", "require": {"tags": ["private"]}}]
    proof = waypost.prove({**CONFIG, "rules": rules}, when="text.matches('^a+$')", never="zdr == true")
    assert not proof
    assert proof.answer == "unknown"
    assert "cannot be told" in str(proof.reason)
    assert "perhaps: " in str(proof)


@pytest.mark.parametrize("arguments", [{"when": "sensitve.any", "never": "zdr"}, {"never": "provder == 'x'"}])
def test_mistakes_in_conditions_are_told(arguments: dict[str, str]) -> None:
    with pytest.raises(waypost.ConfigError, match="did you mean"):
        waypost.prove(CONFIG, **arguments)


def test_a_fact_that_a_deployment_does_not_tell_counts_against_it() -> None:
    found = waypost.prove(CONFIG, when="!sensitive.any", never="!zdr").counterexample
    assert found is not None
    assert found.deployment == "mini"
    assert found.doubt
    assert "so it counts as one" in found.explain()


def test_a_python_strategy_changes_nothing() -> None:
    routes = {"auto": {**CONFIG["routes"]["auto"], "strategy": lambda candidates, _: candidates}}
    assert waypost.prove({**CONFIG, "routes": routes}, when="sensitive.any", never="zdr == true")


def test_the_command_line_says_it_and_ends_with_0_1_or_2(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prove", "--config", path, "--never", "provider == 'openai'"]
    assert main([*words, "--when", "sensitive.any"]) == 0
    assert "proved: no request where `sensitive.any` reaches" in capsys.readouterr().out
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "counterexample: no request reaches" in out
    assert "may reach mini (by route auto)" in out
    assert main([*words, "--when", "sensitve.any"]) == 2
    assert "did you mean `sensitive" in capsys.readouterr().err


def test_the_command_line_ends_with_2_where_it_cannot_be_told(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    conditions = " || ".join(f"'t{n}' in tags" for n in range(20))
    assert main(["prove", "--config", path, "--never", "zdr == true", "--when", conditions]) == 2
    assert "classes of requests" in capsys.readouterr().out


def test_the_command_line_speaks_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--config", path, "--never", "zdr == true", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["answer"], found["proved"], found["never"]) == ("counterexample", False, "zdr == true")
    assert found["counterexample"]["deployment"] == "haiku"
