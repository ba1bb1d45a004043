"""The smallest value that fits a JSON schema, so that structured answers need no writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_DEPTH = 24  # A schema that refers to itself has to end somewhere; nobody nests deeper by hand.

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}


def instance(schema: Mapping[str, Any]) -> Any:
    """Return a minimal instance of a JSON schema: required properties only, the first of several choices.

    Example:
        >>> instance({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]})
        {'n': 3}
    """
    return _value(schema, schema, 0)


def _value(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    schema = _resolved(schema, root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(schema[key][0], root, depth + 1)
    make = _MAKERS.get(_type(schema))
    return make(schema, root, depth) if make else None


def _resolved(schema: dict[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    for _ in range(MAX_DEPTH):
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            break
        target: Any = root
        for part in ref.removeprefix("#").strip("/").split("/"):
            target = target.get(part, {}) if part and isinstance(target, dict) else target
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}} if isinstance(target, dict) else {}
    merged = dict(schema)
    for part in merged.pop("allOf", ()):
        merged = _joined(merged, _resolved(part, root))
    return merged


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    properties = {**one.get("properties", {}), **other.get("properties", {})}
    required = [*one.get("required", ()), *other.get("required", ())]
    return {**other, **one, **({"properties": properties, "required": required} if properties else {})}


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if isinstance(kind, str):
        return kind.lower()  # Gemini writes OBJECT.
    return "array" if "items" in schema else "object"


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    return {
        name: _value(properties.get(name, {"type": "string"}), root, depth + 1) for name in schema.get("required") or ()
    }


def _array(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> list[Any]:
    prefix = [_value(item, root, depth + 1) for item in schema.get("prefixItems") or ()]
    missing = max(0, int(schema.get("minItems", 0)) - len(prefix))
    return prefix + [_value(schema.get("items", {"type": "string"}), root, depth + 1) for _ in range(missing)]


def _string(schema: Mapping[str, Any], _root: Mapping[str, Any], _depth: int) -> str:
    text = _FORMATS.get(str(schema.get("format")), "text")
    return text.ljust(int(schema.get("minLength", 0)), "x")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any], _root: Mapping[str, Any], _depth: int) -> float:
    low: float | None = schema.get("minimum")
    above: float | None = schema.get("exclusiveMinimum")
    low = above + 1 if isinstance(above, (int, float)) and not isinstance(above, bool) else low
    high: float | None = schema.get("maximum")
    value: float = low if low is not None else min(0, high) if high is not None else 0
    step: float = schema.get("multipleOf") or 0
    return -(-value // step) * step if step else value


def _integer(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> int:
    return int(-(-_number(schema, root, depth) // 1))


def _boolean(_schema: Mapping[str, Any], _root: Mapping[str, Any], _depth: int) -> bool:
    return False


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], int], Any]] = {
    "object": _object, "array": _array, "string": _string, "number": _number, "integer": _integer, "boolean": _boolean,
}  # fmt: skip
