"""Gemini: generateContent, its stream, embeddings, token counts, models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from ..reply import Answer, Asked
from ..request import text_of
from .base import Dialect, Failure, Stream, dump, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..request import Request

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
_CALL = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>\w+)$")
_OPERATIONS = {
    "generateContent": "chat", "streamGenerateContent": "chat", "embedContent": "embed", "batchEmbedContents": "embed", "countTokens": "count",
}  # fmt: skip
_BAD_KEY = "API key not valid. Please pass a valid API key."
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}  # fmt: skip


class Gemini(Dialect):
    """`/v1beta/models/…:generateContent` and its siblings."""

    name = "gemini"
    stream_type = "text/event-stream"
    json_type = "application/json; charset=UTF-8"
    errors: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        "invalid_request": (400, "INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "fake": Cannot find field.'),
        "auth": (400, "INVALID_ARGUMENT", _BAD_KEY),
        "permission": (403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."),
        "not_found": (404, "NOT_FOUND", "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ModelService.ListModels to see the list of available models and their supported methods."),
        "too_large": (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        "rate_limit": (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."),
        "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
        "context_length": (400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
        "content_filter": (400, "INVALID_ARGUMENT", "The prompt was blocked: it violates the safety policy."),
        "prefill": (400, "INVALID_ARGUMENT", "Please ensure that multiturn requests end with a user role or a function response."),
        "server": (500, "INTERNAL", "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"),
        "bad_gateway": (502, "UNAVAILABLE", "Bad gateway"),
        "overloaded": (503, "UNAVAILABLE", "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later."),
        "timeout": (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    }  # fmt: skip

    def read(self, request: Request) -> Asked:
        """Set the request's operation, model and stream, and return what shapes the answer."""
        call = _CALL.search(request.path.replace("%3A", ":"))
        if call and request.method == "POST":
            request.operation = _OPERATIONS.get(call["verb"], "other")
            request.model, request.stream = call["model"], call["verb"] == "streamGenerateContent"
        elif request.method == "GET" and request.path.rstrip("/").endswith("/models"):
            request.operation = "models"
        body = request.json
        config = body.get("generationConfig") or body.get("generation_config") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        json_wanted = schema is not None or config.get("responseMimeType") == "application/json"
        return Asked(
            max_tokens=config.get("maxOutputTokens"), schema=(schema or {}) if json_wanted else None, tool=_tool(body)
        )

    def key(self, request: Request) -> str:
        """Return the key out of `x-goog-api-key`, a bearer token, or the query."""
        headers = request.headers
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return headers.get("x-goog-api-key") or bearer or request.query.get("key", "")

    def headers(self, number: int) -> dict[str, str]:
        """Return what Google's front end adds."""
        return {
            "x-content-type-options": "nosniff",
            "server-timing": "gfet4t7; dur=12",
            "x-request-id": f"fake-{number:08d}",
        }

    def complete(self, answer: Answer) -> dict[str, Any]:
        """Return a response with all parts in one candidate."""
        return self._chunk(answer, _parts(answer), answer.finish_reason, answer.size)

    def stream(self, answer: Answer) -> Stream:
        """Return server-sent events; a call comes whole in one part, and usage grows from event to event."""
        thought = [{"text": answer.reasoning, "thought": True}] if answer.reasoning else []
        head = self.event(self._chunk(answer, thought, None, 0)) if thought else b""
        parts = [*({"text": piece} for piece in answer.pieces), *_calls(answer)]
        tokens = [self.event(self._chunk(answer, [part], None, i)) for i, part in enumerate(parts, 1)]
        tail = self.event(self._chunk(answer, [{"text": ""}], answer.finish_reason, answer.size))
        return Stream(head, tokens, tail)

    def texts(self, request: Request) -> tuple[list[str], int | None]:
        """Return the texts to embed."""
        body = request.json
        items: list[Any] = body["requests"] if isinstance(body.get("requests"), list) else [body]
        size = next((i["outputDimensionality"] for i in items if i.get("outputDimensionality")), None)
        return [text_of(item.get("content")) for item in items], size

    def embed(self, request: Request, vectors: Sequence[list[float]], tokens: int) -> dict[str, Any]:
        """Return embeddings, one alone for `embedContent`."""
        _ = tokens  # Gemini counts none.
        values = [{"values": vector} for vector in vectors]
        return {"embeddings": values} if "requests" in request.json else {"embedding": values[0]}

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the list of models."""
        methods = ["generateContent", "countTokens", "embedContent"]
        limits = {"inputTokenLimit": 1048576, "outputTokenLimit": 65536}
        return {
            "models": [
                {
                    "name": f"models/{n}",
                    "version": "001",
                    "displayName": n,
                    **limits,
                    "supportedGenerationMethods": methods,
                }
                for n in names
            ]
        }

    def error(self, failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return an error; the wait stands in the body's RetryInfo, and in the header too."""
        status, code, sentence = self.say(failure)
        if failure.kind == "auth" and status != 400:
            sentence = failure.message or "Request had invalid authentication credentials."
        error: dict[str, Any] = {
            "code": status,
            "message": sentence,
            "status": code if status == self.errors[failure.kind][0] else _STATUS.get(status, code),
        }
        headers: dict[str, str] = {}
        if failure.kind == "auth" and status == 400:
            reason = {
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **reason}]
        if failure.retry_after is not None:
            wait = seconds(failure.retry_after)
            headers["retry-after"] = wait
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"}]
        return status, headers, {"error": error}

    def count(self, request: Request) -> dict[str, Any]:
        """Return a token count."""
        return {"totalTokens": request.prompt_tokens}

    def event(self, data: object, name: str = "") -> bytes:
        """Return one event; Gemini separates them with CRLF."""
        _ = name  # Events have none here.
        return f"data: {dump(data)}\r\n\r\n".encode()

    def bad_event(self) -> bytes:
        """Return an event whose data is not JSON."""
        return b'data: {"candidates": [{"content": {"parts": [{"text": "\r\n\r\n'

    def _chunk(self, answer: Answer, parts: list[dict[str, Any]], finish: str | None, sent: int) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
        if finish is not None:
            candidate["finishReason"] = _FINISH.get(finish, finish)
        chunk = {"candidates": [{**candidate, "index": 0}]}
        usage = {} if answer.usage is None else {"usageMetadata": _usage(answer, sent, whole=finish is not None)}
        return {**chunk, **usage, "modelVersion": answer.model, "responseId": f"fake{answer.number:08d}"}


