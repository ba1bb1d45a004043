"""LangChain's messages → messages in OpenAI's shape, which is what a router takes.

History may come from any integration, so content is read in every spelling that LangChain knows: standard blocks, their
older form, OpenAI's parts, Anthropic's blocks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from .parts import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Keys of an answer that its provider wants back with the history: signed thinking, say.
EXTRAS = "waypost_extras"
# The same for calls: Gemini signs each.
CALL_EXTRAS = "waypost_call_extras"


def to_wire(messages: Iterable[BaseMessage]) -> list[dict[str, Any]]:
    """Return the conversation in OpenAI's shape."""
    return [wire for message in messages for wire in _messages(message)]


def _messages(message: BaseMessage) -> list[dict[str, Any]]:
    if isinstance(message, HumanMessage):
        return _human(message)
    if isinstance(message, AIMessage):
        return [_named(message, _assistant(message))]
    if isinstance(message, SystemMessage):
        role = message.additional_kwargs.get("__openai_role__", "system")
        return [_named(message, {"role": role, "content": _content(message.content)})]
    if isinstance(message, ToolMessage):
        return [{"role": "tool", "tool_call_id": message.tool_call_id, "content": _content(message.content)}]
    if isinstance(message, FunctionMessage):
        return [{"role": "function", "name": message.name, "content": _content(message.content)}]
    if isinstance(message, ChatMessage):
        return [_named(message, {"role": message.role, "content": _content(message.content)})]
    kind = type(message).__name__
    text = f"a `{kind}` cannot be sent to a model; the kinds are human, ai, system, tool, function and chat messages"
    raise TypeError(text)


def _named(message: BaseMessage, wire: dict[str, Any]) -> dict[str, Any]:
    name = message.name or message.additional_kwargs.get("name")
    return {**wire, "name": name} if name else wire


def _human(message: HumanMessage) -> list[dict[str, Any]]:
    """Return the user's message; in Anthropic's way it holds results of tools, which are messages of their own."""
    if isinstance(message.content, str):
        return [_named(message, {"role": "user", "content": message.content})]
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    others = [block for block in message.content if block not in results]
    wires = [
        {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _content(block.get("content") or "")}
        for block in results
    ]
    if others or not results:
        wires.append(_named(message, {"role": "user", "content": _content(others)}))
    return wires


def _content(content: str | Sequence[str | Mapping[str, Any]]) -> str | list[dict[str, Any]]:
    """Return a text, or parts where there is more than one plain text."""
    if isinstance(content, str):
        return content
    parts = [part for block in content for part in parts_of(block)]
    if not parts:
        return ""
    if len(parts) == 1 and set(parts[0]) == {"type", "text"}:
        return str(parts[0]["text"])
    return parts


def _assistant(message: AIMessage) -> dict[str, Any]:
    blocks = [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content
    content = _content(blocks)
    wire: dict[str, Any] = {"role": "assistant", "content": content}
    calls = _calls(message, blocks)
    if calls:
        wire["tool_calls"] = calls
        wire["content"] = content or None
    if refusal := message.additional_kwargs.get("refusal"):
        wire["refusal"] = refusal
    wire.update(_thoughts(message, blocks))
    return wire


def _calls(message: AIMessage, blocks: Sequence[str | Mapping[str, Any]]) -> list[dict[str, Any]]:
    extras = message.additional_kwargs.get(CALL_EXTRAS) or {}
    calls = [_call(call["id"], call["name"], call["args"], extras) for call in message.tool_calls]
    calls += [_call(call["id"], call["name"], call["args"], extras) for call in message.invalid_tool_calls]
    if calls:
        return calls
    found = [block for block in blocks if isinstance(block, dict) and block.get("type") in ("tool_use", "tool_call")]
    return [_call(b.get("id"), b.get("name"), b.get("input", b.get("args")), extras) for b in found]


def _call(identity: Any, name: Any, arguments: Any, extras: Mapping[str, Any]) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    function = {"name": name or "", "arguments": text}
    return {**extras.get(identity, {}), "id": identity or "", "type": "function", "function": function}


def _thoughts(message: AIMessage, blocks: Sequence[str | Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reasoning, as text and in the signed form in which Anthropic wants it back."""
    extras = dict(message.additional_kwargs.get(EXTRAS) or {})
    said = message.additional_kwargs.get("reasoning_content")
    texts, signed = [said] if isinstance(said, str) else [], []
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind in ("thinking", "redacted_thinking"):
            signed.append({key: value for key, value in block.items() if key != "index"})
        elif kind == "reasoning" and not said:
            texts.append(str(block.get("reasoning") or ""))
        signature = (block.get("extras") or {}).get("signature") if kind == "reasoning" else None
        if signature:
            signed.append({"type": "thinking", "thinking": block.get("reasoning") or "", "signature": signature})
    if signed and "thinking_blocks" not in extras:
        extras["thinking_blocks"] = signed
    if text := "".join(texts):
        extras["reasoning_content"] = text
    return extras
