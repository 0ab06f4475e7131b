"""One value of a plan as a short text: bare where that is clear, shortened where it is long, always harmless."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from iam_ra.engine.part import UNKNOWN
from iam_ra.render.style import WIDTH, cells, elide, harmless

if TYPE_CHECKING:
    from iam_ra.engine.diff import FieldChange

_DIGEST: Final = re.compile(r"(?:sha256:)?[0-9a-f]{40,128}")
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_KEPT_PREFIX: Final = 12


def short(value: Any, room: int = WIDTH) -> str:
    """Return `value` on one line of at most `room` columns."""
    return elide(_inline(value), room)


def full(value: Any) -> list[str]:
    """Return `value` whole and unbroken, so that it can be copied: an item of a list or a line of a text on each line."""
    if isinstance(value, Mapping):
        lines = json.dumps(value, indent=2, ensure_ascii=False, default=_plain).splitlines()
    elif isinstance(value, list | tuple) and value:
        return [line for item in value for line in full(item)]
    elif isinstance(value, str) and "\n" in value:
        lines = value.splitlines()
    else:
        lines = [_inline(value)]
    return [harmless(line) for line in lines]


def pair(before: Any, after: Any, room: int) -> tuple[str, str]:
    """Return two different values as two different texts of at most `room` columns each."""
    old, new = _inline(before), _inline(after)
    if old == new:
        old, new = _as_json(before), _as_json(after)
    shown = elide(old, room), elide(new, room)
    if shown[0] != shown[1]:
        return shown
    # Elided alike: what differs stands in the part left out, so begin there.
    start = max(_common(old, new) - _KEPT_PREFIX, 0)
    return _begun(old, start, room), _begun(new, start, room)


def in_order(fields: Iterable[FieldChange]) -> list[FieldChange]:
    """Return fields in an order that depends on nothing but them: by path, what goes before what comes."""
    return sorted(
        fields, key=lambda each: (each.path, each.before is None, _inline(each.before), _inline(each.after))
    )


def is_telling(value: Any) -> bool:
    """Tell whether a field of a new part is worth a place on its one line: short, known and made for people."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, str | int) and is_telling(item) for item in value)
    if isinstance(value, str):
        return bool(value) and "\n" not in value and not _DIGEST.fullmatch(value)
    return value is True or (isinstance(value, int | float) and value is not False)


def _inline(value: Any) -> str:
    if value is UNKNOWN:
        return str(UNKNOWN.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple) and value and all(isinstance(item, str | int) for item in value):
        return ", ".join(_inline(item) for item in value)
    return _as_json(value)


def _text(value: str) -> str:
    if _DIGEST.fullmatch(value):
        return f"{value.removeprefix('sha256:')[:12]}…"
    if pem := _PEM.match(value):
        return f"{pem[1].lower()} (PEM, {_fingerprint(value)})"
    if "\n" in value.rstrip("\n"):
        lines = value.splitlines()
        return f"{elide(harmless(lines[0]), 40)} … ({len(lines)} lines, {_fingerprint(value)})"
    return harmless(value) if value and value == value.strip() else _as_json(value)


def _as_json(value: Any) -> str:
    return harmless(json.dumps(value, ensure_ascii=False, default=_plain))


def _fingerprint(value: str) -> str:
    return f"sha256 {hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}…"


def _common(one: str, other: str) -> int:
    """Return how many characters two different texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _begun(text: str, start: int, room: int) -> str:
    rest = f"…{text[start:]}"
    while cells(rest) > room:
        rest = f"{rest[: room - 1 - max(cells(rest) - len(rest), 0)]}…"
    return rest


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if value is UNKNOWN:
        return UNKNOWN.value
    raise TypeError(f"a plan cannot hold a {type(value).__name__}")
