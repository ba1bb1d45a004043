"""Between LlamaIndex's messages and OpenAI's: blocks in, blocks out. No calls, no decisions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    DocumentBlock,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.utils import parse_partial_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from io import IOBase

    from . import results
    from ._waypost import ChatChunk

ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}
_OWN_KEYS = frozenset({"role", "content", "reasoning_content", "thinking_blocks", "images"})
_NOT_SENT = frozenset({"tool_calls", "images", "thinking_delta", "refusal"})


# In: what goes to the model.


def to_openai(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Return a conversation in OpenAI's shape."""
    return [_message(message) for message in messages]


def _message(message: ChatMessage) -> dict[str, Any]:
    role = ROLES[message.role]
    extra = {k: v for k, v in message.additional_kwargs.items() if k not in _NOT_SENT and _is_plain(v)}
    if role != "tool":
        extra.pop("tool_call_id", None)  # LlamaIndex leaves it on an answer that a tool gave directly.
    out = {"role": role, "content": _content(message), **extra}
    if role != "assistant":
        return out
    if calls := _calls(message):
        out["tool_calls"] = calls
    return {**out, **_thinking(message)}


def _is_plain(value: Any) -> bool:
    """Return whether it can go over a wire: applications keep objects of their own beside a message."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, (str, int, float))


def _content(message: ChatMessage) -> str | list[dict[str, Any]] | None:
    """Return plain text where there is nothing but text: every server takes that."""
    blocks = [b for b in message.blocks if not isinstance(b, (ThinkingBlock, ToolCallBlock))]
    if all(isinstance(block, TextBlock) for block in blocks):
        return message.content if blocks else None
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if isinstance(block, CachePoint):
            if parts:
                parts[-1]["cache_control"] = _cache_control(block)
        else:
            parts += _parts(block)
    return parts


def _cache_control(block: CachePoint) -> dict[str, Any]:
    control = block.cache_control
    return {"type": control.type, "ttl": control.ttl}


def _parts(block: Any) -> list[dict[str, Any]]:
    if isinstance(block, TextBlock):
        return [{"type": "text", "text": block.text}]
    if isinstance(block, ImageBlock):
        url = _address(block.url) or _inline(block.image_mimetype or "image/png", block.resolve_image(as_base64=True))
        image = {"url": url, "detail": block.detail}
        return [{"type": "image_url", "image_url": {k: v for k, v in image.items() if v is not None}}]
    if isinstance(block, AudioBlock):
        data = block.resolve_audio(as_base64=True).read().decode()
        return [{"type": "input_audio", "input_audio": {"data": data, "format": _audio_format(block.format)}}]
    if isinstance(block, DocumentBlock):
        file = {"filename": block.title, "file_data": _address(block.url) or _document(block)}
        return [{"type": "file", "file": file}]
    return _rare(block)


def _rare(block: Any) -> list[dict[str, Any]]:
    kind = getattr(block, "block_type", "")
    if kind == "video":
        url = _address(block.url) or _inline(block.video_mimetype or "video/mp4", block.resolve_video(as_base64=True))
        return [{"type": "video_url", "video_url": {"url": url}}]
    if kind == "citable":
        return [part for inner in block.content for part in _parts(inner)]
    if kind == "citation":
        return _parts(block.cited_content)
    message = f"waypost cannot send a `{kind or type(block).__name__}` block"
    raise ValueError(message)


def _address(url: Any) -> str | None:
    return str(url) if url else None


def _audio_format(name: str | None) -> str:
    return {None: "wav", "x-wav": "wav", "mpeg": "mp3"}.get(name, name or "wav")


def _inline(kind: str, encoded: IOBase) -> str:
    return f"data:{kind};base64,{encoded.read().decode()}"


def _document(block: DocumentBlock) -> str:
    from base64 import b64encode

    buffer = block.resolve_document()
    buffer.seek(0)
    kind = block.document_mimetype or "application/pdf"
    return f"data:{kind};base64,{b64encode(buffer.read()).decode()}"


def _calls(message: ChatMessage) -> list[dict[str, Any]]:
    """Return tool calls: the blocks' ones; what came with a call of the same id (a signature, say) goes along."""
    known = [plain(call) for call in message.additional_kwargs.get("tool_calls") or ()]
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        return known
    by_id = {call.get("id"): call for call in known}
    return [{**by_id.get(block.tool_call_id, {}), **_call(block)} for block in blocks]


def _call(block: ToolCallBlock) -> dict[str, Any]:
    given = block.tool_kwargs
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    function = {"name": block.tool_name, "arguments": arguments or "{}"}
    return {"id": block.tool_call_id or "", "type": "function", "function": function}


def _thinking(message: ChatMessage) -> dict[str, Any]:
    blocks = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    out: dict[str, Any] = {}
    if text := "".join(block.content or "" for block in blocks):
        out["reasoning_content"] = text
    signed: list[Any] = []
    for block in blocks:
        information = block.additional_information
        signed += information.get("thinking_blocks") or ()
        if signature := information.get("signature"):
            signed.append({"type": "thinking", "thinking": block.content or "", "signature": signature})
    return {**out, "thinking_blocks": signed} if signed else out


def plain(call: Any) -> dict[str, Any]:
    """Return a tool call as a mapping: older messages hold the OpenAI SDK's objects."""
    if isinstance(call, dict):
        return call
    return cast("dict[str, Any]", call.model_dump(exclude_none=True))


# Out: what comes from the model.


