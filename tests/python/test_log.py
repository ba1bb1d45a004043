"""The decision log: every call that ends is a row, nothing waits for it, and tampering shows."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from waypost import (
    APIConnectionError,
    BlockedError,
    BudgetExceededError,
    NoCandidatesError,
    Router,
    ServerError,
    audit,
)
from waypost.__main__ import main
from waypost.testing import FakeProvider, Reply, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEALTH = "The patient was diagnosed with diabetes mellitus type 2 and takes metformin."
CANARY = "CANARY-7d1f"
KEY = "sk-secret-canary-0123456789abcdef"


def configuration(fake: FakeProvider, path: object, **more: Any) -> dict[str, Any]:
    deployment = {**fake.deployment(), "region": "us-east-1", "tags": ["cloud"], "api_key": KEY}
    return {"deployments": {"a": deployment}, "telemetry": {"log": str(path)}, **more}


def rows(path: object, sql: str = "SELECT * FROM decisions ORDER BY seq") -> list[dict[str, Any]]:
    return audit.query(str(path), sql)


def in_process(script: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "waypost.db"


async def test_every_call_that_ends_is_one_row(path: Path) -> None:
    with FakeProvider("openai", Reply("ten tokens", usage={"prompt_tokens": 4, "completion_tokens": 10})) as fake:
        config = configuration(
            fake, path, rules=[{"name": "no-evil", "when": "'evil' in tags", "block": "not for evil"}]
        )
        async with Router(config) as router:
            assert not _files(path)
            router.route("Hi")
            router.chat("Hi")
            await router.achat("Hi", user="u1", session="s1", tags=["t"])
            assert router.stream("Hi").text
            async for _ in router.astream("Hi"):
                pass
            await router.aembed(["Hi"])
            with pytest.raises(BlockedError):
                router.chat("Hi", tags=["evil"])
            fake.script(400)
            with pytest.raises(Exception, match="400"):
                router.chat("Hi")
            fake.script(Step(tokens=50, interval=0.02))
            with router.stream("Hi") as left:
                next(left)
    outcomes = [row["outcome"] for row in rows(path)]
    assert outcomes == ["ok", "ok", "ok", "ok", "ok", "refused", "error", "cancelled"]
    first, second, *_ = rows(path)
    assert (first["route"], first["chosen"], first["provider"], first["region"]) == ("auto", "a", "openai", "us-east-1")
    assert (first["input_tokens"], first["output_tokens"], first["strategy"]) == (4, 10, "priority")
    assert first["latency"] > 0
    assert (second["user"], second["session"], second["request_tags"]) == ("u1", "s1", '["t"]')
    assert rows(path)[5]["error"] == "blocked"
    assert rows(path)[2]["ttft"] > 0
    assert len(rows(path, "SELECT * FROM attempts")) == 7
    assert audit.verify(path).rows == 8


def test_refusals_and_outages_are_rows_too(path: Path) -> None:
    with FakeProvider() as fake:
        config = configuration(fake, path, budgets={"b": {"usd": 0.000001, "window": "1d"}})
        config["deployments"]["a"]["price"] = {"input": 1000.0, "output": 1000.0}
        with Router(config) as router, pytest.raises(BudgetExceededError):
            router.chat("Hi")
        deny = [{"name": "stay", "when": "true", "deny": {"tags": ["cloud"]}}]
        with Router(configuration(fake, path, rules=deny)) as router, pytest.raises(NoCandidatesError):
            router.chat("Hi")
        nobody = configuration(fake, path, resilience={"retry": {"attempts": 1}})
    with Router(nobody) as router, pytest.raises(APIConnectionError):
        router.chat(HEALTH)
    found = [(row["outcome"], row["error"]) for row in rows(path)]
    assert found == [("refused", "budget_exceeded"), ("refused", "no_candidates"), ("error", "connection")]
    # Nobody took the connection: nothing reached anybody.
    assert audit.reached(path, health=True) == []


def test_the_audits_question_is_one_query(path: Path) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        router.chat("Why is the sky blue?")
        router.chat(HEALTH)
    assert len(rows(path, "SELECT * FROM reached WHERE health AND region LIKE 'us%'")) == 1
    (row,) = audit.reached(path, health=True, region="US", since="2020-01-01")
    assert (row["deployment"], row["outcome"]) == ("a", "ok")
    assert audit.reached(path, health=True, region="eu") == []
    assert audit.reached(path, health=True, until="2020-01-01") == []
    assert len(audit.reached(path, health=False)) == 1


def test_neither_text_nor_keys_are_in_the_file(path: Path) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        fake.script(Step(reply=CANARY), Step(reply=f"{CANARY} again"))
        router.chat(f"{CANARY} {HEALTH}", metadata={"note": CANARY}, stop=[CANARY])
        assert router.stream(CANARY).text
        fake.script(Step(400, message=f"cannot do {CANARY} with {KEY}"))
        with pytest.raises(Exception, match="400"):
            router.chat(
                f"please {CANARY}", tools=[{"type": "function", "function": {"name": "f", "description": CANARY}}]
            )
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert CANARY.encode() not in content
            assert KEY.encode() not in content
    assert len(rows(path)) == 3
    content = path.read_bytes()
    for word in (CANARY, KEY, "metformin", "diabetes mellitus"):
        assert word.encode() not in content


def test_feedback_is_a_row_for_any_call(path: Path) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        reply = router.chat("Hi")
        router.feedback(reply, 1)
        router.feedback(reply.decision, 0.5, comment="so so")
        router.feedback("wp-of-another-process", 0)
        stream = router.stream("Hi")
        with pytest.raises(ValueError, match="at its end"):
            router.feedback(stream, 1)
        assert stream.text
        router.feedback(stream, 0.25)
        fake.script(*[500] * 8)
        with pytest.raises(ServerError) as caught:
            router.chat("Hi")
        router.feedback(caught.value, 0)
        for score in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match="from 0 to 1"):
                router.feedback(reply, score)
        with pytest.raises(ValueError, match="empty"):
            router.feedback("", 1)
    found = rows(path, "SELECT id, score, comment FROM feedback ORDER BY seq")
    assert [row["score"] for row in found] == [1.0, 0.5, 0.0, 0.25, 0.0]
    assert found[0]["id"] == reply.decision.id
    assert found[1]["comment"] == "so so"
    with FakeProvider() as fake, Router([fake.deployment()]) as router:
        router.feedback(router.chat("Hi"), 1)


def test_tampering_shows_in_both_faces(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        for _ in range(5):
            router.chat(HEALTH)
    found = audit.verify(path)
    assert found
    assert (found.rows, found.dropped, found.fault) == (5, 0, None)
    assert main(["audit", "verify", str(path), "--head", found.head]) == 0
    assert "is intact: 5 rows" in capsys.readouterr().out
    assert main(["audit", str(path), "--health", "--region", "us"]) == 0
    assert "5 rows" in capsys.readouterr().out
    assert main(["audit", "SELECT count(*) AS n FROM decisions", str(path), "--json"]) == 0
    assert '"n": 5' in capsys.readouterr().out
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE attempts SET region = 'eu-west-1' WHERE seq = 3")
    found = audit.verify(path)
    assert not found
    assert found.fault is not None
    assert (found.fault.kind, found.fault.seq) == ("changed", 3)
    assert main(["audit", "verify", str(path)]) == 1
    assert "row 3 (decision) is not as it was written" in capsys.readouterr().err
    with pytest.raises(OSError, match="no file"):
        audit.verify(path.with_name("none.db"))
    with pytest.raises(ValueError, match="readonly"):
        audit.query(path, "DELETE FROM decisions")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a folder that cannot be written")
def test_p8_a_log_that_cannot_be_written_costs_no_call(path: Path) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path.parent / "absent" / "waypost.db")) as router:
        for _ in range(3):
            assert router.chat("Hi").text
        router.close()
        assert "waypost_log_dropped_total 3" in router.metrics()
        assert any("telemetry.log: 3 rows were not written" in warning for warning in router._core.warnings())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs RLIMIT_FSIZE")
def test_p8_a_full_disk_costs_rows_and_no_call(path: Path) -> None:
    script = """
        import resource, signal, sys
        from waypost import Router
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        router = Router({"deployments": {"a": {"model": "openai/x", "base_url": sys.argv[1], "api_key": "k"}},
                         "telemetry": {"log": sys.argv[2]}})
        assert all(router.chat("Hello").text for _ in range(200))
        router.close()
        lost = [line for line in router.metrics().splitlines() if line.startswith("waypost_log_dropped_total")]
        print(int(lost[0].split()[1]))
    """
    with FakeProvider() as fake:
        done = in_process(script, fake.base_url, path)
        assert done.returncode == 0, done.stderr
        lost = int(done.stdout)
        assert 0 < lost < 200
        # With room again, the log goes on, and says what is missing.
        with Router(configuration(fake, path)) as router:
            router.chat("Hi")
    found = audit.verify(path)
    assert found.intact
    assert 0 < found.dropped <= lost
    assert len(rows(path)) == 201 - lost


def test_p11_a_locked_file_never_blocks_a_call(path: Path) -> None:
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        router.chat("Hi")
        deadline = time.monotonic() + 10
        while not (path.exists() and _rows(path)) and time.monotonic() < deadline:
            time.sleep(0.01)
        with locked_elsewhere(path):
            before = time.monotonic()
            for _ in range(20):
                router.chat("Hi")
            assert time.monotonic() - before < 3
            assert len(rows(path)) == 1
    assert len(rows(path)) == 21
    assert audit.verify(path).intact


def test_p10_a_log_that_is_opened_once_more_keeps_its_locks(path: Path) -> None:
    """Whoever closes a file lets go of all locks that its process has on it; others would then take away the journal."""
    with (
        FakeProvider() as fake,
        Router(configuration(fake, path)) as first,
        Router(configuration(fake, path)) as second,
    ):
        for router in (first, second):
            router.chat("Hi")
            deadline = time.monotonic() + 10
            while _rows(path) < (1 if router is first else 2) and time.monotonic() < deadline:
                time.sleep(0.01)
        with locked_elsewhere(path):
            pass
        first.chat("Hi")
        second.chat("Hi")
    assert audit.verify(path).intact
    assert len(rows(path)) == 4


@contextmanager
def locked_elsewhere(path: Path) -> Iterator[None]:
    """In another process: within one, two SQLite libraries don't see each other's locks, and undo them."""
    script = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        print("locked", flush=True)
        sys.stdin.read()
        db.execute("COMMIT")
        db.close()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.communicate()
    assert other.returncode == 0


def _files(path: Path) -> list[str]:
    return os.listdir(path.parent)


def _rows(path: Path) -> int:
    with suppress(OSError, ValueError):
        return len(rows(path))
    return 0


LOOP = """
    import sys
    from waypost import Router
    router = Router({"deployments": {"a": {"model": "openai/x", "base_url": sys.argv[1], "api_key": "k"}},
                     "telemetry": {"log": sys.argv[2]}})
    print("ready", flush=True)
    while True:
        router.chat("Hello")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_p3_p10_processes_killed_in_mid_write_leave_one_clean_chain(path: Path) -> None:
    with FakeProvider() as fake:
        command = [sys.executable, "-c", textwrap.dedent(LOOP), fake.base_url, str(path)]
        for _ in range(3):
            both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
            for process in both:
                assert process.stdout is not None
                process.stdout.readline()
            time.sleep(0.4)
            for process in both:
                process.send_signal(signal.SIGKILL)
                process.wait()
                assert process.stdout is not None
                process.stdout.close()
            found = audit.verify(path)
            assert found.intact, found
        with Router(configuration(fake, path)) as router:
            router.chat("Hi")
    assert audit.verify(path).intact
    assert len(rows(path)) == found.rows + 1 > 10


