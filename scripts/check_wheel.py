"""Check that a wheel is as light as promised: small, quick to import, and idle until it is used.

    python scripts/check_wheel.py dist/waypost-0.1.0-cp310-abi3-linux_x86_64.whl

Installs it into a fresh environment and asks new processes. Exits with 1 and says what is wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

LARGEST_MB = 14.0
"""A wheel is downloaded by every build of everyone who uses it; the table of word vectors alone is 5.2 MB of it."""

RUNS = 15
"""The best of so many: other work on the machine can only make a run slower."""

SLOWEST = {"import waypost": 1.0, "from waypost import Router": 3.0}
"""CPU time at most, as multiples of what a bare Python takes to start."""

BARE = "pass"

OF_INTEREST = ("waypost._waypost", "asyncio", "ssl", "numpy", "pydantic")

ASK = """
import os, resource, sys, threading
{statement}
used = resource.getrusage(resource.RUSAGE_SELF)
def peek(fd):
    try:
        return os.readlink(f"/proc/self/fd/{{fd}}")
    except OSError:
        return ""
proc = os.path.isdir("/proc/self/task")
import json
print(json.dumps({{
    "cpu": used.ru_utime + used.ru_stime,
    "rss": used.ru_maxrss / 1024,
    "threads": len(os.listdir("/proc/self/task")) if proc else threading.active_count(),
    "sockets": [at for fd in os.listdir("/proc/self/fd") if (at := peek(fd)).startswith(("socket:", "anon_inode:"))]
    if proc
    else [],
    "loaded": [name for name in {of_interest} if name in sys.modules],
}}))
"""


def installed(wheel: Path, folder: Path) -> Path:
    """The Python of a fresh environment that has this wheel and nothing else."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--compile", wheel], check=True)
    return python


def ask(python: Path, statement: str) -> dict[str, Any]:
    """What a new process says after one statement: the run that took least."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    code = ASK.format(statement=statement, of_interest=OF_INTEREST)
    runs = []
    for _ in range(RUNS):
        done = subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, env=environment)
        runs.append(json.loads(done.stdout))
    return min(runs, key=lambda run: run["cpu"])


def problems(python: Path) -> list[str]:
    """What an import does that it must not."""
    bare = ask(python, BARE)
    found = []
    for statement, most in SLOWEST.items():
        run = ask(python, statement)
        added = (run["cpu"] - bare["cpu"]) * 1000
        print(
            f"import: `{statement}` adds {added:.1f} ms of CPU to {bare['cpu'] * 1000:.1f} ms, "
            f"{run['rss'] - bare['rss']:.1f} MB to {bare['rss']:.1f} MB, {run['threads']} thread, "
            f"{len(run['sockets'])} sockets, of interest: {', '.join(run['loaded']) or 'nothing'}"
        )
        if added > most * bare["cpu"] * 1000:
            found.append(f"`{statement}` takes more than {most:g} × the start of a bare Python")
        if run["threads"] != 1:
            found.append(f"`{statement}` starts {run['threads'] - 1} threads")
        if run["sockets"]:
            found.append(f"`{statement}` opens {run['sockets']}")
    return found


def main() -> None:
    """Check the wheel that the command line names."""
    wheel = Path(sys.argv[1]).resolve()
    size = wheel.stat().st_size / 1e6
    print(f"wheel: {wheel.name}, {size:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        found = problems(installed(wheel, Path(folder)))
    if size >= LARGEST_MB:
        found.append(f"the wheel has {size:.1f} MB, {LARGEST_MB:g} at most")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
