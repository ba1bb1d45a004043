"""What a pool of models can do together: the least of what each can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..router import Router

# LangChain's key, and the capability that it depends on.
_ABILITIES = {
    "image_inputs": "vision",
    "image_url_inputs": "vision",
    "image_tool_message": "vision",
    "pdf_inputs": "files",
    "pdf_tool_message": "files",
    "audio_inputs": "audio",
    "tool_calling": "tools",
    "tool_choice": "tools",
    "structured_output": "json_schema",
    "reasoning_output": "reasoning",
}


def profile_of(router: Router, model: str) -> dict[str, Any]:
    """Return the profile of the route or deployment: every request may land on any of its candidates.

    A limit is the smallest that is known. An ability is there if all have it, is not if one lacks it, and is left out
    while nobody lacks it and not all are known to have it.
    """
    names = {candidate.deployment for candidate in router.route("Hello", model=model).candidates}
    pool = [deployment.capabilities for deployment in router.deployments if deployment.name in names]
    pool = [facts for facts in pool if not facts.get("embedding")]
    if not pool:
        return {}
    limits = {
        "max_input_tokens": _least([facts.get("max_input") or facts.get("context_window") for facts in pool]),
        "max_output_tokens": _least([facts.get("max_output") for facts in pool]),
    }
    abilities = {key: _shared([facts.get(name) for facts in pool]) for key, name in _ABILITIES.items()}
    known = {"text_inputs": True, "text_outputs": True, **limits, **abilities}
    return {key: value for key, value in known.items() if value is not None}


def _least(values: Sequence[int | None]) -> int | None:
    return min((value for value in values if value), default=None)


def _shared(values: Sequence[bool | None]) -> bool | None:
    if any(value is False for value in values):
        return False
    return True if all(values) else None
