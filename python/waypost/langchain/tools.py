"""Tools and the choice among them, in the forms that LangChain's users write → OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALSO_CALLED = {"any": "required"}


def tool_of(tool: Any, *, strict: bool | None) -> dict[str, Any]:
    """Return a tool in OpenAI's shape; one that the provider runs stays as it is."""
    if _is_hosted(tool):
        return dict(tool)
    made = convert_to_openai_tool(tool, strict=strict)
    extras = getattr(tool, "extras", None) if isinstance(tool, BaseTool) else None
    mark = tool.get("cache_control") if isinstance(tool, Mapping) else None
    return {**(extras or {}), **({"cache_control": mark} if mark else {}), **made}


def _is_hosted(tool: Any) -> bool:
    """Whether it is a provider's own tool: `{"type": "web_search"}`, or Google's mapping of one key."""
    if not isinstance(tool, Mapping) or "input_schema" in tool or "function" in tool:
        return False
    kind = tool.get("type")
    if isinstance(kind, str):
        return kind not in ("function", "object")
    return len(tool) == 1 and all(isinstance(value, Mapping) for value in tool.values())


def choice_of(choice: Any, tools: Sequence[Mapping[str, Any]]) -> Any:
    """Return the choice in OpenAI's words.

    Args:
        choice: `auto`, `none`, `any` or `required`, a tool's name, True for any, a mapping of OpenAI's or Anthropic's.
        tools: The tools offered, in OpenAI's shape.

    Raises:
        ValueError: No tool has the name.
    """
    names = [tool["function"]["name"] for tool in tools if "function" in tool]
    if choice is None or choice is False:
        return None
    if choice is True:
        return _named(names[0]) if len(names) == 1 and len(tools) == 1 else "required"
    if isinstance(choice, Mapping):
        return _mapping(choice)
    if choice in names:
        return _named(choice)
    word = _ALSO_CALLED.get(choice, choice)
    if word in ("auto", "none", "required"):
        return word
    if any(tool.get("type") == choice for tool in tools):
        return {"type": choice}
    message = f"tool_choice is `{choice}`, and no tool has that name: {', '.join(names)}; or auto, none, any"
    raise ValueError(message)


def _mapping(choice: Mapping[str, Any]) -> Any:
    kind = choice.get("type")
    if kind == "tool" and "name" in choice:
        return _named(choice["name"])
    if kind in ("any", "auto", "none") and "function" not in choice:
        return _ALSO_CALLED.get(kind, kind)
    return dict(choice)


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}
