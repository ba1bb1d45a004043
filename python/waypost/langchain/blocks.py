"""The standard content blocks of answers: what LangChain asks for as `message.content_blocks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import PROVIDER

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk

try:
    from langchain_core.messages.content import KNOWN_BLOCK_TYPES
except ImportError:  # langchain-core before 1.0 has no standard blocks.
    KNOWN_BLOCK_TYPES = set()


def of_message(message: AIMessage) -> list[Any]:
    """Return the blocks of a whole answer."""
    blocks = _said(message)
    known = {block.get("id") for block in blocks if block["type"] == "tool_call"}
    blocks += [
        {"type": "tool_call", "name": call["name"], "args": call["args"], "id": call["id"]}
        for call in message.tool_calls
        if call["id"] is None or call["id"] not in known
    ]
    broken = [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]
    return [*blocks, *broken, *_refusal(message)]


def of_chunk(message: AIMessageChunk) -> list[Any]:
    """Return the blocks of a piece of an answer; calls have numbers of their own, apart from those of other blocks."""
    if message.chunk_position == "last":
        return of_message(message)
    blocks = _said(message)
    present = {block.get("index") for block in blocks if block["type"] == "tool_call_chunk"}
    for call in message.tool_call_chunks:
        index = None if call.get("index") is None else f"lc_tc_{call['index']}"
        block = {"type": "tool_call_chunk", "id": call.get("id"), "name": call.get("name"), "args": call.get("args")}
        if index not in present or index is None:
            blocks.append(block if index is None else {**block, "index": index})
    return [*blocks, *_refusal(message)]


def _said(message: AIMessage) -> list[Any]:
    """Return reasoning, text and media, in this order."""
    content = [message.content] if isinstance(message.content, str) else message.content
    blocks = [_block(item) for item in content if item != ""]
    thought = message.additional_kwargs.get("reasoning_content")
    if thought and not any(block["type"] == "reasoning" for block in blocks):
        blocks.insert(0, {"type": "reasoning", "reasoning": thought})
    return blocks


def _block(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    known = isinstance(item, dict) and item.get("type") in KNOWN_BLOCK_TYPES
    return dict(item) if known else {"type": "non_standard", "value": item}


def _refusal(message: AIMessage) -> list[Any]:
    said = message.additional_kwargs.get("refusal")
    return [{"type": "refusal", "refusal": said}] if said and "refusal" in KNOWN_BLOCK_TYPES else []


def register() -> None:
    """Make `content_blocks` of our answers come from here."""
    try:
        from langchain_core.messages.block_translators import register_translator
    except ImportError:
        return
    register_translator(PROVIDER, of_message, of_chunk)
