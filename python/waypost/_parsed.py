"""Answers in a form of the caller's: from a class to OpenAI's `response_format`, and from the answer to an object.

Pydantic is imported by nobody but the caller: a model brings it along, and for a dataclass or a `TypedDict` it is asked
for when the first one is given.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import InvalidRequestError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .results import ChatResponse

# Classes whose schema is remembered: making one costs more than a call's whole decision.
REMEMBERED = 128
# OpenAI's limit for the name of a schema.
LONGEST_NAME = 64
# Problems that an error tells; more of them help nobody.
TOLD = 5

# What strict mode refuses though it only narrows an answer: the check of the answer still holds it.
_UNTOLD = frozenset({"default", "discriminator", "uniqueItems", "minProperties", "maxProperties", "propertyNames"})
# What says of which form a value is; strict mode wants one of them everywhere.
_FORMS = ("type", "anyOf", "enum", "const", "$ref")
_CHECKS = frozenset({"value_error", "assertion_error"})


def response_format(wanted: Any) -> Any:
    """Return OpenAI's mapping for a class; anything else is returned as it is.

    Raises:
        InvalidRequestError: The class is none that stands for a JSON object.
        ImportError: A dataclass or a `TypedDict` needs Pydantic, and it is not installed.
    """
    return _of_class(wanted) if isinstance(wanted, type) else wanted


def parse(wanted: type, reply: ChatResponse) -> Any:
    """Return the answer as an object of the class; None of an answer that calls tools instead.

    Raises:
        ProtocolError: The answer is none; `response` has it.
    """
    if reply.tool_calls and not reply.text:
        return None
    problem = _broken_off(reply)
    if problem is None:
        try:
            return _reader(wanted)(_bare(reply.text))
        except ValueError as error:
            problem = f"does not fit `{wanted.__name__}`: {_problems(error, wanted)}"
    # Raised out of the handler's reach: Pydantic's own error quotes the answer.
    raise _error(problem, reply)


def _broken_off(reply: ChatResponse) -> str | None:
    """Say why an answer cannot be one, where the provider has said so."""
    if reply.message.get("refusal"):
        return "is a refusal; `error.response.message['refusal']` has the model's words"
    if reply.finish_reason == "length":
        return "was cut off at the limit of its length; a higher `max_tokens` lets it end"
    if reply.finish_reason == "content_filter":
        return "was cut off by the provider's content filter"
    return None


def _error(problem: str, reply: ChatResponse) -> ProtocolError:
    error = ProtocolError(f"the answer of `{reply.deployment}` {problem}")
    error.response = reply
    error.provider, error.deployment, error.decision = reply.provider, reply.deployment, reply.decision
    return error


def _problems(error: ValueError, wanted: type) -> str:
    """Tell what does not fit, and where, without a word of the answer: it may repeat the prompt."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return type(error).__name__
    known = set(_names(_schema(wanted)))
    found = errors(include_url=False, include_input=False, include_context=False)
    told = [_problem(item, known) for item in found[:TOLD]]
    return "; ".join(told) + (f"; and {len(found) - TOLD} more" if len(found) > TOLD else "")


def _problem(item: Any, known: set[str]) -> str:
    where = ".".join(str(part) if isinstance(part, int) or part in known else "…" for part in item["loc"])
    # The words of the caller's own checks may quote the answer.
    what = "refused by a check of the model" if item["type"] in _CHECKS else item["msg"]
    return f"`{where}`: {what}" if where else what


def _names(schema: Any) -> Iterator[str]:
    """Yield the names of all properties and definitions."""
    if isinstance(schema, dict):
        for key in ("properties", "$defs"):
            yield from schema.get(key) or ()
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            yield from _names(value)


