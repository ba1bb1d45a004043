"""What `import waypost` gives, and what it does not do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import waypost
from waypost import errors, results

ROOT = Path(__file__).parents[2]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_can_be_imported() -> None:
    for name in waypost.__all__:
        assert getattr(waypost, name) is not None
    assert dir(waypost) == waypost.__all__


def test_the_public_names_are_sorted() -> None:
    for module in (waypost, errors, results):
        assert list(module.__all__) == sorted(module.__all__), module.__name__


def test_every_error_and_result_is_public() -> None:
    assert set(errors.__all__) <= set(waypost.__all__)
    assert set(results.__all__) <= set(waypost.__all__)


def test_public_names_have_docstrings() -> None:
    undocumented = [name for name in waypost.__all__ if name != "__version__" and not getattr(waypost, name).__doc__]
    assert undocumented == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(waypost, "Ruoter")


def test_importing_loads_no_framework_no_network_and_no_extension() -> None:
    loaded = _python(
        "import sys; before = set(sys.modules); import waypost; print(*sorted(set(sys.modules) - before))"
    ).split()
    heavy = {
        "asyncio",
        "langchain_core",
        "llama_index",
        "numpy",
        "pydantic",
        "socket",
        "ssl",
        "tqdm",
        "waypost._waypost",
        "yaml",
    }
    assert not heavy & set(loaded)
    assert [name for name in loaded if name.startswith("waypost.")] == []


def test_importing_everything_and_building_a_router_starts_no_thread_and_opens_no_socket() -> None:
    code = """
import os
def threads(): return len(os.listdir("/proc/self/task"))
def sockets():
    paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return sum("socket:" in os.readlink(path) for path in paths if os.path.exists(path))
before = threads(), sockets()
from waypost import *
router = Router(["ollama/llama3.3", "ollama/qwen3"])
router.route("Hello")
print((threads(), sockets()) == before)
"""
    if sys.platform == "linux":
        assert _python(code) == "True"


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(waypost.__file__).parent / "py.typed").exists()


# The documentation says what the code says.


def test_every_key_of_the_configuration_is_documented() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    schema = (ROOT / "src/config/schema.rs").read_text(encoding="utf-8")
    places = re.findall(r"place!\((.*?)\n\);", schema, re.DOTALL)
    keys = {
        key
        for place in places
        for key in re.findall(r'"([a-z_]+)"', (re.findall(r"\[(.*?)\]", place, re.DOTALL) or [""])[-1])
    }
    assert len(keys) > 80
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", text)) == []


def test_every_kind_of_error_is_documented_with_its_class_and_disposition() -> None:
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    kinds = dict(re.findall(r"Self::(\w+) => \"(\w+)\",", (ROOT / "src/error.rs").read_text(encoding="utf-8")))
    classes = (ROOT / "src/python/error.rs").read_text(encoding="utf-8")
    assert len(kinds) > 20
    for variant, kind in kinds.items():
        arm = re.search(rf"ErrorKind::{variant}\b[^=]*=> \"(\w+)\"", classes)
        assert arm, variant
        assert f"| `{kind}` | `{arm[1]}` |" in text


def test_every_key_of_a_decision_is_documented() -> None:
    text = (ROOT / "docs/decision.md").read_text(encoding="utf-8")
    keys = re.findall(r'serialize_entry\("(\w+)"', (ROOT / "src/trace/decision.rs").read_text(encoding="utf-8"))
    assert sorted(key for key in keys if f"`{key}`" not in text) == []
    codes = re.findall(r'=> "([a-z_]+)",', (ROOT / "src/trace/decision.rs").read_text(encoding="utf-8"))
    assert sorted(code for code in codes if f"`{code}`" not in text) == []
