#!/usr/bin/env python3
"""Holds the adapters against a corpus of recorded exchanges, through `examples/translate.rs`.

    scripts/check_wire.py --wire openai.chat [--provider groq] [--show 10] [--id ID]

The corpus is looked for in $WAYPOST_WIRE, else in ../shared/data/wire beside the repository.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Providers of the corpus under the names of the table; what is in neither is some compatible server.
NAMES = {"voyageai": "voyage", "vercel-gateway": "vercel"}
GENERIC = {
    "avian", "bedrock-mantle", "copilot", "doubleword", "gpustack", "heroku", "local-openai-compat", "mistralrs",
    "portkey", "pydantic-gateway", "snowflake",
}  # fmt: skip
OPERATIONS = re.compile(
    r"/(chat/completions|chat|embeddings|responses|v1/messages|api/chat|v1beta/models/.*|v1/models/.*|models/[^/]+:.*)/?$",
)


def find_corpus() -> pathlib.Path:
    """Return the corpus' folder, or leave."""
    places = [os.environ.get("WAYPOST_WIRE"), ROOT / "../shared/data/wire", ROOT.parent / "../shared/data/wire"]
    for place in places:
        if place and (pathlib.Path(place) / "lib/check.py").exists():
            return pathlib.Path(place).resolve()
    sys.exit("no corpus: set WAYPOST_WIRE")


def where(record: dict) -> dict:
    """Return the deployment a record was made with: provider, model, base URL and version."""
    request, wire = record.get("request") or {}, record["wire"]
    body = request.get("body") or {}
    provider = (
        "openai-compatible" if record["provider"] in GENERIC else NAMES.get(record["provider"], record["provider"])
    )
    task = {"provider": provider, "model": body.get("model") or "m"}
    if wire.startswith("openai.") and provider in {"gemini", "vertex"}:
        task["provider"] = "openai-compatible"
    if wire.startswith("openai.") and provider == "ollama":
        task["api"] = "openai"
    if wire == "openai.responses":
        task["api"] = "responses"
    path, _, query = (request.get("path") or "/v1/chat/completions").partition("?")
    version = re.search(r"api-version=([^&]+)", query)
    if version:
        task["api_version"] = version[1]
    base = "https://" + (request.get("host") or "host")
    azure = re.match(r"/+openai/deployments/([^/]+)/", path)
    if azure:
        task["model"] = azure[1]
        task["base_url"] = base
        return task
    named = re.search(r"/models/([^:/?]+):", path)
    if named and wire == "gemini":
        # Vertex takes the same bodies, at a longer address.
        task.update(provider="gemini", model=named[1])
    elif wire == "gemini":
        task["provider"] = "gemini"
    task["base_url"] = base + OPERATIONS.sub("", path)
    if wire.startswith("openai.") and provider in {"azure", "ollama"} and task["base_url"] == base:
        # The recorder cut the path: nothing tells which kind of endpoint it was.
        task.update(provider="openai-compatible")
    return task


def tasks(record: dict, bytes_of: Callable[[dict], bytes]) -> list[dict]:
    """Return what to run for a record: its request, its answer."""
    out, deployed = [], where(record)
    embed = record["wire"].endswith("embeddings")
    asked = record.get("input") or (embed and (record.get("request") or {}).get("body"))
    if record.get("request") and asked and record.get("input_complete", True):
        request = {k: v for k, v in asked.items() if k not in {"model", "stream", "stream_options"}}
        task = {"op": "encode", "request": request, "stream": record["stream"], "embed": embed}
        out.append({**task, **deployed, "id": record["id"] + ">"})
    if record.get("expect") is not None:
        response = record["response"]
        op = "error" if response["status"] >= 300 else "stream" if record["stream"] else "decode"
        headers = {k: v if isinstance(v, str) else str(v) for k, v in (response.get("headers") or {}).items()}
        if record["wire"] == "ollama" and not headers:
            headers = {"content-type": "application/x-ndjson" if record["stream"] else "application/json"}
        text = bytes_of(record).decode("utf8", "replace")
        task = {"op": op, "status": response["status"], "headers": headers, "body": text, "embed": embed}
        out.append({**task, **deployed, "id": record["id"] + "<"})
    return out


