"""Processes, threads, loops, signals and leaks (FAULTS §F, G5)."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from calling import FORMS, attempts, call, config, failure, idle, limits
from waypost import APIConnectionError, ConfigError, RateLimitError, Router, UnknownModelError, WaypostError
from waypost.testing import SIXTY_WORDS, FakeProvider, Step


def child(script: str, *arguments: str) -> str:
    """Run a script in a process of its own and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_p4_a_forked_child_goes_on_in_both_colours() -> None:
    script = """
        import asyncio, os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from waypost import Router
        router = Router([{"model": "openai/x", "base_url": sys.argv[1], "api_key": "k"}])
        router.chat("Hello")
        asyncio.run(router.achat("Hello"))
        child = os.fork()
        if child == 0:
            ok = router.chat("Hello").text and asyncio.run(router.achat("Hello")).text
            ok = ok and "".join(c.text for c in router.stream("Hello"))
            os._exit(0 if ok else 1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, bool(router.chat("Hello").text), bool(asyncio.run(router.achat("Hello")).text))
    """
    with FakeProvider() as a:
        assert child(script, a.base_url) == "0 True True"
        assert a.count == 7


def test_p4_a_router_says_why_it_cannot_be_pickled() -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        with pytest.raises(TypeError, match="cannot be pickled.*from its configuration"):
            pickle.dumps(router)
        with pytest.raises(TypeError, match="cannot be pickled"):
            multiprocessing.get_context("spawn").Process(target=print, args=(router,)).start()


def test_p4_results_and_errors_travel() -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        response = router.chat("Hello")
        again = pickle.loads(pickle.dumps(response))
        assert (again.text, again.decision, again.usage) == (response.text, response.decision, response.usage)
        a.script(Step(429, retry_after=200), forever=True)
        error = failure(router, "chat")
        copy = pickle.loads(pickle.dumps(error))
        assert isinstance(copy, RateLimitError)
        assert (str(copy), copy.status, copy.retry_after) == (str(error), 429, 200)
        assert copy.decision == error.decision
        assert (error.body, copy.body) != (None, error.body)