def from_reply(reply: results.ChatResponse, *, delta: str | None = None) -> ChatResponse:
    """Return a whole answer; ``raw`` is OpenAI's ``chat.completion`` and, under ``waypost``, who served and why."""
    said, usage, cost = reply.message, reply.usage, reply.cost
    counts = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    served = {
        "deployment": reply.deployment,
        "provider": reply.provider,
        "route": reply.route,
        "cost": {"usd": cost.usd, "status": cost.status, "saved_usd": cost.saved_usd},
        "latency": reply.latency,
        "decision": reply.decision.to_dict(),
    }
    raw = reply.to_dict()
    return ChatResponse(
        message=_answer(said, usage.reasoning_tokens),
        raw={"usage": counts, **raw, "waypost": served},
        delta=delta,
        logprobs=_logprobs(raw),
        additional_kwargs=counts,
    )


def _answer(said: Mapping[str, Any], reasoning_tokens: int) -> ChatMessage:
    blocks: list[Any] = []
    if (reasoning := said.get("reasoning_content")) or said.get("thinking_blocks"):
        signed = {"thinking_blocks": said["thinking_blocks"]} if said.get("thinking_blocks") else {}
        blocks.append(
            ThinkingBlock(content=reasoning, num_tokens=reasoning_tokens or None, additional_information=signed)
        )
    calls = said.get("tool_calls") or []
    media = list(_media(said))
    if (text := said.get("content")) or not (calls or media):
        blocks.append(TextBlock(text=text or ""))
    blocks += media
    blocks += [tool_call(call) for call in calls]
    extra = {k: v for k, v in said.items() if k not in _OWN_KEYS and v}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _media(said: Mapping[str, Any]) -> Iterable[Any]:
    for image in said.get("images") or ():
        url = image.get("image_url") if isinstance(image, dict) else None
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str):
            kind, comma, data = url.partition(";base64,")
            inline = bool(comma) and kind.startswith("data:")
            yield ImageBlock(image=data.encode(), image_mimetype=kind[5:]) if inline else ImageBlock(url=url)
    audio = said.get("audio")
    if isinstance(audio, dict) and audio.get("data"):
        yield AudioBlock(audio=audio["data"].encode(), format=audio.get("format"))


def tool_call(call: Mapping[str, Any]) -> ToolCallBlock:
    """Return a block; arguments that are no JSON object stay as they came."""
    function = call["function"]
    text = function.get("arguments") or "{}"
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = text
    if not isinstance(arguments, dict):
        arguments = text
    return ToolCallBlock(tool_call_id=call.get("id"), tool_name=function["name"], tool_kwargs=arguments)


def arguments_of(given: Any) -> dict[str, Any]:
    """Return a call's arguments as far as they can be read; a stream's may be only half there."""
    if isinstance(given, dict):
        return given
    try:
        parsed: Any = parse_partial_json(given or "{}")
    except (ValueError, TypeError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _logprobs(raw: Mapping[str, Any]) -> list[list[LogProb]] | None:
    tokens = ((raw.get("choices") or [{}])[0].get("logprobs") or {}).get("content")
    if not tokens:
        return None
    return [[_logprob(p) for p in token.get("top_logprobs") or [token]] for token in tokens]


def _logprob(token: Mapping[str, Any]) -> LogProb:
    return LogProb(token=token["token"], logprob=token["logprob"], bytes=token.get("bytes") or [])


class Progress:
    """What a stream has said so far."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.text = self.reasoning = ""
        self.calls: dict[int, dict[str, Any]] = {}

    def add(self, chunk: ChatChunk) -> ChatResponse | None:
        """Take a chunk and return the answer so far; None if the chunk says nothing."""
        if chunk.restarted:
            self._clear()
        text, thought, calls = chunk.text, chunk.reasoning or "", chunk.tool_calls
        if not (text or thought or calls):
            return None
        self.text += text
        self.reasoning += thought
        for position, call in enumerate(calls):
            self._merge(call.get("index", position), call)
        return ChatResponse(
            message=self._message(),
            delta=text,
            raw=chunk.to_dict(),
            additional_kwargs={"thinking_delta": thought} if thought else {},
        )

    def _merge(self, index: int, piece: Mapping[str, Any]) -> None:
        call = self.calls.setdefault(index, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
        call["id"] = piece.get("id") or call["id"]
        function = piece.get("function") or {}
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""

    def _message(self) -> ChatMessage:
        blocks: list[Any] = [ThinkingBlock(content=self.reasoning)] if self.reasoning else []
        blocks += [TextBlock(text=self.text)] if self.text else []
        calls = [self.calls[index] for index in sorted(self.calls)]
        blocks += [tool_call(call) for call in calls]
        extra = {"tool_calls": [{**c, "function": dict(c["function"])} for c in calls]} if calls else {}
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def completion(response: ChatResponse) -> CompletionResponse:
    """Return a chat answer as a completion."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs=response.additional_kwargs,
    )


def tool_calls_of(message: ChatMessage) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the calls of an answer as (id, name, arguments)."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        blocks = [tool_call(plain(call)) for call in message.additional_kwargs.get("tool_calls") or ()]
    return [(b.tool_call_id or "", b.tool_name, arguments_of(b.tool_kwargs)) for b in blocks]


def keep_one_call(message: ChatMessage) -> None:
    """Drop all tool calls but the first, where the caller wants no parallel ones."""
    seen = False
    kept: list[Any] = []
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            if seen:
                continue
            seen = True
        kept.append(block)
    message.blocks = kept
    if calls := message.additional_kwargs.get("tool_calls"):
        message.additional_kwargs["tool_calls"] = calls[:1]


__all__ = [
    "Progress",
    "arguments_of",
    "completion",
    "from_reply",
    "keep_one_call",
    "plain",
    "to_openai",
    "tool_call",
    "tool_calls_of",
]
