"""YAML as people write manifests. It depends on no library, so that an update of one never changes a file.

What is not plainly harmless is quoted: parsers of Kubernetes follow YAML 1.1, where `on` and `1:30` are no texts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from iam_ra.engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WORD = r"[A-Za-z0-9_./$()@=+-]+"
_PLAIN = re.compile(rf"(?!-(?!-[a-z]))(?![0-9.=+@)]){_WORD}(?:(?: |::?){_WORD})*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_BLOCK = re.compile(r"(?:[!-~][ -~]*\n(?:[ -~]*\n)*)?[!-~][ -~]*\n?")
_ESCAPED = re.compile(r"[^ -~]")
_LAST_OF_FOUR = 0xFFFF


def dump(value: Any) -> str:
    """Return a document: block style, keys in the order of the mapping.

    Raises InternalError for anything but mappings with texts as keys, lists, texts, whole numbers, booleans and None.
    """
    return "\n".join(_lines(value)) + "\n"


def quoted(text: str) -> str:
    """Return a text between double quotes, in ASCII, as YAML and CEL read it alike."""
    return _ESCAPED.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR else f"\\U{code:08x}"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _entry(f"{_text(key)}:", each)
    elif isinstance(value, list) and value:
        for each in value:
            yield from _item(each)
    else:
        yield _scalar(value)


def _entry(key: str, value: Any) -> Iterator[str]:
    """Yield the lines of one key. A list begins in the key's own column, as kubectl writes it."""
    if isinstance(value, str) and "\n" in value and _BLOCK.fullmatch(value):
        yield f"{key} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from _indented(value.splitlines())
    elif isinstance(value, dict | list) and value:
        yield key
        yield from _indented(_lines(value)) if isinstance(value, dict) else _lines(value)
    else:
        yield f"{key} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    first, *rest = _lines(value)
    yield f"- {first}"
    yield from _indented(rest)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else line for line in lines)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if value in ({}, []):
        return str(value)
    raise InternalError("A manifest cannot be written.", why=f"A {type(value).__name__} has no form in it.")


def _text(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS else quoted(value)