def _bare(text: str) -> str:
    """Take the fence of Markdown off, which models without a JSON mode like to put around JSON."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", text, re.DOTALL)
    return fenced[1] if fenced else text


# Classes.


def _is_model(wanted: type) -> bool:
    return hasattr(wanted, "model_json_schema") and hasattr(wanted, "model_validate_json")


@lru_cache(maxsize=REMEMBERED)
def _adapter(wanted: type) -> Any:
    """Return Pydantic's reader of a dataclass or a `TypedDict`."""
    if not (hasattr(wanted, "__dataclass_fields__") or hasattr(wanted, "__required_keys__")):
        newer = "; of Pydantic, models of version 2" if hasattr(wanted, "parse_raw") else ""
        message = f"`response_format` is a mapping, a Pydantic model, a dataclass or a `TypedDict`{newer}"
        raise InvalidRequestError(message)
    try:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError
    except ImportError as error:
        message = "a dataclass or a `TypedDict` as `response_format` needs Pydantic: pip install 'pydantic>=2'"
        raise ImportError(message) from error
    try:
        return TypeAdapter(wanted)
    except PydanticUserError as error:
        message = f"`response_format`: Pydantic cannot read `{wanted.__name__}`: {error.message}"
        raise InvalidRequestError(message) from error


def _reader(wanted: Any) -> Any:
    return wanted.model_validate_json if _is_model(wanted) else _adapter(wanted).validate_json


def _schema(wanted: Any) -> dict[str, Any]:
    return wanted.model_json_schema() if _is_model(wanted) else _adapter(wanted).json_schema()  # type: ignore[no-any-return]


@lru_cache(maxsize=REMEMBERED)
def _of_class(wanted: type) -> dict[str, Any]:
    schema = _schema(wanted)
    top = schema["$defs"][_target(schema["$ref"])] if "$ref" in schema else schema
    if top.get("type") != "object":
        message = (
            f"`response_format`: `{wanted.__name__}` is no JSON object at the top; wrap it in a model with one field"
        )
        raise InvalidRequestError(message)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted.__name__).strip("_")[:LONGEST_NAME] or "answer"
    strict = _strict_possible(schema)
    if strict:
        schema = _strict(schema, schema.get("$defs", {}), ())
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


# Strict mode: every object closed, every property required, and of JSON Schema only what OpenAI knows.


def _target(reference: str) -> str:
    return reference.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _strict_possible(schema: Any) -> bool:
    """Say whether strict mode can express it: it knows no free mappings, no tuples and no `Any`."""
    if not isinstance(schema, dict):
        return False
    free = schema.get("type") == "object" and not schema.get("properties")
    if free or schema.get("additionalProperties") or "prefixItems" in schema or "patternProperties" in schema:
        return False
    if not any(form in schema for form in (*_FORMS, "oneOf", "allOf")):
        return False
    if len(schema.get("allOf", ())) > 1 or (schema.get("type") == "array" and "items" not in schema):
        return False
    return all(map(_strict_possible, _inner(schema)))


def _inner(schema: dict[str, Any]) -> Iterator[Any]:
    for key in ("properties", "$defs"):
        yield from schema.get(key, {}).values()
    for key in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(key, ())
    if "items" in schema:
        yield schema["items"]


def _strict(schema: dict[str, Any], known: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema in the words of strict mode; `inside` are the definitions that are being written out."""
    out = {key: value for key, value in schema.items() if key not in _UNTOLD}
    if len(out.get("allOf", ())) == 1:
        out = {**out.pop("allOf")[0], **out}
    if "$ref" in out and len(out) > (2 if "$defs" in out else 1):
        # A reference stands alone: with a description beside it the definition is written out, unless it is within itself.
        target = _target(out["$ref"])
        if target in inside:
            return {"$ref": out["$ref"]}
        described = {key: value for key, value in out.items() if key != "$ref"}
        return _strict({**known[target], **described}, known, (*inside, target))
    if "oneOf" in out:
        out["anyOf"] = out.pop("oneOf")
    for key in ("properties", "$defs"):
        if key in out:
            out[key] = {name: _strict(value, known, inside) for name, value in out[key].items()}
    if "anyOf" in out:
        out["anyOf"] = [_strict(value, known, inside) for value in out["anyOf"]]
    if "items" in out:
        out["items"] = _strict(out["items"], known, inside)
    if out.get("type") == "object":
        out["additionalProperties"] = False
        out["required"] = list(out.get("properties", {}))
    return out
