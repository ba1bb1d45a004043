"""OpenAI: chat completions, embeddings, models; also what most compatible servers speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..reply import Answer, Asked, ToolCall
from ..vectors import base64_of
from .base import Dialect, Failure, Stream, dump, request_id, seconds, series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..request import Request

_INVALID = "invalid_request_error"


class OpenAI(Dialect):
    """`/v1/chat/completions`, `/v1/embeddings`, `/v1/models`."""

    name = "openai"
    base_path = "/v1"
    errors: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        "invalid_request": (400, "invalid_value", "Invalid value: 'fake'. Supported values are: 'real'."),
        "auth": (401, "invalid_api_key", "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys."),
        "permission": (403, "permission_denied", "You are not allowed to sample from this model"),
        "not_found": (404, "model_not_found", "The model `{model}` does not exist or you do not have access to it."),
        "too_large": (413, "request_too_large", "Request body too large"),
        "rate_limit": (429, "rate_limit_exceeded", "Rate limit reached for {model} in organization org-fake on requests per min (RPM): Limit 500, Used 500, Requested 1. Visit https://platform.openai.com/account/rate-limits to learn more."),
        "quota": (429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."),
        "context_length": (400, "context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages."),
        "content_filter": (400, "content_policy_violation", "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system."),
        "prefill": (400, "invalid_value", "This model does not support assistant message prefill. The conversation must end with a user message."),
        "server": (500, "", "The server had an error while processing your request. Sorry about that!"),
        "bad_gateway": (502, "", "Bad gateway"),
        "overloaded": (503, "", "The engine is currently overloaded, please try again later"),
        "timeout": (504, "", "The server took too long to answer"),
    }  # fmt: skip
    _types: ClassVar[Mapping[str, str]] = {
        "rate_limit": "requests", "quota": "insufficient_quota", "server": "server_error", "bad_gateway": "server_error",
        "overloaded": "server_error", "timeout": "server_error",
    }  # fmt: skip

    def read(self, request: Request) -> Asked:
        """Set the request's operation, model and stream, and return what shapes the answer."""
        body = request.json
        request.operation = _operation(request)
        request.model, request.stream = str(body.get("model") or ""), body.get("stream") is True
        return Asked(
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            schema=_schema(body.get("response_format")),
            tool=_tool(body),
            choices=body.get("n") or 1,
            logprobs=body.get("logprobs") is True,
            stream_usage=(body.get("stream_options") or {}).get("include_usage") is True,
        )

    def key(self, request: Request) -> str:
        """Return the bearer token; Azure's `api-key` will do."""
        return request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers.get("api-key", "")

    def headers(self, number: int) -> dict[str, str]:
        """Return the ids, and limits that are far away."""
        return {
            "x-request-id": request_id(number),
            "openai-version": "2020-10-01",
            "openai-processing-ms": "12",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-remaining-tokens": "1999000",
            "x-ratelimit-reset-requests": "6ms",
            "x-ratelimit-reset-tokens": "30ms",
        }

    def complete(self, answer: Answer) -> dict[str, Any]:
        """Return a `chat.completion`."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text or None,
            "refusal": None,
            "annotations": [],
        }
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = [_call(call) for call in answer.tool_calls]
        choice = {
            "message": message,
            "logprobs": _logprobs(answer, answer.pieces),
            "finish_reason": answer.finish_reason,
        }
        choices = [{"index": index, **choice} for index in range(answer.asked.choices)]
        return {**_frame(answer, "chat.completion"), "choices": choices, **_usage(answer)}

    def stream(self, answer: Answer) -> Stream:
        """Return `chat.completion.chunk` events; usage comes last, in a chunk without choices, if it was asked for."""
        usage = {"usage": None} if answer.asked.stream_usage else {}
        frame = {**_frame(answer, "chat.completion.chunk"), **usage}

        def chunk(delta: dict[str, Any], finish: str | None = None, logprobs: object = None) -> bytes:
            return b"".join(
                self.event(
                    {**frame, "choices": [{"index": i, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]}
                )
                for i in range(answer.asked.choices)
            )

        head = chunk(
            {"role": "assistant", "content": None if answer.tool_calls and not answer.pieces else "", "refusal": None}
        )
        if answer.reasoning:
            head += chunk({"reasoning_content": answer.reasoning})
        if answer.asked.logprobs:
            tokens = [chunk({"content": piece}, logprobs=_logprobs(answer, [piece])) for piece in answer.pieces]
        else:
            tokens = series(lambda piece: chunk({"content": piece}), answer.pieces)
        for index, call in enumerate(answer.tool_calls):
            opening = {"index": index, **_call(call), "function": {"name": call.name, "arguments": ""}}
            tokens.append(chunk({"tool_calls": [opening]}))
            tokens += [
                chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}) for part in call.fragments()
            ]
        tail = chunk({}, answer.finish_reason)
        if answer.asked.stream_usage and answer.usage is not None:
            tail += self.event({**frame, "choices": [], **_usage(answer)})
        return Stream(head, tokens, tail, b"data: [DONE]\n\n")

    def texts(self, request: Request) -> tuple[list[str], int | None]:
        """Return the texts to embed; lists of token numbers are texts too."""
        given = request.json.get("input", "")
        many = isinstance(given, list) and not (given and isinstance(given[0], int))
        return [
            text if isinstance(text, str) else dump(text) for text in (given if many else [given])
        ], request.json.get("dimensions")

    def embed(self, request: Request, vectors: Sequence[list[float]], tokens: int) -> dict[str, Any]:
        """Return embeddings, as base64 where that was asked for."""
        encoded = [base64_of(v) if request.json.get("encoding_format") == "base64" else v for v in vectors]
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(encoded)],
            "model": request.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the list of models."""
        return {
            "object": "list",
            "data": [{"id": n, "object": "model", "created": 1700000000, "owned_by": "fake"} for n in names],
        }

    def error(self, failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return an error; a 429 also says in headers that nothing remains."""
        status, code, sentence = self.say(failure)
        headers: dict[str, str] = {}
        if failure.kind == "rate_limit":
            headers |= {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": f"{seconds(failure.retry_after or 0.12)}s",
            }
        if failure.retry_after is not None:
            headers |= {
                "retry-after": seconds(failure.retry_after),
                "retry-after-ms": str(round(failure.retry_after * 1000)),
            }
            sentence += "" if failure.message else f" Please try again in {seconds(failure.retry_after)}s."
        kind = self._types.get(failure.kind, _INVALID)
        param = "messages" if failure.kind in ("context_length", "prefill") else None
        return status, headers, {"error": {"message": sentence, "type": kind, "param": param, "code": code or None}}


def _operation(request: Request) -> str:
    path = request.path.rstrip("/")
    if request.method == "POST":
        return "chat" if path.endswith("/chat/completions") else "embed" if path.endswith("/embeddings") else "other"
    return "models" if path.endswith("/models") else "other"


def _schema(wanted: Any) -> Mapping[str, Any] | None:
    if not isinstance(wanted, dict) or wanted.get("type") not in ("json_schema", "json_object"):
        return None
    return (wanted.get("json_schema") or {}).get("schema") or {}


def _tool(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    choice = body.get("tool_choice")
    tools = [tool.get("function") or {} for tool in body.get("tools") or () if isinstance(tool, dict)]
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        tools = [tool for tool in tools if tool.get("name") == name]
    elif choice != "required":
        return None
    return (str(tools[0].get("name")), tools[0].get("parameters") or {}) if tools else None


def _frame(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-fake{answer.number:08d}",
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _logprobs(answer: Answer, pieces: Sequence[str]) -> dict[str, Any] | None:
    if not answer.asked.logprobs:
        return None
    content = [{"token": p, "logprob": answer.logprob, "bytes": list(p.encode()), "top_logprobs": []} for p in pieces]
    return {"content": content, "refusal": None}


def _usage(answer: Answer) -> dict[str, Any]:
    if answer.usage is None:
        return {}
    usage = {name: answer.count(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    prompt = {"cached_tokens": answer.count("cached_tokens"), "audio_tokens": 0}
    completion = {
        "reasoning_tokens": answer.count("reasoning_tokens"),
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    return {"usage": {**usage, "prompt_tokens_details": prompt, "completion_tokens_details": completion}}
