"""Checks an input against the constraints of its shape, and words what it finds as AWS does.

Source: Smithy constraint traits (required, length, range, pattern, enum) as the botocore models carry them, and the
wording of the ValidationException that AWS services answer with.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

# What the models' patterns may say inside brackets and Python's expressions do not know.
JAVA = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": " "}


def validate(shape: Shape, value: dict[str, Any]) -> str | None:
    """Return AWS's message about everything that is wrong with an input, or None."""
    problems = list(_structure(shape, value, ""))
    if not problems:
        return None
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
    return count + "; ".join(problems)


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        place = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            yield from _value(member, value[name], place)
        elif name in shape.required_members:
            yield f"Value at '{place}' failed to satisfy constraint: Member must not be null"


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    for constraint in _broken(shape, value):
        shown = (
            "Value"
            if shape.metadata.get("sensitive") or shape.type_name == "blob"
            else f"Value '{_text(value)}'"
        )
        yield f"{shown} at '{path}' failed to satisfy constraint: {constraint}"
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _value(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _value(shape.key, key, f"{path}.{key}.key")
            yield from _value(shape.value, item, f"{path}.{key}.member")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    number = shape.type_name in {"integer", "long", "float", "double"}
    measure, noun = (value, "value") if number else (len(value) if _sized(shape) else None, "length")
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if measure is not None and least is not None and measure < least:
        yield f"Member must have {noun} greater than or equal to {least}"
    if measure is not None and most is not None and measure > most:
        yield f"Member must have {noun} less than or equal to {most}"
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _compiled(pattern).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {pattern}"
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield f"Member must satisfy enum value set: [{', '.join(allowed)}]"


def _sized(shape: Any) -> bool:
    return shape.type_name in {"string", "blob", "list", "map"}


def _text(value: Any) -> str:
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else str(value)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for theirs, ours in JAVA.items():
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern)