@pytest.mark.parametrize("stage", ["connect", "headers", "body", "backoff", "place"])
def test_p5_a_cancelled_task_leaves_nothing_behind(stage: str) -> None:
    async def cancelled(router: Router) -> None:
        task = asyncio.ensure_future(router.achat("Hello"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    faults = {
        "connect": "hang",
        "headers": Step(delay=5),
        "body": Step(stall_after=5),
        "backoff": Step(429, retry_after=2),
        "place": "hang",
    }
    with FakeProvider() as a:
        a.script(faults[stage], forever=True)
        router = Router(config(a, each={"limits": {"concurrency": 1}} if stage == "place" else {}))
        threads = [threading.Thread(target=failure, args=(router, "chat"), kwargs={"timeout": 0.3})]
        if stage == "place":
            threads[0].start()
            a.wait_for(1)
        before = a.count
        asyncio.run(cancelled(router))
        for thread in threads[: stage == "place"]:
            thread.join()
        assert idle(router)
        time.sleep(0.02)
        assert a.count == max(before, 1)
        assert 'outcome="cancelled"} 1' in router.metrics()
        a.script()
        if stage == "backoff":
            router.reload(config(a))
        assert router.deployments[0].breaker == "closed"


@pytest.mark.parametrize("form", ["chat", "stream", "batch", "backoff"])
def test_p5_ctrl_c_ends_a_blocked_call(form: str) -> None:
    script = """
        import os, signal, sys, threading, time
        from waypost import Router
        router = Router([{"name": "a", "model": "openai/x", "base_url": sys.argv[1], "api_key": "k"}])
        threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        try:
            if sys.argv[2] == "stream":
                for _ in router.stream("Hello"): pass
            elif sys.argv[2] == "batch":
                router.batch(["Hello"] * 3)
            else:
                router.chat("Hello")
        except KeyboardInterrupt:
            took = time.monotonic() - start
            time.sleep(0.1)
            print(took < 0.7, [status.in_flight for status in router.deployments])
    """
    with FakeProvider() as a:
        a.script(Step(429, retry_after=60) if form == "backoff" else "hang", forever=True)
        assert child(script, a.base_url, form) == "True [0]"


def test_p6_sixty_four_threads_share_a_router() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(*["ok", 503, "ok", Step(429, retry_after=0.05), "reset_after_request"] * 100)
        router = Router(config(a, b))

        def work(n: int) -> bool:
            for form in ("chat", "achat", "stream"):
                assert call(router, form, f"thread {n}").text == SIXTY_WORDS
            router.metrics()
            return bool(router.deployments)

        with ThreadPoolExecutor(64) as pool:
            assert all(pool.map(work, range(64)))
        assert idle(router)


def test_p7_a_defect_is_an_exception_and_the_router_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    async def broken(router: Router) -> None:
        pending = router._core._panic(False)
        await pending.future

    with FakeProvider() as a:
        router = Router(config(a))
        with pytest.raises(WaypostError, match="defect"):
            router._core._panic(True)
        with pytest.raises(WaypostError, match="defect"):
            asyncio.run(broken(router))
        assert router.chat("Hello").text == SIXTY_WORDS
        assert asyncio.run(router.achat("Hello")).text == SIXTY_WORDS
    said = capfd.readouterr().err
    assert said.count("waypost: internal error at src/") == 2
    assert "index out of bounds" not in said


def test_p9_a_wrong_configuration_changes_nothing() -> None:
    with FakeProvider() as a, FakeProvider(reply="from b") as b, ThreadPoolExecutor(1) as pool:
        router = Router(config(a))
        for wrong in ({}, {"deployments": {"x": {"model": "nobody/x"}}}, "no-such-file.toml", {"typo": 1}, []):
            with pytest.raises(ConfigError):
                router.reload(wrong)
            assert router.chat("Hello").text == SIXTY_WORDS
        a.script(Step(delay=0.3))
        under_way = pool.submit(router.chat, "Hello")
        a.wait_for(6)
        made = config(b)
        made["deployments"]["b"] = made["deployments"].pop("a")
        made["routes"]["auto"]["candidates"] = ["b"]
        router.reload(made)
        assert router.chat("Hello").deployment == "b"
        assert under_way.result().deployment == "a"
        with pytest.raises(UnknownModelError):
            router.chat("Hello", model="a")


def test_p9_a_deployment_that_stays_keeps_its_state() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(Step(429, retry_after=60), forever=True)
        router = Router(config(a, b))
        router.chat("Hello")
        router.reload(config(a, b, strategy="cheapest"))
        assert attempts(router.chat("Hello")) == [("b", None)]
        assert router.deployments[1].requests == 2


def test_a_closed_router_says_so() -> None:
    with FakeProvider() as a:
        with Router(config(a)) as router:
            router.chat("Hello")
        for form in FORMS:
            error = failure(router, form)
            assert "closed" in str(error)
        assert a.count == 1


def test_many_loops_one_after_another_and_side_by_side() -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        for _ in range(5):
            assert asyncio.run(router.achat("Hello")).text == SIXTY_WORDS

        async def several() -> list[str]:
            answers = await asyncio.gather(*(router.achat("Hello") for _ in range(5)))
            return [answer.text for answer in answers]

        with ThreadPoolExecutor(8) as pool:
            for texts in pool.map(lambda _: asyncio.run(several()), range(24)):
                assert texts == [SIXTY_WORDS] * 5

        # Two loops by turns on one thread.
        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        descriptors = []
        for _ in range(20):
            for loop in (first, second):
                assert loop.run_until_complete(router.achat("Hello")).text == SIXTY_WORDS
            descriptors.append(len(os.listdir("/proc/self/fd")))
        first.close()
        second.close()
        assert descriptors[-1] <= descriptors[1] + 2


def test_sync_calls_inside_a_running_loop_work() -> None:
    async def inside(router: Router) -> str:
        return router.chat("Hello").text + "".join(chunk.text for chunk in router.stream("Hello"))

    with FakeProvider() as a:
        assert asyncio.run(inside(Router(config(a)))) == SIXTY_WORDS * 2


def test_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")
    with FakeProvider() as a:
        router = Router(config(a))

        async def work() -> str:
            stream = router.astream("Hello")
            return (await router.achat("Hello")).text + "".join([chunk.text async for chunk in stream])

        for _ in range(2):
            loop = uvloop.new_event_loop()
            assert loop.run_until_complete(work()) == SIXTY_WORDS * 2
            loop.close()


def open_descriptors() -> int:
    """How many file descriptors this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_g5_nothing_leaks_over_five_hundred_calls_with_faults() -> None:
    faults = [
        "ok", 429, 500, "reset", "hang", Step(cut_after=20), Step(stall_after=5), "garbage", "empty", Step(400),
        Step(error_event_at=3), Step(delay=0.2),
    ]  # fmt: skip
    guards = limits(first_byte="0.05s", first_token="0.05s", stall="0.05s", response="0.1s")
    guards["resilience"]["breaker"] = {"failures": 10_000}

    async def burst(router: Router, n: int) -> None:
        async def one(i: int) -> None:
            try:
                if i % 2:
                    await router.achat("Hello", timeout=0.3)
                    return
                async for _ in router.astream("Hello", timeout=0.3):
                    if i % 6 == 0:
                        break
            except WaypostError:
                pass

        await asyncio.gather(*(one(i) for i in range(n)))
        assert len(asyncio.all_tasks()) == 1

    with FakeProvider("anthropic") as a, FakeProvider("anthropic") as b:
        router = Router(config(a, b, **guards))
        a.script(*faults * 60)
        b.script(*faults[::-1] * 60)
        asyncio.run(burst(router, 20))
        router.close()
        time.sleep(0.1)
        before, threads = open_descriptors(), threading.active_count()
        router = Router(config(a, b, **guards))
        for _ in range(5):
            asyncio.run(burst(router, 100))
        assert idle(router)
        assert sum(status.in_flight for status in router.deployments) == 0
        router.close()
        until = time.monotonic() + 3
        while open_descriptors() > before and time.monotonic() < until:
            time.sleep(0.05)
        assert open_descriptors() <= before
        assert threading.active_count() <= threads


def test_errors_are_what_python_programs_catch() -> None:
    with FakeProvider() as a:
        a.script("reset_after_request", forever=True)
        with pytest.raises(ConnectionError) as caught:
            Router(config(a)).chat("Hello")
        assert isinstance(caught.value, APIConnectionError)
        a.script("hang", forever=True)
        with pytest.raises(TimeoutError):
            Router(config(a, **limits(response="0.1s"))).chat("Hello")


def test_values_that_make_no_sense_are_refused() -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        wrong: list[dict[str, Any]] = [
            {"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"timeout": "soon"}, {"max_cost": -1},
            {"max_cost": float("nan")}, {"tags": [1]}, {"metadata": [1]}, {"session": 7}, {"n": -1}, {"model": 3},
        ]  # fmt: skip
        for options in wrong:
            error = failure(router, "chat", "Hello", **options)
            assert isinstance(error, (WaypostError, TypeError)), options
            assert next(iter(options)) in str(error), options
        assert a.count == 0
        for options in ({"timeout": float("inf")}, {"timeout": 1e30}):
            assert isinstance(failure(router, "chat", "Hello", **options), WaypostError) or a.count
        right: list[dict[str, Any]] = [
            {"tags": "one"}, {"tags": {"a", "b"}}, {"tags": ()}, {"metadata": {}}, {"session": ""}, {"timeout": 5},
            {"metadata": {"n": None, "list": [1, "x"], "ü": "😀", "big": 2**60}}, {"timeout": 1_000_000}, {"max_cost": None},
        ]  # fmt: skip
        for options in right:
            assert router.chat("Hello", **options).text == SIXTY_WORDS


def test_signal_handlers_are_left_alone() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with FakeProvider() as a:
        Router(config(a)).chat("Hello")
    assert signal.getsignal(signal.SIGINT) is handler