def test_the_end_of_the_process_writes_what_waits(path: Path) -> None:
    script = LOOP.replace("while True", "for _ in range(20)")
    with FakeProvider() as fake:
        assert in_process(script, fake.base_url, path).returncode == 0
    assert not path.with_name("waypost.db-wal").exists()
    assert len(rows(path)) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_with_a_connection_of_its_own(path: Path) -> None:
    script = """
        import multiprocessing, os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from waypost import Router
        router = Router({"deployments": {"a": {"model": "openai/x", "base_url": sys.argv[1], "api_key": "k"}},
                         "telemetry": {"log": sys.argv[2]}})
        def work():
            for _ in range(5):
                router.chat("Hello")
        work()
        children = []
        for _ in range(3):
            children.append(os.fork())
            if children[-1] == 0:
                work()
                router.close()
                os._exit(0)
        work()
        other = multiprocessing.get_context("fork").Process(target=work)
        other.start()
        other.join()
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], other.exitcode)
        work()
    """
    with FakeProvider() as fake:
        done = in_process(script, fake.base_url, path)
        assert done.stdout.strip() == "[0, 0, 0] 0", done.stderr
    assert len(rows(path)) == 35
    assert audit.verify(path).intact


def test_many_threads_and_a_bounded_file(path: Path) -> None:
    with FakeProvider() as fake:
        config = configuration(fake, path)
        config["telemetry"]["log"] = {"path": str(path), "max_rows": 50}
        with Router(config) as router:
            threads = [threading.Thread(target=lambda: [router.chat("Hi") for _ in range(25)]) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    found = audit.verify(path)
    assert found.intact
    assert found.rows <= 53
    assert found.pruned > 100
    assert len(rows(path)) >= 40


def test_reload_moves_the_log(path: Path) -> None:
    other = path.with_name("other.db")
    with FakeProvider() as fake, Router(configuration(fake, path)) as router:
        router.chat("Hi")
        router.reload(configuration(fake, other))
        router.chat("Hi")
        router.reload([fake.deployment()])
        router.chat("Hi")
    deadline = time.monotonic() + 10
    while not (other.exists() and (_rows(path), _rows(other)) == (1, 1)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (_rows(path), _rows(other)) == (1, 1)


async def test_a_call_that_is_given_up_is_a_row(path: Path) -> None:
    with FakeProvider() as fake:
        fake.latency = 5
        async with Router(configuration(fake, path)) as router:
            call = asyncio.create_task(router.achat(HEALTH))
            for _ in range(500):
                if fake.requests:
                    break
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
    (row,) = rows(path)
    assert (row["outcome"], row["error"]) == ("cancelled", "cancelled")
    # The provider may have it all the same.
    assert len(audit.reached(path, health=True, region="us")) == 1
