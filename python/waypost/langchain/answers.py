"""Answers → LangChain's messages, chunks and results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from ..errors import StreamError
from .messages import CALL_EXTRAS, EXTRAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._waypost import ChatChunk
    from ..results import ChatResponse

PROVIDER = "waypost"
# Keys of a message that have a place of their own in LangChain's.
_READ = frozenset({"role", "content", "refusal", "reasoning_content", "tool_calls", "audio", "images", "content_parts"})


def result_of(reply: ChatResponse, *, with_decision: bool) -> ChatResult:
    """Return a whole answer; with `n` above 1 there are several generations."""
    whole = reply.to_dict()
    shared = metadata_of(reply, with_decision=with_decision)
    usage = usage_of(reply)
    generations = []
    for place, choice in enumerate(whole.get("choices") or []):
        metadata = {"finish_reason": choice.get("finish_reason"), **_logprobs(choice)}
        message = _message(choice["message"], {**shared, **metadata}, usage if place == 0 else None)
        generations.append(ChatGeneration(message=message, generation_info=metadata))
    return ChatResult(generations=generations, llm_output={**shared, "token_usage": whole.get("usage") or {}})


def _message(said: Mapping[str, Any], metadata: dict[str, Any], usage: UsageMetadata | None) -> AIMessage:
    calls, broken = _calls(said.get("tool_calls") or ())
    text, media = said.get("content") or "", _media(said)
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": text}] if text else []
    return AIMessage(
        content=[*blocks, *media] if media else text,
        additional_kwargs=_kwargs(said),
        tool_calls=calls,
        invalid_tool_calls=broken,
        response_metadata=metadata,
        usage_metadata=usage,
    )


def _calls(wire: Any) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    calls, broken = [], []
    for call in wire:
        function = call.get("function") or {}
        name, text, identity = function.get("name"), function.get("arguments") or "{}", call.get("id") or None
        try:
            arguments = json.loads(text, strict=False)
        except ValueError as error:
            broken.append(
                invalid_tool_call(name=name, args=text, id=identity, error=f"the arguments are no JSON: {error}")
            )
            continue
        if isinstance(arguments, dict):
            calls.append(tool_call(name=name or "", args=arguments, id=identity))
        else:
            broken.append(
                invalid_tool_call(name=name, args=text, id=identity, error="the arguments are no JSON object")
            )
    return calls, broken


def _kwargs(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message says besides text and calls, with what its provider wants back in the next request."""
    known = {key: said[key] for key in ("reasoning_content", "refusal", "audio") if said.get(key)}
    return {**known, **_sent_back(said)}


def _sent_back(said: Mapping[str, Any]) -> dict[str, Any]:
    extras = {key: value for key, value in said.items() if key not in _READ and value}
    calls = {
        call.get("id"): {key: value for key, value in call.items() if key not in ("id", "type", "function")}
        for call in said.get("tool_calls") or ()
    }
    calls = {identity: extra for identity, extra in calls.items() if extra}
    return {**({EXTRAS: extras} if extras else {}), **({CALL_EXTRAS: calls} if calls else {})}


