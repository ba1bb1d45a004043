"""README.md, and the pages of docs/ that teach, as a newcomer would type them.

Every Python block runs as it stands, in a namespace of its own; one that starts with `# continues` goes on where the
block before it ended. Every TOML block is a configuration that loads. Shell blocks run where the fence says so
(```` ```sh run ````), and nothing runs where it says `no-run`. Paths in blocks are those of an empty folder, keys of
providers are there and wrong.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / name
        for name in (
            "policies.md",
            "signals.md",
            "answers.md",
            "evaluation.md",
            "simulate.md",
            "dspy.md",
            "haystack.md",
            "instructor.md",
        )
    ),
]
# Pages on a package that is heavy: they run where it is there.
NEEDS = {"dspy.md": "dspy", "haystack.md": "haystack", "instructor.md": "instructor"}
FENCE = re.compile(r"^```(?P<language>\w+)(?P<marks>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUES = "# continues"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")


class Block(NamedTuple):
    """A fenced block, its page, and the line where its code starts."""

    page: Path
    language: str
    marks: str
    code: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.page.name} line {self.line}"

    @property
    def continues(self) -> bool:
        return self.code.startswith(CONTINUES)


def blocks(*languages: str) -> list[Block]:
    found = [block for page in PAGES for block in blocks_of(page)]
    return [block for block in found if block.language in languages and block.marks != "no-run"]


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page, match["language"], match["marks"].strip(), match["code"], text.count("\n", 0, match.start("code")) + 1
        )
        for match in FENCE.finditer(text)
    ]


def stories() -> list[list[Block]]:
    """The Python blocks, each with those that continue it."""
    found: list[list[Block]] = []
    for block in blocks("python"):
        if block.continues and found and found[-1][0].page == block.page:
            found[-1].append(block)
        else:
            found.append([block])
    return found


def named(items: list[Block]) -> list[str]:
    return [item.place for item in items]


@pytest.fixture(autouse=True)
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, keys that open nothing, and the commands of this environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAYPOST_CONFIG", raising=False)
    for name in KEYS:
        monkeypatch.setenv(name, "not-a-key")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return tmp_path


@pytest.mark.parametrize("story", stories(), ids=lambda story: story[0].place)
def test_python_runs_as_it_stands(story: list[Block]) -> None:
    if (package := NEEDS.get(story[0].page.name)) and importlib.util.find_spec(package) is None:
        pytest.skip(f"`{package}` is not installed")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for block in story:
            # The blank lines make a traceback point into the page.
            code = compile("\n" * (block.line - 1) + block.code, str(block.page), "exec", dont_inherit=True)
            exec(code, namespace)
    finally:
        # What the end of a script would end.
        for value in namespace.values():
            end = getattr(value, "close", None) or getattr(value, "stop", None)
            if callable(end) and not isinstance(value, type):
                end()


TOML = blocks("toml")
SHELL = [block for block in blocks("sh", "bash", "console") if block.marks == "run"]


@pytest.mark.parametrize("block", TOML, ids=named(TOML))
def test_a_configuration_loads(block: Block, newcomer: Path) -> None:
    import waypost

    path = newcomer / "waypost.toml"
    path.write_text(block.code, encoding="utf-8")
    with waypost.Router(str(path)) as router:
        assert router.route("Why is the sky blue?").chosen


@pytest.mark.parametrize("block", SHELL, ids=named(SHELL))
def test_shell_runs_as_it_stands(block: Block) -> None:
    subprocess.run(["bash", "-euo", "pipefail", "-c", block.code], check=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_found(page: Path) -> None:
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert all(not story[0].continues for story in stories()), "the first block continues nothing"
