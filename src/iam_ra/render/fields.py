"""The fields of a change as lines of a plan."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from iam_ra.engine.part import UNKNOWN
from iam_ra.render.style import WIDTH, Style, cells, harmless, pad
from iam_ra.render.values import full, in_order, is_telling, pair, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from iam_ra.engine.diff import FieldChange
    from iam_ra.engine.plan import Change

_INDENT: Final = " " * 10
_COLUMN: Final = 26
# They say nothing to people: a reason says that the template is another one, and tags are for programs.
_UNTOLD: Final = frozenset({"template", "tags"})


def key_fields(change: Change, room: int) -> str:
    """Return the fields of a new part that tell most, `name value`, as many as fit into `room` columns."""
    line = ""
    for key, value in sorted(change.inputs.items()):
        if key in _UNTOLD or not is_telling(value):
            continue
        piece = f"{' · ' * bool(line)}{harmless(key)} {short(value, WIDTH)}"
        if cells(line) + cells(piece) <= room:
            line += piece
    return line


def update_lines(fields: Iterable[FieldChange], style: Style, *, verbose: bool) -> list[str]:
    """Return field-level differences: `name  before → after`, elements of lists each as `+ value` or `- value`."""
    shown = [each for each in in_order(fields) if verbose or each.path != "template"]
    column = _column(shown)
    room = WIDTH - len(_INDENT) - column - 2
    lines: list[str] = []
    for path, group in groupby(shown, key=lambda each: each.path):
        values = [line for each in group for line in _difference(each, room, style, verbose=verbose)]
        lines += _under(path, values, column)
    return lines


def whole_lines(fields: Sequence[FieldChange], style: Style) -> list[str]:
    """Return every field of a new part with its whole value."""
    column = _column(fields)
    lines: list[str] = []
    for each in fields:
        values = [style.dim(line) if each.after is UNKNOWN else line for line in full(each.after)]
        lines += _under(each.path, values, column)
    return lines


def _column(fields: Iterable[FieldChange]) -> int:
    return min(max((cells(harmless(each.path)) for each in fields), default=0), _COLUMN)


def _under(path: str, values: Sequence[str], column: int) -> list[str]:
    """Put `values` beside the name of the field, or below it when the name is too long for its column."""
    name = harmless(path)
    beside = _INDENT + " " * (column + 2)
    if cells(name) > column:
        return [_INDENT + name, *(beside + line for line in values)]
    return [f"{_INDENT}{pad(name, column)}  {values[0]}", *(beside + line for line in values[1:])]


def _difference(change: FieldChange, room: int, style: Style, *, verbose: bool) -> list[str]:
    if _is_nothing(change.before):
        return _signed("+", change.after, room, style, verbose=verbose)
    if _is_nothing(change.after):
        return _signed("-", change.before, room, style, verbose=verbose)
    if verbose and (_is_long(change.before, room) or _is_long(change.after, room)):
        return [
            *_signed("-", change.before, room, style, verbose=True),
            *_signed("+", change.after, room, style, verbose=True),
        ]
    arrow = f" {style.dim('→')} "
    if change.after is UNKNOWN:
        return [f"{style.red(short(change.before, room - 22))}{arrow}{style.dim(UNKNOWN.value)}"]
    before, after = pair(change.before, change.after, room - 2)
    if cells(before) + cells(after) + 3 <= room:
        return [f"{style.red(before)}{arrow}{style.green(after)}"]
    return [style.red(f"- {before}"), style.green(f"+ {after}")]


def _signed(sign: str, value: Any, room: int, style: Style, *, verbose: bool) -> list[str]:
    paint = style.green if sign == "+" else style.red
    lines = full(value) if verbose else [short(value, room - 2)]
    return [paint(f"{sign if index == 0 else ' '} {line}") for index, line in enumerate(lines)]


def _is_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _is_long(value: Any, room: int) -> bool:
    lines = full(value)
    return len(lines) > 1 or cells(lines[0]) > room // 2
