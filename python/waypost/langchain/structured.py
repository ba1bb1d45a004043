"""Answers in the form of a schema: `with_structured_output` in its three methods."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langchain_core import exceptions
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import RunnableGenerator, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from ..errors import ContentFilterError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

METHODS = ("function_calling", "json_schema", "json_mode")


def structured(
    model: BaseChatModel, schema: Any, *, method: str, include_raw: bool, strict: bool | None, options: dict[str, Any]
) -> Runnable[Any, Any]:
    """Return the model with its answers parsed into the schema."""
    if method not in METHODS:
        message = f"method is `{method}`: one of {', '.join(METHODS)}"
        raise ValueError(message)
    if schema is None and method != "json_mode":
        message = f"method `{method}` needs a schema; without one there is `json_mode`"
        raise ValueError(message)
    bound, parser = (_by_call if method == "function_calling" else _by_format)(
        model, schema, method=method, strict=strict, options=options
    )
    parsing = RunnableGenerator(_check, _acheck) | parser
    if not include_raw:
        return bound | parsing
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parsing, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _by_call(
    model: Any, schema: Any, *, method: str, strict: bool | None, options: dict[str, Any]
) -> tuple[Runnable[Any, Any], Runnable[Any, Any]]:
    """Let the model call the schema as a tool."""
    name = convert_to_openai_tool(schema)["function"]["name"]
    extra = {"parallel_tool_calls": False, **options}
    bound = model.bind_tools(
        [schema], tool_choice=name, strict=strict, **_format(schema, method=method, strict=strict), **extra
    )
    if _is_pydantic(schema):
        return bound, PydanticToolsParser(tools=[schema], first_tool_only=True)
    return bound, JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _by_format(
    model: Any, schema: Any, *, method: str, strict: bool | None, options: dict[str, Any]
) -> tuple[Runnable[Any, Any], Runnable[Any, Any]]:
    """Ask for JSON, by the schema or (`json_mode`) by what the prompt says."""
    wanted = {"type": "json_object"} if method == "json_mode" else response_format(schema, strict=strict)
    said = {"response_format": wanted, **_format(schema, method=method, strict=strict), **options}
    tools = said.pop("tools", None)
    bound = model.bind_tools(tools, strict=strict, **said) if tools else model.bind(**said)
    parser = PydanticOutputParser(pydantic_object=schema) if _is_pydantic(schema) else JsonOutputParser()
    return bound, parser


def response_format(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Return OpenAI's `response_format` for a schema in any of LangChain's forms."""
    function = convert_to_openai_tool(schema, strict=strict)["function"]
    spec = {"name": function["name"], "description": function.get("description"), "strict": strict}
    kept = {key: value for key, value in spec.items() if value is not None and value != ""}
    empty = {"type": "object", "properties": {}}
    return {"type": "json_schema", "json_schema": {**kept, "schema": function.get("parameters") or empty}}


def _format(schema: Any, *, method: str, strict: bool | None) -> dict[str, Any]:
    """Return what traces show of it."""
    if schema is None:
        return {}
    said = {"method": method, **({} if strict is None else {"strict": strict})}
    return {"ls_structured_output_format": {"kwargs": said, "schema": convert_to_openai_tool(schema)}}


def _is_pydantic(schema: Any) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def _checked(message: Any) -> Any:
    """Pass a message on; raise what a model said instead of answering."""
    refusal = message.additional_kwargs.get("refusal")
    if not refusal:
        return message
    kind = getattr(exceptions, "ModelRefusalError", None)
    if kind is None:
        text = f"the model refused to answer in the form that was asked for: {refusal}"
        raise ContentFilterError(text)
    raise kind.from_refusal({"type": "refusal", "refusal": refusal}, raw_message=message)


def _check(messages: Iterator[Any]) -> Iterator[Any]:
    for message in messages:
        yield _checked(message)


async def _acheck(messages: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for message in messages:
        yield _checked(message)