def verdict(record: dict, got: dict, side: str, check: ModuleType) -> list:
    """Return the differences between what came out and what was recorded."""
    if side == "<":
        if record["wire"].endswith("embeddings") and not record["expect"].get("error"):
            want = record["expect"].get("embeddings")
            return [] if got.get("embeddings") == want else [("embeddings", want, got)]
        found = list(check.check_result(record, got))
        if got.get("skipped"):
            found.append(("skipped events", 0, got["skipped"]))
        if record["stream"] and "finished" in got and not got.get("error"):
            # The end marker after content is an ending too.
            marked = got.get("text") or got.get("tool_calls")
            ended = "finish_reason_raw" in record["expect"] or bool(
                marked and "[DONE]" in record["response"]["body_text"]
            )
            if ended != got["finished"]:
                found.append(("finished", ended, got["finished"]))
        wrong = got.get("error") and not record["expect"].get("error") and not record["expect"].get("blocked")
        return [*found, ("error", None, got["error"])] if wrong else found
    if got.get("error"):
        return [("error", None, got["error"])]
    if record["wire"].endswith("embeddings"):
        a = {k: v for k, v in record["request"]["body"].items() if k != "model"}
        b = {k: v for k, v in got["body"].items() if k != "model"}
        one = lambda body: {**body, "input": body["input"] if isinstance(body["input"], list) else [body["input"]]}  # noqa: E731
        return [] if one(a) == one(b) else [("body", one(a), one(b))]
    path = re.sub(r"^https://[^/]*", "", got["url"])
    record["request"]["path"] = re.sub(r"^//", "/", record["request"]["path"])
    result = check.check_request(record, got["body"], path, "POST", got["headers"])
    return [] if result["ok"] else [*result["diffs"], *result["problems"]]


def compare(records: dict, output: str, check: ModuleType, options: argparse.Namespace) -> None:
    """Print counts for each provider and the first differences."""
    counts, shown, extras = collections.Counter(), 0, collections.Counter()
    for line in output.splitlines():
        got = json.loads(line)
        record, side = records[got["id"][:-1]], got["id"][-1]
        found = verdict(record, got, side, check)
        counts[record["provider"], side, not found] += 1
        if side == ">" and not got.get("error") and not record["wire"].endswith("embeddings"):
            extra = check.check_request(record, got["body"], None, "POST", got["headers"])["extra"]
            extras.update((record["provider"], path) for path in extra)
        if found and shown < options.show:
            shown += 1
            print(
                got["id"],
                record["fidelity"],
                record["response"]["status"],
                json.dumps(found, ensure_ascii=False)[:1500],
            )
    print(f"{'provider':22}{'requests':>14}{'results':>14}")
    names = sorted({name for name, _, _ in counts})
    for name in [*names, "all"]:
        cells = []
        for side in "><":
            good = sum(n for (p, s, ok), n in counts.items() if s == side and ok and name in {p, "all"})
            total = sum(n for (p, s, _), n in counts.items() if s == side and name in {p, "all"})
            cells.append(f"{good}/{total}")
        print(f"{name:22}{cells[0]:>14}{cells[1]:>14}")
    if options.extra:
        for (name, path), count in sorted(extras.items()):
            print("sent beyond the recording:", name, path, count)


def main() -> None:
    """Run the harness over the chosen records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wire", default="openai.chat")
    parser.add_argument("--provider")
    parser.add_argument("--id", help="only records whose id contains this")
    parser.add_argument("--split", default="train")
    parser.add_argument("--show", type=int, default=10, help="print this many differences")
    parser.add_argument("--extra", action="store_true", help="list what is sent beyond the recordings")
    options = parser.parse_args()
    corpus_dir = find_corpus()
    sys.path.insert(0, str(corpus_dir / "lib"))
    import check
    import corpus

    records = {r["id"]: r for r in corpus.load(options.split) if r["wire"] == options.wire}
    if options.provider:
        records = {k: r for k, r in records.items() if r["provider"] == options.provider}
    if options.id:
        records = {k: r for k, r in records.items() if options.id in k}
    lines = [json.dumps(task) for record in records.values() for task in tasks(record, corpus.response_bytes)]
    command = ["cargo", "run", "-q", "--no-default-features", "--example", "translate"]
    run = subprocess.run(command, cwd=ROOT, input="\n".join(lines), capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stderr)
    compare(records, run.stdout, check, options)


if __name__ == "__main__":
    main()
