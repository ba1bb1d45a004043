"""The command line: what it prints, and with which exit code it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from waypost.__main__ import main
from waypost.testing import FakeFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = """
[deployments.mini]
model = "openai/gpt-5-mini"

[deployments.house]
model = "openai-compatible/llama"
base_url = "http://127.0.0.1:8000/v1"
tags = ["private"]
price = { input = 0.0, output = 0.0 }

[routes.auto]
candidates = ["mini", "house"]
strategy = "cheapest"

[[rules]]
name = "home"
when = "sensitive.any"
require = { tags = ["private"] }
"""

BAD = """
[deployments.a]
model = "opnai/x"

[deployments.b]
model = "ollama/llama3.3"
tgas = ["eu"]

[routes.auto]
candidates = ["b", "nobody"]
"""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith("WAYPOST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def fake_config(tmp_path: Path) -> Iterator[tuple[str, FakeFleet]]:
    with FakeFleet("openai", "anthropic", reply="Hello from a fake.") as fleet:
        path = tmp_path / "fake.json"
        path.write_text(json.dumps(fleet.config()))
        yield str(path), fleet


def test_without_a_command_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "waypost demo" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    from waypost import __version__

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"waypost {__version__}\n"


@pytest.mark.parametrize("command", ["serve"])
def test_commands_of_later_versions_say_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "x.jsonl", "--config", "f.toml"]) == 2
    assert "not in this version" in capsys.readouterr().err


def test_wrong_usage_is_exit_2() -> None:
    for words in (["nonsense"], ["route"], ["route", "hi", "--metadata", "novalue"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2


# check


def test_check_works_without_keys_and_names_the_variable(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", good]) == 0
    out = capsys.readouterr().out
    assert "fine" in out
    assert "`OPENAI_API_KEY` is not set here; deployments.mini.api_key needs it" in out


def test_check_says_what_the_file_means(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", good])
    out = capsys.readouterr().out
    for text in (
        "openai/gpt-5-mini",
        "0.25 in, 2 out",
        "free",
        "auto: cheapest of mini, house",
        "home: require when sensitive.any",
    ):
        assert text in out


def test_check_warns_of_a_class_of_requests_with_one_target(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", good])
    assert "rule `home` leaves only `house` in route `auto`" in capsys.readouterr().out


def test_strict_makes_warnings_problems(good: str) -> None:
    assert main(["check", good, "--strict"]) == 1


def test_check_lists_every_mistake_with_path_and_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert "3 problems" in out
    for text in ("deployments.a.model", "did you mean `openai/x`?", "deployments.b.tgas", "routes.auto.candidates[1]"):
        assert text in out


def test_check_finds_mistakes_in_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rule.toml"
    path.write_text(GOOD.replace("sensitive.any", "sensitve.any"))
    assert main(["check", str(path)]) == 1
    assert "rules[0].when" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("section", "warning"),
    [
        (
            '[budgets.daily]\nusd = 1.0\nwindow = "1d"\n[deployments.new]\nmodel = "ollama/new"',
            "deployments.new: it has no price, and budgets refuse",
        ),
        (
            "[[rules]]\nwhen = \"'a' in tags && complexity > 0.7 && complexity < 0.3\"\nroute = 'auto'",
            "rules[1].when: rule `rules[1]` never holds: no request fulfils its condition; correct the condition",
        ),
        (
            "[[rules]]\nname = 'out'\nwhen = 'stream'\ndeny = { tags = ['private'] }",
            "rules[1]: rules `home` and `out` contradict each other",
        ),
        ("[[rules]]\ndeny = { deployments = ['mini'] }", "deployments.mini: the rules refuse `mini` for every request"),
        ('[routes.one]\ncandidates = ["mini"]', "route `one` has one target only"),
        ('[deployments.odd]\nmodel = "ollama/odd"', "no route reaches `odd`"),
    ],
)
def test_check_warns(section: str, warning: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.toml"
    path.write_text(f"{GOOD}\n{section}\n")
    assert main(["check", str(path)]) == 0
    assert warning in capsys.readouterr().out


def test_check_refuses_what_this_version_does_not_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "later.toml"
    path.write_text(f'{GOOD}\n[cache]\nexact = {{ ttl = "1h" }}\n')
    assert main(["check", str(path)]) == 1
    assert "cache: `cache` is not in this version yet" in capsys.readouterr().out


def test_check_warns_of_prices_that_cheapest_cannot_tell_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "same.toml"
    path.write_text(
        'deployments = ["ollama/a", "openai/gpt-5-mini", "openai/gpt-5-mini"]\nstrategy = "cheapest"\n',
        encoding="utf-8",
    )
    main(["check", str(path)])
    out = capsys.readouterr().out
    assert "`openai/gpt-5-mini` and `openai/gpt-5-mini#2` have one price" in out
    assert "`ollama/a` is unpriced and ranks last" in out


def test_a_missing_file_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere.toml"]) == 1
    err = capsys.readouterr().err
    assert "nowhere.toml" in err
    assert len(err.strip().splitlines()) == 1


def test_broken_syntax_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[deployments\n")
    assert main(["check", str(path)]) == 1
    assert f"{path}:1:" in capsys.readouterr().err


# route and chat


def test_route_decides_without_a_key(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "Write to anna@example.org", "--config", good]) == 0
    out = capsys.readouterr().out
    assert "→ house" in out
    assert "rule `home`: require" in out


def test_route_as_json_is_the_decision(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "route",
        "Hi",
        "--config",
        good,
        "--json",
        "--tag",
        "a",
        "--tag",
        "b",
        "--metadata",
        "team=x",
        "--metadata",
        "n=3",
    ]
    assert main(words) == 0
    decision = json.loads(capsys.readouterr().out)
    assert decision["version"] == 1
    assert decision["signals"]["tags"] == ["a", "b"]
    assert decision["signals"]["metadata"] == {"team": "x", "n": 3}


def test_route_to_nobody_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "block.toml"
    path.write_text(GOOD + '\n[[rules]]\nname = "closed"\nblock = "not today"\n')
    assert main(["route", "Hi", "--config", str(path)]) == 1
    assert "→ nobody" in capsys.readouterr().out


@pytest.mark.parametrize("extra", [[], ["--stream"]])
def test_chat_prints_the_answer(
    extra: list[str], fake_config: tuple[str, FakeFleet], capsys: pytest.CaptureFixture[str]
) -> None:
    config, fleet = fake_config
    assert main(["chat", "Hello", "--config", config, "--model", "anthropic", "--explain", *extra]) == 0
    shown = capsys.readouterr()
    assert shown.out == "Hello from a fake.\n"
    assert "→ anthropic" in shown.err
    assert [request.stream for request in fleet["anthropic"].requests] == [bool(extra)]


def test_a_dash_reads_the_prompt_from_standard_input(
    fake_config: tuple[str, FakeFleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, fleet = fake_config
    monkeypatch.setattr("sys.stdin", io.StringIO("From a pipe"))
    assert main(["chat", "-", "--config", config]) == 0
    assert fleet["openai"].last.prompt == "From a pipe"


def test_a_failed_call_is_one_line_and_its_decision(
    fake_config: tuple[str, FakeFleet], capsys: pytest.CaptureFixture[str]
) -> None:
    config, fleet = fake_config
    fleet.script("openai", "auth", forever=True)
    fleet.script("anthropic", "auth", forever=True)
    assert main(["chat", "Hello", "--config", config]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: AuthenticationError: ")
    assert "Traceback" not in err
    assert "attempts" in err


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from waypost import ConfigError

    monkeypatch.setenv("WAYPOST_DEBUG", "1")
    with pytest.raises(ConfigError):
        main(["check", "nowhere.toml"])


def test_no_configuration_and_no_key_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "Hello"]) == 1
    assert "WAYPOST_CONFIG" in capsys.readouterr().err


def test_interrupted_is_exit_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("waypost._demo.demo", interrupted)
    assert main(["demo"]) == 130


# models


def test_models_are_listed_with_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--provider", "anthropic"]) == 0
    out = capsys.readouterr().out
    assert "anthropic/claude-haiku-4-5" in out
    assert "openai/" not in out
    assert "prices as of 20" in out


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--provider", "openai", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["provider"] for row in listed["models"]} == {"openai"}


def test_an_unknown_provider_is_wrong_usage_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--provider", "opnai"]) == 2
    assert "did you mean `openai`?" in capsys.readouterr().err


# demo, as a newcomer runs it


def test_the_demo_tells_its_story_in_five_seconds_without_key_or_colour() -> None:
    began = time.monotonic()
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "waypost", "demo"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5
    for text in (
        "1. ",
        "5. ",
        "overloaded",
        "fell silent",
        "breaker_open",
        "NoCandidatesError",
        "none went to a public model",
    ):
        assert text in done.stdout
    assert "\033[" not in done.stdout
    assert done.stderr == ""


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m waypost models | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
