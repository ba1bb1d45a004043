"""Recorded traffic of real providers, played back on loopback through the whole router.

The recordings are not part of the repository: without them this test says that it skips. ``scripts/check_wire.py``
holds the adapters alone against the same recordings and shows the differences.
"""

from __future__ import annotations

import collections
import importlib.util
import os
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import waypost
from waypost import Router

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = [os.environ.get("WAYPOST_WIRE"), ROOT / "../shared/data/wire", ROOT.parent / "../shared/data/wire"]
CORPUS = next((pathlib.Path(p).resolve() for p in PLACES if p and (pathlib.Path(p) / "lib/check.py").exists()), None)

pytestmark = pytest.mark.skipif(CORPUS is None, reason="the recordings are not on this machine")

# The records of each wire that must come out as recorded, at least. The rest are named in docs/wire.md.
WIRES = {"openai.chat": 0.97, "anthropic.messages": 0.97, "gemini": 0.99, "ollama": 0.99}
NOT_YET = {"vertex", "bedrock"}
CLASSES = {
    "InvalidRequestError": "invalid_request",
    "NotFoundError": "not_found",
    "AuthenticationError": "auth",
    "RateLimitError": "rate_limit",
    "ContextLengthError": "context_length",
    "ServerError": "server",
    "QuotaError": "quota",
    "OverloadedError": "overloaded",
    "PermissionDeniedError": "permission",
    "ContentFilterError": "content_filter",
    "ProtocolError": "protocol",
}
ARGUMENTS = {
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "max_tokens", "stop",
    "seed", "n", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "reasoning_effort", "user",
}  # fmt: skip


def load(name: str, path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wire():
    sys.path.insert(0, str(CORPUS / "lib"))
    modules = {
        name: load(f"wire_{name}", CORPUS / where)
        for name, where in {"corpus": "lib/corpus.py", "check": "lib/check.py", "replay": "replay.py"}.items()
    }
    modules["where"] = load("check_wire", ROOT / "scripts/check_wire.py").where
    yield modules
    sys.path.remove(str(CORPUS / "lib"))


def deployment(record, where, port: int) -> dict:
    place = where(record)
    version = {"api_version": place["api_version"]} if "api_version" in place else {}
    api = {"api": "openai"} if place.get("api") == "openai" and place["provider"] == "ollama" else {}
    path = place["base_url"].removeprefix("https://").partition("/")[2]
    base = f"http://127.0.0.1:{port}/replay/{record['id']}/{path}".rstrip("/")
    return {"model": f"{place['provider']}/{place['model']}", "api_key": "test", "base_url": base, **version, **api}


def run(router: Router, record) -> dict:
    asked = dict(record["input"] if record.get("input") else {"messages": [{"role": "user", "content": "hi"}]})
    messages = asked.pop("messages")
    for key in ("model", "stream", "stream_options"):
        asked.pop(key, None)
    options = {key: asked.pop(key) for key in list(asked) if key in ARGUMENTS}
    options["extra_body"] = asked
    try:
        if record["stream"]:
            stream = router.stream(messages, model=record["id"], **options)
            text = "".join(chunk.text for chunk in stream)
            reply = stream.response
            assert reply.text == text
        else:
            reply = router.chat(messages, model=record["id"], **options)
    except waypost.NoCandidatesError as error:
        # The catalogue knew beforehand what the provider answered: that its model does not take this.
        assert record["response"]["status"] == 400, error
        return {"error": {"class": "invalid_request", "status": 400}}
    except waypost.ProviderError as error:
        cause = error.__cause__ or error
        wait = {"retry_after_s": cause.retry_after} if cause.retry_after else {}
        return {
            "error": {"class": CLASSES.get(type(cause).__name__, type(cause).__name__), "status": cause.status, **wait}
        }
    usage = reply.usage
    got = {
        "text": reply.text,
        "tool_calls": [
            {"name": c["function"]["name"], "arguments": c["function"]["arguments"]} for c in reply.tool_calls
        ],
        "finish_reason": reply.finish_reason,
        "usage": {key: getattr(usage, key) for key in usage.__dataclass_fields__},
    }
    return {**got, "reasoning_text": reply.reasoning} if reply.reasoning is not None else got


@pytest.mark.parametrize("kind", WIRES)
def test_recorded_exchanges_come_out_as_recorded(wire, kind):
    records = [r for r in wire["corpus"].load("train") if r["wire"] == kind and r.get("expect")]
    records = [r for r in records if wire["where"](r)["provider"] not in NOT_YET]
    server = wire["replay"].serve(records, 0, "bytes")
    port = server.server_address[1]
    deployments = {r["id"]: deployment(r, wire["where"], port) for r in records}
    router = Router({
        "deployments": deployments,
        "routes": {"auto": {"candidates": [records[0]["id"]]}},
        "resilience": {"retry": {"attempts": 1}},
    })  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda record: run(router, record), records))
    server.shutdown()
    server.server_close()
    wrong = collections.defaultdict(list)
    for record, got in zip(records, results, strict=True):
        if differences := wire["check"].check_result(record, got):
            wrong[record["provider"]].append((record["id"], differences))
    failed = sum(map(len, wrong.values()))
    for provider, rows in wrong.items():
        for row in rows[:3]:
            print(provider, row)
    assert failed <= (1 - WIRES[kind]) * len(records), f"{failed} of {len(records)} differ: {dict(wrong)}"[:4000]
