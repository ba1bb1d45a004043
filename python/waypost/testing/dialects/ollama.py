"""Ollama: its native chat, embeddings and model list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from ..reply import Answer, Asked, ToolCall
from .base import Dialect, Failure, Stream, dump, seconds, series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..request import Request

_DETAILS = {
    "format": "gguf",
    "family": "fake",
    "families": ["fake"],
    "parameter_size": "1B",
    "quantization_level": "Q4_K_M",
    "parent_model": "",
}
_OPERATIONS = {
    ("POST", "/api/chat"): "chat",
    ("POST", "/api/embed"): "embed",
    ("POST", "/api/embeddings"): "embed",
    ("GET", "/api/tags"): "models",
}


class Ollama(Dialect):
    """`/api/chat`, `/api/embed`, `/api/tags`."""

    name = "ollama"
    stream_type = "application/x-ndjson"
    json_type = "application/json; charset=utf-8"
    errors: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        "invalid_request": (400, "", "invalid options: fake"),
        "auth": (401, "", "unauthorized"),
        "permission": (403, "", "forbidden"),
        "not_found": (404, "", "model '{model}' not found"),
        "too_large": (413, "", "request body too large"),
        "rate_limit": (429, "", "too many concurrent requests"),
        "quota": (402, "", "you've reached your usage limit, please upgrade to continue"),
        "context_length": (400, "", "prompt too long; exceeded max context length by 809 tokens"),
        "content_filter": (400, "", "the prompt was refused by the content policy"),
        "prefill": (400, "", "the last message must not be from the assistant"),
        "server": (500, "", "llama runner process has terminated: exit status 2"),
        "bad_gateway": (502, "", "bad gateway"),
        "overloaded": (503, "", "server busy, please try again.  maximum pending requests exceeded"),
        "timeout": (504, "", "timed out waiting for llama runner to start"),
    }

    def read(self, request: Request) -> Asked:
        """Set the request's operation, model and stream, and return what shapes the answer."""
        body = request.json
        request.operation = _OPERATIONS.get((request.method, request.path.rstrip("/")), "other")
        request.model = str(body.get("model") or "")
        request.stream = request.operation == "chat" and body.get("stream") is not False
        wanted = body.get("format")
        schema = wanted if isinstance(wanted, dict) else {} if wanted == "json" else None
        limit = (body.get("options") or {}).get("num_predict")
        return Asked(max_tokens=limit if isinstance(limit, int) and limit > 0 else None, schema=schema)

    def key(self, request: Request) -> str:
        """Return the bearer token, which a proxy in front of Ollama may want."""
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def headers(self, number: int) -> dict[str, str]:
        """Return nothing: Ollama sends no headers of its own."""
        _ = number
        return {}

    def complete(self, answer: Answer) -> dict[str, Any]:
        """Return a whole answer; a call's arguments are an object."""
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.reasoning:
            message["thinking"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = [_call(index, c) for index, c in enumerate(answer.tool_calls)]
        return {**_frame(answer), "message": message, **_done(answer)}

    def stream(self, answer: Answer) -> Stream:
        """Return one line of JSON for each token; the last says `done`, with usage."""

        def line(message: Mapping[str, Any]) -> bytes:
            return self.event(
                {**_frame(answer), "message": {"role": "assistant", "content": "", **message}, "done": False}
            )

        head = line({"thinking": answer.reasoning}) if answer.reasoning else b""
        tokens = series(lambda piece: line({"content": piece}), answer.pieces)
        tokens += [line({"tool_calls": [_call(index, c)]}) for index, c in enumerate(answer.tool_calls)]
        tail = self.event({**_frame(answer), "message": {"role": "assistant", "content": ""}, **_done(answer)})
        return Stream(head, tokens, tail)

    def texts(self, request: Request) -> tuple[list[str], int | None]:
        """Return the texts to embed."""
        body = request.json
        given = body.get("input", body.get("prompt", ""))
        return [str(text) for text in (given if isinstance(given, list) else [given])], body.get("dimensions")

    def embed(self, request: Request, vectors: Sequence[list[float]], tokens: int) -> dict[str, Any]:
        """Return embeddings; the old `/api/embeddings` has one."""
        if request.path.rstrip("/").endswith("/embeddings"):
            return {"embedding": vectors[0]}
        times = {"total_duration": 14_000_000, "load_duration": 1_000_000}
        return {"model": request.model, "embeddings": list(vectors), **times, "prompt_eval_count": tokens}

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the list of models."""
        about = {"modified_at": "2026-01-01T00:00:00Z", "size": 1_000_000_000, "digest": "fa" * 32, "details": _DETAILS}
        return {"models": [{"name": n, "model": n, **about} for n in names]}

    def error(self, failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return an error, which is a bare sentence."""
        status, _, sentence = self.say(failure)
        headers = {} if failure.retry_after is None else {"retry-after": seconds(failure.retry_after)}
        return status, headers, {"error": sentence}

    def event(self, data: object, name: str = "") -> bytes:
        """Return one line."""
        _ = name  # Events have none here.
        return f"{dump(data)}\n".encode()

    def bad_event(self) -> bytes:
        """Return a line that is not JSON."""
        return b'{"model": "fake", "message": {"role": "assistant", "content": "\n'


def _frame(answer: Answer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(answer.created)),
    }


def _call(index: int, call: ToolCall) -> dict[str, Any]:
    return {"function": {"index": index, "name": call.name, "arguments": call.parsed}}


def _done(answer: Answer) -> dict[str, Any]:
    reason = {"done": True, "done_reason": {"tool_calls": "stop"}.get(answer.finish_reason, answer.finish_reason)}
    if answer.usage is None:
        return reason
    prompt, written = answer.count("prompt_tokens"), answer.count("completion_tokens")
    return {
        **reason,
        "total_duration": 1_000_000 * (10 + 15 * written),
        "load_duration": 1_000_000,
        "prompt_eval_count": prompt,
        "prompt_eval_duration": 9_000_000,
        "eval_count": written,
        "eval_duration": 15_000_000 * written,
    }