def as_array(stream: Stream) -> Stream:
    """Return the stream as `streamGenerateContent` sends it without `alt=sse`: one JSON array, element by element."""

    def bare(events: bytes) -> bytes:
        return b",\r\n".join(part.removeprefix(b"data: ") for part in events.split(b"\r\n\r\n") if part)

    elements = [bare(stream.head), *map(bare, stream.tokens), bare(stream.tail)]
    first = 0 if elements[0] else 1
    elements[first] = b"[" + elements[first]
    joined = [e if i == first or not e else b",\r\n" + e for i, e in enumerate(elements)]
    return Stream(joined[0], joined[1:-1], joined[-1], b"]")


def _tool(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    config = (body.get("toolConfig") or body.get("tool_config") or {}).get("functionCallingConfig") or {}
    if config.get("mode") != "ANY":
        return None
    allowed = config.get("allowedFunctionNames")
    for group in body.get("tools") or ():
        for tool in group.get("functionDeclarations") or ():
            if not allowed or tool.get("name") in allowed:
                return str(tool.get("name")), tool.get("parametersJsonSchema") or tool.get("parameters") or {}
    return None


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [{"functionCall": {"name": call.name, "args": call.parsed}} for call in answer.tool_calls]


def _parts(answer: Answer) -> list[dict[str, Any]]:
    thought = [{"text": answer.reasoning, "thought": True}] if answer.reasoning else []
    return [*thought, *([{"text": answer.text}] if answer.pieces else []), *_calls(answer)]


def _usage(answer: Answer, sent: int, *, whole: bool) -> dict[str, Any]:
    thoughts = answer.count("reasoning_tokens")
    prompt = answer.count("prompt_tokens")
    written = max(0, answer.count("completion_tokens") - thoughts) if whole else sent
    usage: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": written,
        "totalTokenCount": prompt + written + thoughts,
    }
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts  # Google counts thoughts apart from the candidates.
    if cached := answer.count("cached_tokens"):
        usage["cachedContentTokenCount"] = cached
    return usage | {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]}
