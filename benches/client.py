"""CPU time of the client process a request, against one loopback upstream: waypost beside raw aiohttp with orjson.

Rounds of both alternate in one process, and the medians of their CPU time (all threads, user and system) are compared: the
ratios hold on a busy machine, absolute figures are upper bounds.

    cargo build --no-default-features --profile fast --example upstream
    maturin develop --profile fast
    python benches/client.py target/fast/examples/upstream
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
from waypost import Router

TEXT = "Why is the sky blue? Answer in one sentence, and do not mention Rayleigh."
MESSAGES = [{"role": "user", "content": TEXT}]
ROUNDS = 7
Work = Callable[[], Awaitable[Any]]


def cpu() -> float:
    """Microseconds of CPU time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def resident() -> float:
    """Megabytes that are resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


async def many(work: Work, requests: int, at_once: int) -> None:
    """Do ``work`` so often, with so many at once."""
    left = iter(range(requests))

    async def lane() -> None:
        for _ in left:
            await work()

    await asyncio.gather(*(lane() for _ in range(at_once)))


async def compare(names: dict[str, Work], requests: int, at_once: int, per: int = 1) -> dict[str, float]:
    """The median CPU microseconds of one unit (a request has ``per`` of them) for each, in alternating rounds."""
    rounds: dict[str, list[float]] = {name: [] for name in names}
    for work in names.values():
        await many(work, min(requests, at_once), at_once)
    for _ in range(ROUNDS):
        for name, work in names.items():
            gc.collect()
            before = cpu()
            await many(work, requests, at_once)
            rounds[name].append((cpu() - before) / requests / per)
    return {name: statistics.median(figures) for name, figures in rounds.items()}


def show(what: str, figures: dict[str, float], goal: float) -> None:
    """Print one row."""
    ratio = figures["waypost"] / figures["aiohttp"]
    verdict = "ok" if ratio <= goal else "MISSED"
    print(
        f"{what:<28}{figures['waypost']:>9.1f}{figures['aiohttp']:>9.1f}{ratio:>8.2f}{goal:>8.2f}  {verdict}",
        flush=True,
    )


def router(base: str) -> Router:
    """A router with a limit, a price and a second deployment, as in life."""
    one = {
        "model": "openai-compatible/m",
        "base_url": base,
        "api_key": "k",
        "limits": {"rpm": 100_000_000, "tpm": 10_000_000_000},
        "price": {"input": 1.0, "output": 2.0},
    }
    return Router({"deployments": {"a": one, "b": one}})


async def whole(base: str) -> None:
    """Whole answers."""
    ours = router(base)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def waypost() -> None:
            assert (await ours.achat(MESSAGES)).text

        async def raw() -> None:
            body = orjson.dumps({"model": "m", "messages": MESSAGES})
            headers = {"content-type": "application/json", "authorization": "Bearer k"}
            async with session.post(f"{base}/chat/completions", data=body, headers=headers) as reply:
                assert orjson.loads(await reply.read())["choices"][0]["message"]["content"]

        names: dict[str, Work] = {"waypost": waypost, "aiohttp": raw}
        show("1 at a time", await compare(names, 1_000, 1), 0.5)
        show("100 at once", await compare(names, 4_000, 100), 0.4)
        show("1,000 at once", await compare(names, 4_000, 1_000), 0.4)


async def streams(base: str, what: str) -> None:
    """Streams of 200 chunks, 50 at once."""
    ours = router(base)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def waypost() -> None:
            pieces = [chunk.text async for chunk in ours.astream(MESSAGES)]
            assert len("".join(pieces)) > 1_000

        async def raw() -> None:
            body = orjson.dumps({"model": "m", "messages": MESSAGES, "stream": True})
            headers = {"content-type": "application/json", "authorization": "Bearer k"}
            pieces: list[str] = []
            async with session.post(f"{base}/chat/completions", data=body, headers=headers) as reply:
                async for line in reply.content:
                    if line.startswith(b"data: {"):
                        delta = orjson.loads(line[6:])["choices"][0]["delta"]
                        pieces.append(delta.get("content") or "")
            assert len("".join(pieces)) > 1_000

        show(what, await compare({"waypost": waypost, "aiohttp": raw}, 100, 50, per=200), 0.7)


def sync(base: str) -> None:
    """One thread, blocking calls."""
    ours = router(base)
    rounds = []
    for _ in range(ROUNDS):
        before = cpu()
        for _ in range(500):
            assert ours.chat(MESSAGES).text
        rounds.append((cpu() - before) / 500)
    print(f"{'sync, 1 thread':<28}{statistics.median(rounds):>9.1f}")
    decisions = []
    for _ in range(ROUNDS):
        before = cpu()
        for _ in range(2_000):
            ours.route(MESSAGES)
        decisions.append((cpu() - before) / 2_000)
    print(f"{'route()':<28}{statistics.median(decisions):>9.1f}")


async def crowd(base: str, at_once: int = 10_000) -> None:
    """Memory of very many at once, against an upstream of 50 ms."""
    ours = router(base)
    await ours.achat(MESSAGES)
    gc.collect()
    idle, peak = resident(), 0.0
    start, before = time.monotonic(), cpu()

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident())
            await asyncio.sleep(0.005)

    watcher = asyncio.create_task(watch())
    results = await asyncio.gather(*(ours.achat(MESSAGES) for _ in range(at_once)), return_exceptions=True)
    peak = max(peak, resident())
    watcher.cancel()
    failed = [r for r in results if isinstance(r, Exception)]
    wall, each = time.monotonic() - start, (cpu() - before) / at_once
    first = f", the first: {failed[0]!r}" if failed else ""
    print(
        f"{at_once:,} at once: {peak - idle:.0f} MB above idle ({idle:.0f}), {wall:.2f} s, {each:.0f} µs a request, "
        f"{len(failed)} failed{first}",
        flush=True,
    )


def main() -> None:
    """Run all of it, or what is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream", help="the built example `upstream`")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--only", nargs="*", default=["whole", "streams", "sync", "crowd"])
    options = parser.parse_args()
    if options.uvloop:
        import uvloop

        run: Any = uvloop.run
    else:
        run = asyncio.run
    with subprocess.Popen([options.upstream], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        base = f"http://127.0.0.1:{upstream.stdout.readline().strip()}"
        if "crowd" in options.only:
            run(crowd(f"{base}/slow/v1"))
        print(f"{'CPU µs':<28}{'waypost':>9}{'aiohttp':>9}{'ratio':>8}{'goal':>8}")
        if "whole" in options.only:
            run(whole(f"{base}/plain/v1"))
        if "streams" in options.only:
            run(streams(f"{base}/plain/v1", "a chunk, ten a write"))
            run(streams(f"{base}/each/v1", "a chunk, one a write"))
        if "sync" in options.only:
            sync(f"{base}/plain/v1")
        upstream.communicate("")


if __name__ == "__main__":
    main()
