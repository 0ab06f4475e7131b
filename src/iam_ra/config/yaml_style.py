"""How new values are written into a file, in the style of what stands beside them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.config.nodes import Plain

if TYPE_CHECKING:
    from iam_ra.config.layout import Layout, Piece

MAX_WIDTH = 100

_PLAIN = re.compile(r"[A-Za-z/](?:[\w./@+=-]|:(?=[\w./@+=:-]))*|[1-9][0-9]{0,8}[mhdy]", re.ASCII)
# What YAML 1.1 or 1.2 takes for something other than a text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Style:
    """How the neighbours are written: `json` with every text in double quotes, `padded` as `{ a: 1 }`."""

    json: bool = False
    padded: bool = False


def scalar(value: Any, *, quote: str = "") -> str:
    """Return a text as YAML; `quote` is the one to keep, if it had any."""
    if value is None:
        return "null"
    if isinstance(value, Plain):
        return str(value)
    if quote == "'" and value.isprintable():
        doubled = str(value).replace("'", "''")
        return f"'{doubled}'"
    if quote != '"' and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def flow(value: Any, style: Style) -> str:
    """Return a value on one line."""
    quote = '"' if style.json else ""
    if isinstance(value, dict):
        inner = ", ".join(f"{scalar(key, quote=quote)}: {flow(each, style)}" for key, each in value.items())
        return f"{{ {inner} }}" if style.padded and inner else f"{{{inner}}}"
    if isinstance(value, list):
        inner = ", ".join(flow(each, style) for each in value)
        return f"[ {inner} ]" if style.padded and inner else f"[{inner}]"
    return scalar(value, quote=quote)


def style_of(layout: Layout, piece: Piece | None) -> Style:
    """Return how a mapping or list in brackets is written."""
    if piece is None or not piece.flow:
        return Style()
    first = piece.first
    return Style(
        json=first is not None and first.kind == "scalar" and first.quote == '"',
        padded=layout.text[piece.start + 1 : piece.start + 2] == " " and first is not None,
    )


def block(key: str, value: Any, column: int, layout: Layout, model: tuple[Piece, Piece] | None) -> list[str]:
    """Return the lines of an entry whose key stands at a column, written as the entry `model` beside it."""
    head = f"{' ' * column}{scalar(key)}:"
    if not isinstance(value, dict | list):
        return [f"{head} {scalar(value)}"]
    like = model[1] if model is not None and model[1].kind in {"mapping", "list"} else None
    line = f"{head} {flow(value, style_of(layout, like))}"
    brackets = isinstance(value, list) if like is None else like.flow
    if not value or (brackets and len(line) <= MAX_WIDTH):
        return [line]
    inner = column + _step(layout, model, is_list=isinstance(value, list))
    if isinstance(value, list):
        return [head, *(f"{' ' * inner}- {flow(each, Style())}" for each in value)]
    models = {} if like is None else {name.text: (name, piece) for name, piece in like.pairs}
    nested = (block(name, each, inner, layout, models.get(name)) for name, each in value.items())
    return [head, *(text for lines in nested for text in lines)]


def _step(layout: Layout, model: tuple[Piece, Piece] | None, *, is_list: bool) -> int:
    """Return by how much what is inside an entry is indented, as the neighbour has it."""
    if model is not None and not model[1].flow and model[1].kind == ("list" if is_list else "mapping"):
        key, piece = model
        return layout.column(layout.entry_start(piece, 0)) - layout.column(key.start)
    return layout.step
