"""Property schemas of resource types, and the check of properties against them.

The schemas say what the sandbox does of a type: a subset of the CloudFormation registry's resource schemas (a test
compares them). The messages are those of the validator that CloudFormation uses (everit's).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Schema = dict[str, Any]

BOOLEANS = {"true": True, "false": False}
INTEGER = re.compile(r"-?[0-9]+")


def string(**constraints: Any) -> Schema:
    """Return the schema of a string; `enum`, `pattern`, `minLength`, `maxLength` constrain it."""
    return {"type": "string", **constraints}


def integer(minimum: int | None = None, maximum: int | None = None) -> Schema:
    """Return the schema of a whole number within bounds."""
    bounds = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}}


def boolean() -> Schema:
    """Return the schema of true or false."""
    return {"type": "boolean"}


def document() -> Schema:
    """Return the schema of a JSON document: an object, or its text."""
    return {"type": "document"}


def array(items: Schema, **constraints: Any) -> Schema:
    """Return the schema of a list; `minItems`, `maxItems` constrain it."""
    return {"type": "array", "items": items, **constraints}


def mapping(values: Schema, **constraints: Any) -> Schema:
    """Return the schema of an object with any keys; `maxItems` constrains their number."""
    return {"type": "mapping", "values": values, **constraints}


def structure(properties: Mapping[str, Schema], *required: str, not_offered: Iterable[str] = ()) -> Schema:
    """Return the schema of an object with these keys only; `not_offered` are keys that AWS knows besides."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "not_offered": frozenset(not_offered),
    }


def tags(**constraints: Any) -> Schema:
    """Return the schema of a list of Key and Value."""
    pair = {"Key": string(minLength=1, maxLength=128), "Value": string(maxLength=256)}
    return array(structure(pair, "Key", "Value"), **constraints)


def coerce(schema: Schema, value: Any) -> Any:
    """Return a value with scalars converted to the schema's types where CloudFormation converts them."""
    kind = schema["type"]
    if kind == "object" and isinstance(value, dict):
        known = schema["properties"]
        return {key: coerce(known[key], item) if key in known else item for key, item in value.items()}
    if kind == "array" and isinstance(value, list):
        return [coerce(schema["items"], item) for item in value]
    if kind == "mapping" and isinstance(value, dict):
        return {key: coerce(schema["values"], item) for key, item in value.items()}
    return _coerced_scalar(kind, value)


def _coerced_scalar(kind: str, value: Any) -> Any:
    if kind == "boolean" and isinstance(value, str):
        return BOOLEANS.get(value.lower(), value)
    if kind == "integer" and isinstance(value, str) and INTEGER.fullmatch(value):
        return int(value)
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    return value


def violations(schema: Schema, value: Any, path: str = "#") -> Iterator[str]:
    """Yield what is wrong with a value, each with its JSON pointer."""
    if found := _wrong_type(schema["type"], value):
        yield f"{path}: {found}"
        return
    if isinstance(value, str):
        yield from _string_violations(schema, value, path)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield from _integer_violations(schema, value, path)
    elif isinstance(value, list):
        yield from _array_violations(schema, value, path)
    elif schema["type"] == "object":
        yield from _object_violations(schema, value, path)
    elif schema["type"] == "mapping":
        if "maxItems" in schema and len(value) > schema["maxItems"]:
            yield f"{path}: maximum size: [{schema['maxItems']}], found: [{len(value)}]"
        for key, item in value.items():
            yield from violations(schema["values"], item, f"{path}/{key}")


_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("String", (str,)),
    "integer": ("Integer", (int,)),
    "boolean": ("Boolean", (bool,)),
    "array": ("JSONArray", (list,)),
    "object": ("JSONObject", (dict,)),
    "mapping": ("JSONObject", (dict,)),
    "document": ("JSONObject", (dict, str)),
}


def _wrong_type(kind: str, value: Any) -> str:
    name, types = _TYPES[kind]
    if isinstance(value, types) and (kind != "integer" or not isinstance(value, bool)):
        return ""
    return f"expected type: {name}, found: {_name(value)}"


def _name(value: Any) -> str:
    names = {
        str: "String",
        bool: "Boolean",
        int: "Integer",
        float: "Double",
        list: "JSONArray",
        dict: "JSONObject",
    }
    return names.get(type(value), "Null")


def _string_violations(schema: Schema, value: str, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value} is not a valid enum value"
    if len(value) < schema.get("minLength", 0):
        yield f"{path}: expected minLength: {schema['minLength']}, actual: {len(value)}"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield f"{path}: expected maxLength: {schema['maxLength']}, actual: {len(value)}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: failed validation constraint for keyword [pattern]"


def _integer_violations(schema: Schema, value: int, path: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: {value} is not greater or equal to {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{path}: {value} is not less or equal to {schema['maximum']}"


def _array_violations(schema: Schema, value: list[Any], path: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"{path}: expected minimum item count: {schema['minItems']}, found: {len(value)}"
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield f"{path}: expected maximum item count: {schema['maxItems']}, found: {len(value)}"
    for index, item in enumerate(value):
        yield from violations(schema["items"], item, f"{path}/{index}")


def _object_violations(schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
    for key in schema["required"]:
        if key not in value:
            yield f"{path}: required key [{key}] not found"
    for key, item in value.items():
        if key in schema["properties"]:
            yield from violations(schema["properties"][key], item, f"{path}/{key}")
        elif key in schema["not_offered"]:
            yield f"{path}: the iam-ra sandbox does not offer the key [{key}]"
        else:
            yield f"{path}: extraneous key [{key}] is not permitted"
