"""One block of a message's content → OpenAI's content parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Block = Mapping[str, Any]
    Part = dict[str, Any]

# They are read elsewhere (calls, thoughts), or are the record of what a provider ran itself.
_NO_CONTENT = frozenset({
    "tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call", "input_json_delta",
    "thinking", "redacted_thinking", "reasoning", "reasoning_content",
    "server_tool_call", "server_tool_call_chunk", "server_tool_result",
})  # fmt: skip
_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "vnd.wave": "wav"}


def parts_of(block: str | Block) -> list[Part]:
    """Return the parts that a block stands for; none for what is said elsewhere in the message."""
    if isinstance(block, str):
        return [{"type": "text", "text": block}] if block else []
    kind = block.get("type")
    if kind in _NO_CONTENT:
        return []
    make = _MAKERS.get(str(kind))
    part = make(block) if make else dict(block)
    return [part] if part else []


def _text(block: Block) -> Part | None:
    kept = {key: block[key] for key in ("cache_control",) if key in block}
    return {"type": "text", "text": block.get("text") or "", **kept} if block.get("text") or kept else None


def _plain_text(block: Block) -> Part | None:
    return _text(block) if block.get("text") else _file({"mime_type": "text/plain", **block})


def _image(block: Block) -> Part:
    if "image_url" in block:
        return dict(block)
    url = _url(block, "image/png")
    if url is None:
        return _file(block)
    detail = block.get("detail") or (block.get("extras") or {}).get("detail")
    return _kept(block, {"type": "image_url", "image_url": {"url": url, **({"detail": detail} if detail else {})}})


def _audio(block: Block) -> Part:
    data, mime = _data(block), _mime(block) or "audio/wav"
    if data is None:
        return _linked(block, "audio")
    ending = mime.partition("/")[2]
    return _kept(block, {"type": "input_audio", "input_audio": {"data": data, "format": _FORMATS.get(ending, ending)}})


def _video(block: Block) -> Part:
    return _linked(block, "video")


def _file(block: Block) -> Part:
    if isinstance(block.get("file"), dict):
        return dict(block)
    source = _source(block)
    identity = block.get("file_id") or source.get("file_id") or (_v0(block, "id") and block.get("id"))
    data = _url(block, "application/pdf")
    if data is None and source.get("type") == "text":
        return {"type": "text", "text": source.get("data") or ""}
    extras = {**(block.get("extras") or {}), **(block.get("metadata") or {})}
    name = block.get("filename") or block.get("title") or extras.get("filename") or extras.get("name")
    file = {"file_data": data, "file_id": None if data else identity, "filename": name or (data and "file")}
    return _kept(block, {"type": "file", "file": {key: value for key, value in file.items() if value}})


def _media(block: Block) -> Part:
    """Read Google's `media` block, whose MIME type says what it is."""
    kind = str(block.get("mime_type") or "").partition("/")[0]
    given = {**block, "base64": block.get("data"), "url": block.get("file_uri")}
    given = {key: value for key, value in given.items() if value is not None}
    return {"image": _image, "audio": _audio, "video": _video}.get(kind, _file)(given)


def _non_standard(block: Block) -> Part | None:
    """Unpack what only some provider knows; Anthropic's documents and images among it are known here too."""
    value = block.get("value")
    made = parts_of(value) if isinstance(value, dict) else []
    return made[0] if made else None


def _linked(block: Block, kind: str) -> Part:
    key = f"{kind}_url"
    if key in block:
        return dict(block)
    url = _url(block, f"{kind}/mp4")
    if url is None:
        message = f"a block of type `{kind}` needs `url`, or `base64` and `mime_type`"
        raise ValueError(message)
    return {"type": key, key: {"url": url}}


def _kept(block: Block, part: Part) -> Part:
    """Keep the mark of a prompt cache, which providers without one do not get."""
    mark = block.get("cache_control") or (block.get("extras") or {}).get("cache_control")
    return {**part, "cache_control": mark} if mark else part


def _v0(block: Block, kind: str) -> bool:
    return block.get("source_type") == kind


def _source(block: Block) -> Block:
    source = block.get("source")
    return source if isinstance(source, dict) else {}


def _mime(block: Block) -> str | None:
    return block.get("mime_type") or _source(block).get("media_type")


def _data(block: Block) -> str | None:
    """Return base64 data in any of its spellings: standard, the older form, Anthropic's."""
    source = _source(block)
    data = block.get("base64") or (block.get("data") if _v0(block, "base64") else None)
    return data or (source.get("data") if source.get("type") == "base64" else None)


def _url(block: Block, mime: str) -> str | None:
    """Return the address, or the data as a `data:` URL."""
    data = _data(block)
    if data is not None:
        return f"data:{_mime(block) or mime};base64,{data}"
    return block.get("url") or _source(block).get("url")


_MAKERS: Mapping[str, Callable[[Block], Part | None]] = {
    "text": _text, "text-plain": _plain_text, "image": _image, "audio": _audio, "video": _video, "file": _file,
    "document": _file, "media": _media, "non_standard": _non_standard,
}  # fmt: skip