def _media(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return images and sound that the model made, as standard blocks."""
    blocks = [_image(part) for part in [*(said.get("images") or ()), *(said.get("content_parts") or ())]]
    audio = said.get("audio")
    if isinstance(audio, dict) and audio.get("data"):
        extras = {key: audio[key] for key in ("id", "transcript") if audio.get(key)}
        blocks.append({"type": "audio", "base64": audio["data"], "mime_type": "audio/wav", "extras": extras})
    return blocks


def _image(part: Any) -> dict[str, Any]:
    address = part.get("image_url") if isinstance(part, dict) else None
    url = address.get("url") if isinstance(address, dict) else address
    if not isinstance(url, str):
        return {"type": "non_standard", "value": part}
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        return {"type": "image", "base64": data, "mime_type": head[5:-7]}
    return {"type": "image", "url": url}


def metadata_of(reply: ChatResponse, *, with_decision: bool) -> dict[str, Any]:
    """Return who served and why: what a trace shows. No address, no key, no prompt text is in it."""
    decision, cost, whole = reply.decision, reply.cost, reply.to_dict()
    attempts = [
        {key: value for key, value in attempt.items() if value not in (None, False, 0) and key != "message"}
        for attempt in decision.to_dict()["attempts"]
    ]
    refused = {candidate.deployment: candidate.reason for candidate in decision.candidates if not candidate.accepted}
    explained = {
        "decision_id": decision.id,
        "route": reply.route,
        "deployment": reply.deployment,
        "provider": reply.provider,
        "reason": decision.reason,
        "rules": [{"name": rule.name, "effect": rule.effect} for rule in decision.rules],
        "refused": refused,
        "attempts": attempts,
        "cost": {"usd": cost.usd, "status": cost.status, "saved_usd": cost.saved_usd},
        "latency": reply.latency,
        "ttft": reply.ttft,
        **({"decision": decision.to_dict()} if with_decision else {}),
    }
    return {
        "model_name": reply.model,
        "model_provider": PROVIDER,
        "id": reply.id,
        **{key: whole[key] for key in ("created", "system_fingerprint", "service_tier") if whole.get(key)},
        "provider": reply.provider,
        "deployment": reply.deployment,
        "decision_id": decision.id,
        "cost": cost.usd,
        "waypost": explained,
    }


def usage_of(reply: ChatResponse) -> UsageMetadata | None:
    """Return the tokens, None where the provider counted none."""
    if not reply.to_dict().get("usage"):
        return None
    usage = reply.usage
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        input_token_details={"cache_read": usage.cached_tokens, "cache_creation": usage.cache_write_tokens},
        output_token_details={"reasoning": usage.reasoning_tokens},
    )


def _logprobs(choice: Mapping[str, Any]) -> dict[str, Any]:
    return {"logprobs": choice["logprobs"]} if choice.get("logprobs") else {}


def chunks_of(chunk: ChatChunk) -> Iterator[ChatGenerationChunk]:
    """Return what is new in a stream, one kind to a chunk, because a chunk's content blocks are of one kind.

    Raises:
        StreamError: The answer began anew. LangChain joins all pieces, and two answers must not be joined.
    """
    if chunk.restarted:
        msg = (
            f"the answer broke off and began anew on `{chunk.deployment}`, which LangChain's chunks cannot say: "
            "leave `on_stream_failure` out of this route or set it to `raise`, or call without streaming"
        )
        raise StreamError(msg)
    if chunk.reasoning:
        yield _piece("", additional_kwargs={"reasoning_content": chunk.reasoning})
    if chunk.text:
        yield _piece(chunk.text)
    calls = [
        tool_call_chunk(
            name=call["function"].get("name"),
            args=call["function"].get("arguments"),
            id=call.get("id"),
            index=call.get("index"),
        )
        for call in chunk.tool_calls
    ]
    if calls:
        yield _piece("", tool_call_chunks=calls)


def _piece(text: str, **fields: Any) -> ChatGenerationChunk:
    """Return a chunk; whose it is stands on each, because content blocks are made of each alone."""
    message = AIMessageChunk(content=text, response_metadata={"model_provider": PROVIDER}, **fields)
    return ChatGenerationChunk(message=message)


def last_chunk(reply: ChatResponse, *, with_decision: bool) -> ChatGenerationChunk:
    """Return the end of a stream: all that is said once (chunks are added up, and names would be joined)."""
    choice = (reply.to_dict().get("choices") or [{}])[0]
    said = choice.get("message") or {}
    finish = {"finish_reason": choice.get("finish_reason"), **_logprobs(choice)}
    refusal = {"refusal": said["refusal"]} if said.get("refusal") else {}
    audio = {"audio": said["audio"]} if said.get("audio") else {}
    message = AIMessageChunk(
        content=[*_media(said)] or "",
        additional_kwargs={**refusal, **audio, **_sent_back(said)},
        response_metadata={**metadata_of(reply, with_decision=with_decision), **finish},
        usage_metadata=usage_of(reply),
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message, generation_info=finish)
