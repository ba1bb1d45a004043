"""Anthropic: messages, token counts, models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from ..reply import Answer, Asked
from .base import Dialect, Failure, Stream, request_id, seconds, series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..request import Request

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_INVALID = "invalid_request_error"


class Anthropic(Dialect):
    """`/v1/messages`, `/v1/messages/count_tokens`, `/v1/models`."""

    name = "anthropic"
    errors: ClassVar[Mapping[str, tuple[int, str, str]]] = {
        "invalid_request": (400, _INVALID, "messages.0.content.0.type: Field required"),
        "auth": (401, "authentication_error", "invalid x-api-key"),
        "permission": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
        "not_found": (404, "not_found_error", "model: {model}"),
        "too_large": (413, "request_too_large", "Request exceeds the maximum size"),
        "rate_limit": (429, "rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
        "quota": (400, _INVALID, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."),
        "context_length": (400, _INVALID, "prompt is too long: 210000 tokens > 200000 maximum"),
        "content_filter": (400, _INVALID, "Output blocked by content filtering policy"),
        "prefill": (400, _INVALID, "This model does not support assistant message prefill. The conversation must end with a user message."),
        "server": (500, "api_error", "Internal server error"),
        "bad_gateway": (502, "api_error", "Bad gateway"),
        "overloaded": (529, "overloaded_error", "Overloaded"),
        "timeout": (504, "timeout_error", "Request timed out"),
    }  # fmt: skip

    def read(self, request: Request) -> Asked:
        """Set the request's operation, model and stream, and return what shapes the answer."""
        body = request.json
        request.operation = _operation(request)
        request.model, request.stream = str(body.get("model") or ""), body.get("stream") is True
        wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        return Asked(max_tokens=body.get("max_tokens"), schema=wanted.get("schema"), tool=_tool(body))

    def key(self, request: Request) -> str:
        """Return the key out of `x-api-key`, or a bearer token."""
        return request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")

    def headers(self, number: int) -> dict[str, str]:
        """Return the id, and limits that are far away."""
        headers = {"request-id": request_id(number), "anthropic-organization-id": "fake"}
        reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for what, limit in (
            ("requests", 10_000),
            ("input-tokens", 4_000_000),
            ("output-tokens", 800_000),
            ("tokens", 4_800_000),
        ):
            name = f"anthropic-ratelimit-{what}"
            headers |= {f"{name}-limit": str(limit), f"{name}-remaining": str(limit - 1), f"{name}-reset": reset}
        return headers

    def complete(self, answer: Answer) -> dict[str, Any]:
        """Return a message."""
        content: list[dict[str, Any]] = []
        if answer.reasoning:
            content.append({"type": "thinking", "thinking": answer.reasoning, "signature": "ZmFrZQ=="})
        if answer.pieces:
            content.append({"type": "text", "text": answer.text})
        content += [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.parsed} for c in answer.tool_calls]
        usage = {} if answer.usage is None else {"usage": _usage(answer, answer.count("completion_tokens"))}
        return {
            **_message(answer),
            "content": content,
            "stop_reason": _STOP.get(answer.finish_reason, answer.finish_reason),
            **usage,
        }

    def stream(self, answer: Answer) -> Stream:
        """Return the events of a message; a block's start and stop go with its first and last token."""
        usage = {} if answer.usage is None else {"usage": _usage(answer, 1)}
        start = {"type": "message_start", "message": {**_message(answer), "content": [], "stop_reason": None, **usage}}
        head, index = self._named(start) + self._named({"type": "ping"}), 0
        if answer.reasoning:
            thought = self._deltas(index, "thinking_delta", "thinking", [answer.reasoning])
            thought += self._deltas(index, "signature_delta", "signature", ["ZmFrZQ=="])
            head += b"".join(self._block(index, {"type": "thinking", "thinking": "", "signature": ""}, thought))
            index += 1
        tokens: list[bytes] = []
        if answer.pieces:
            tokens += self._block(
                index, {"type": "text", "text": ""}, self._deltas(index, "text_delta", "text", answer.pieces)
            )
            index += 1
        for number, call in enumerate(answer.tool_calls, index):
            opening = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            parts = self._deltas(number, "input_json_delta", "partial_json", ["", *call.fragments()])
            tokens += self._block(number, opening, parts)
        stop = {"stop_reason": _STOP.get(answer.finish_reason, answer.finish_reason), "stop_sequence": None}
        final = {} if answer.usage is None else {"usage": _final_usage(answer)}
        tail = self._named({"type": "message_delta", "delta": stop, **final})
        return Stream(head, tokens, tail, self._named({"type": "message_stop"}))

    def models(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the list of models."""
        data = [{"type": "model", "id": n, "display_name": n, "created_at": "2026-01-01T00:00:00Z"} for n in names]
        return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}

    def error(self, failure: Failure) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return an error; overload and limits say that they may be retried."""
        status, kind, sentence = self.say(failure)
        headers = {"x-should-retry": "true" if status in (408, 409, 429) or status >= 500 else "false"}
        if failure.retry_after is not None:
            headers["retry-after"] = seconds(failure.retry_after)
        return (
            status,
            headers,
            {"type": "error", "error": {"type": kind, "message": sentence}, "request_id": failure.request_id},
        )

    def bad_event(self) -> bytes:
        """Return an event whose data is not JSON."""
        return b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"text\n\n'

    def error_event(self, failure: Failure) -> bytes:
        """Return `event: error`."""
        return self.event(self.error(failure)[2], "error")

    def _named(self, data: Mapping[str, Any]) -> bytes:
        return self.event(data, data["type"])

    def _deltas(self, index: int, kind: str, key: str, pieces: Sequence[str]) -> list[bytes]:
        frame = {"type": "content_block_delta", "index": index}
        return series(lambda piece: self._named({**frame, "delta": {"type": kind, key: piece}}), pieces)

    def _block(self, index: int, opening: Mapping[str, Any], deltas: list[bytes]) -> list[bytes]:
        start = self._named({"type": "content_block_start", "index": index, "content_block": opening})
        stop = self._named({"type": "content_block_stop", "index": index})
        events = [start + deltas[0], *deltas[1:]]
        return [*events[:-1], events[-1] + stop]


def _operation(request: Request) -> str:
    path = request.path.rstrip("/")
    if request.method == "POST":
        return "chat" if path.endswith("/messages") else "count" if path.endswith("/messages/count_tokens") else "other"
    return "models" if path.endswith("/models") else "other"


def _tool(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") not in ("any", "tool"):
        return None
    tools = [t for t in body.get("tools") or () if choice["type"] == "any" or t.get("name") == choice.get("name")]
    return (str(tools[0].get("name")), tools[0].get("input_schema") or {}) if tools else None


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "id": f"msg_fake{answer.number:020d}",
        "type": "message",
        "role": "assistant",
        "stop_sequence": None,
    }


def _usage(answer: Answer, output: int) -> dict[str, Any]:
    return {**_final_usage(answer), "output_tokens": output, "service_tier": "standard"}


def _final_usage(answer: Answer) -> dict[str, Any]:
    read, written = answer.count("cached_tokens"), answer.count("cache_write_tokens")
    return {
        "input_tokens": max(0, answer.count("prompt_tokens") - read - written),  # Anthropic counts cached tokens apart.
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": answer.count("completion_tokens"),
    }
