"""Ten thousand requests at once through one router, with faults: 1 % resets, 5 % 429 and one dead deployment.

Every request must end with an answer or a typed error, and what it took (memory, descriptors, places under the limits) must be
given back. Bounded in count and in time: it stops by itself, with status 1 if a promise is broken.

    cargo build --no-default-features --profile fast --example upstream
    maturin develop --profile fast
    python benches/load.py target/fast/examples/upstream
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import subprocess
import sys
import time
from collections import Counter

from waypost import Router, WaypostError

LONGEST = 120.0
"""Seconds after which the whole run has failed."""
TIMEOUT = 60.0
"""Seconds of one call."""


def resident() -> float:
    """Megabytes that are resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def descriptors() -> int:
    """Open file descriptors."""
    return len(os.listdir("/proc/self/fd"))


class Watch:
    """The peaks of memory and descriptors."""

    def __init__(self) -> None:
        self.memory, self.files = resident(), descriptors()

    async def run(self) -> None:
        """Look ten times a second."""
        while True:
            self.memory, self.files = max(self.memory, resident()), max(self.files, descriptors())
            await asyncio.sleep(0.1)


async def burst(router: Router, calls: int) -> tuple[Counter[str], list[str]]:
    """So many calls at once: how they ended, and what must not have happened."""
    results = await asyncio.gather(
        *(router.achat(f"Question {n}", timeout=TIMEOUT) for n in range(calls)), return_exceptions=True
    )
    ends: Counter[str] = Counter()
    wrong = []
    for result in results:
        if isinstance(result, WaypostError):
            ends[type(result).__name__] += 1
        elif isinstance(result, BaseException):
            wrong.append(repr(result))
        elif result.text and not any(attempt.outcome == "running" for attempt in result.decision.attempts):
            ends[f"answered at attempt {len(result.decision.attempts)}"] += 1
        else:
            wrong.append(f"an answer that is none: {result!r}")
    return ends, wrong


async def run(base: str, calls: int, bursts: int) -> list[str]:
    """All bursts; what was broken."""
    limits = {"rpm": 10_000_000, "tpm": 10_000_000_000}
    one = {"model": "openai-compatible/m", "api_key": "k", "limits": limits, "price": {"input": 1.0, "output": 2.0}}
    deployments = {
        name: {**one, "base_url": f"{base}/{path}/v1"}
        for name, path in [("dead", "dead"), ("a", "faulty"), ("b", "faulty"), ("c", "faulty")]
    }
    # The dead one is first in order: its breaker must take it out of everybody's way.
    router = Router({"deployments": deployments})
    await asyncio.gather(*(router.achat("warm") for _ in range(100)))
    gc.collect()
    idle, files, broken, peaks = resident(), descriptors(), [], []
    for number in range(bursts):
        watch = Watch()
        watcher = asyncio.create_task(watch.run())
        start = time.monotonic()
        ends, wrong = await burst(router, calls)
        took = time.monotonic() - start
        watcher.cancel()
        gc.collect()
        peaks.append(max(watch.memory, resident()))
        print(
            f"burst {number + 1}: {took:.1f} s, peak {peaks[-1] - idle:.0f} MB above idle, after it {resident() - idle:.0f} MB, "
            f"{watch.files} descriptors at most",
            flush=True,
        )
        for end, count in sorted(ends.items()):
            print(f"    {count:>6} {end}")
        broken += [f"{len(wrong)} calls ended in no known way, the first: {wrong[0]}"] if wrong else []
        answered = sum(count for end, count in ends.items() if end.startswith("answered"))
        if answered < 0.95 * calls:
            broken.append(f"only {answered} of {calls} were answered")
    if bursts > 1 and peaks[-1] > 1.2 * peaks[0]:
        broken.append(f"memory grows: {peaks[0]:.0f} MB, then {peaks[-1]:.0f} MB")
    status = {one.name: one for one in router.deployments}
    print("  ".join(f"{name}: {one.requests} attempts, breaker {one.breaker}" for name, one in status.items()))
    if any(one.in_flight for one in status.values()):
        broken.append("places under the limits were not given back")
    router.close()
    for _ in range(50):
        if descriptors() <= files:
            break
        await asyncio.sleep(0.1)
    print(
        f"after closing: {descriptors() - files:+d} descriptors against 100 idle connections, {resident() - idle:.0f} MB above idle"
    )
    if descriptors() > files:
        broken.append(f"{descriptors() - files} descriptors were not given back")
    return broken


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream", help="the built example `upstream`")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--bursts", type=int, default=3)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with subprocess.Popen([options.upstream], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        base = f"http://127.0.0.1:{upstream.stdout.readline().strip()}"
        try:
            broken = asyncio.run(asyncio.wait_for(run(base, options.calls, options.bursts), LONGEST))
        except TimeoutError:
            broken = [f"it was not over after {LONGEST} s"]
        upstream.communicate("")
    print("\n".join(f"BROKEN: {what}" for what in broken) or "all promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
