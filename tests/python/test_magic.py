"""`%ask` and `%%ask`, in IPython itself and in a kernel."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from waypost import ChatResponse, Decision, Router
from waypost.testing import FakeFleet

pytest.importorskip("IPython")
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fleet() -> Iterator[FakeFleet]:
    with FakeFleet("openai", "anthropic") as fleet:
        yield fleet


@pytest.fixture
def shell(fleet: FakeFleet) -> Iterator[Any]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "waypost")
    with Router(fleet.config()) as router:
        shell.user_ns["router"] = router
        yield shell
    shell.run_line_magic("unload_ext", "waypost")
    InteractiveShell.clear_instance()


def ask(shell: Any, line: str, cell: str | None = None) -> Any:
    if cell is None:
        return shell.run_line_magic("ask", line)
    return shell.run_cell_magic("ask", line, cell)


def test_the_text_of_a_cell_is_the_prompt(shell: Any, fleet: FakeFleet) -> None:
    prompt = 'Explain {braces}, $prices and\n  "what\'s" --model not an option'
    reply = ask(shell, "", f"\n{prompt}\n")
    assert isinstance(reply, ChatResponse)
    assert fleet["openai"].requests[-1].json["messages"] == [{"role": "user", "content": prompt}]
    assert "decision" in reply._repr_html_()


def test_a_line_is_a_prompt_and_gives_its_answer(shell: Any, fleet: FakeFleet) -> None:
    result = shell.run_cell("reply = %ask -m anthropic What's up -- really?")
    assert result.success
    assert shell.user_ns["reply"].deployment == "anthropic"
    assert fleet["anthropic"].requests[-1].json["messages"][0]["content"] == "What's up -- really?"


def test_a_question_is_a_prompt_and_no_request_for_help(shell: Any, fleet: FakeFleet) -> None:
    code = "if True:\n    %ask Is it's \\ so?\n"
    assert shell.run_cell("%ask Why is the sky blue?").result.text
    assert shell.run_cell(code).success
    assert shell.run_cell("text = '''\n%ask Hm?\n'''").success
    said = [request.json["messages"][0]["content"] for request in fleet["openai"].requests]
    assert said == ["Why is the sky blue?", "Is it's \\ so?"]
    assert shell.user_ns["text"] == "\n%ask Hm?\n"


def test_options_reach_the_call(shell: Any, fleet: FakeFleet) -> None:
    ask(shell, "--model=openai -t x --tag 'y z' --max-tokens 7 --temperature 0.5 --to first", "Hello")
    first = shell.user_ns["first"]
    assert set(first.decision.signals.get("tags", ["x", "y z"])) == {"x", "y z"}
    sent = fleet["openai"].requests[-1].json
    assert (sent["max_tokens"], sent["temperature"]) == (7, 0.5)


def test_tags_are_what_rules_read(shell: Any, fleet: FakeFleet) -> None:
    rules = [{"name": "x", "when": "'x' in tags", "prefer": ["anthropic"]}]
    shell.user_ns["other"] = Router(fleet.config(rules=rules))
    assert ask(shell, "--router other Hello").deployment == "openai"
    assert ask(shell, "--router other --tag x Hello").deployment == "anthropic"


def test_route_decides_and_sends_nothing(shell: Any, fleet: FakeFleet) -> None:
    decision = ask(shell, "--route Hello")
    assert isinstance(decision, Decision)
    assert decision.chosen == "openai"
    assert fleet["openai"].requests == []


def test_a_file_is_read_again_when_it_changes(shell: Any, fleet: FakeFleet, tmp_path: Path) -> None:
    path = tmp_path / "way post.json"
    for at, name in enumerate(["openai", "anthropic"]):
        path.write_text(json.dumps(fleet.config(name)))
        stamp = time.time() + at
        __import__("os").utime(path, (stamp, stamp))
        assert ask(shell, f"--config '{path}' Hello").deployment == name
        assert ask(shell, f"--config '{path}' Hello").deployment == name


def test_the_environment_is_the_last_resort(shell: Any, fleet: FakeFleet, monkeypatch: Any, tmp_path: Path) -> None:
    del shell.user_ns["router"]
    path = tmp_path / "waypost.json"
    path.write_text(json.dumps(fleet.config("anthropic")))
    monkeypatch.setenv("WAYPOST_CONFIG", str(path))
    assert ask(shell, "Hello").deployment == "anthropic"


def test_errors_are_text_and_no_traceback(shell: Any, fleet: FakeFleet) -> None:
    fleet.script("openai", 401, forever=True)
    with capture_output() as shown:
        result = shell.run_cell("%ask --model openai Hello")
    assert result.success
    assert result.result is None
    (output,) = shown.outputs
    assert output.data["text/plain"].startswith("AuthenticationError: ")
    assert "AuthenticationError" in output.data["text/html"]
    assert "Traceback" not in shown.stdout + shown.stderr


def test_an_unknown_model_and_a_wrong_file_are_told(shell: Any) -> None:
    for line, word in (("--model opanai Hi", "UnknownModelError"), ("--config nowhere.toml Hi", "ConfigError")):
        with capture_output() as shown:
            assert ask(shell, line) is None
        assert shown.outputs[0].data["text/plain"].startswith(word)


@pytest.mark.parametrize(
    ("line", "cell", "said"),
    [
        ("", None, "there is no prompt"),
        ("", "  \n", "there is no prompt"),
        ("--modle x Hi", None, "did you mean `--model`"),
        ("--model", None, "`--model` needs a value"),
        ("--max-tokens many Hi", None, "`many` is no number"),
        ("smart", "Hi", "the prompt stands below"),
        ("--router nobody Hi", None, "`nobody` is not there; there is `router`"),
        ("--router line Hi", None, "is no router"),
        ("--router router --config f Hi", None, "not both"),
        ("--to 1x Hi", None, "no name of a variable"),
    ],
)
def test_wrong_use_is_one_line(shell: Any, line: str, cell: str | None, said: str) -> None:
    shell.user_ns["line"] = 1
    with pytest.raises(UsageError, match=said):
        ask(shell, line, cell)


def test_a_terminal_shows_the_whole_answer(shell: Any, fleet: FakeFleet) -> None:
    fleet["openai"].reply = "word " * 40
    format_ = shell.display_formatter.formatters["text/plain"]
    reply = ask(shell, "Hello")
    assert format_(reply).startswith(reply.text)
    assert "— openai, " in format_(reply)
    assert format_(reply.decision) == reply.decision.explain()
    assert format_([reply]) == f"[{reply!r}]"


def test_help_is_there(shell: Any) -> None:
    with capture_output() as shown:
        shell.run_line_magic("pinfo", "%ask")
    assert "--model NAME" in shown.stdout


def test_importing_waypost_leaves_ipython_alone() -> None:
    code = "import sys, waypost, waypost.router, waypost.results; assert 'IPython' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_in_a_kernel_whose_loop_runs() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    cells = [
        "from waypost.testing import FakeProvider\nfake = FakeProvider().__enter__()",
        "from waypost import Router\nrouter = Router([fake.deployment()])\n%load_ext waypost",
        "%%ask --route\nHello",
        "%%ask\nAre you there?",
        "import asyncio\nasyncio.get_running_loop()\nreply = %ask Hello\nreply.finish_reason",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    html = ["".join(out.get("data", {}).get("text/html", "") for out in cell.outputs) for cell in book.cells]
    assert "may serve" in html[2]
    assert "decision" in html[3]
    assert book.cells[4].outputs[0]["data"]["text/plain"] == "'stop'"
