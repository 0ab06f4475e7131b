"""A small table of text: columns as wide as they must be, the widest cut where a screen ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from iam_ra.render.style import Style, cells, elide, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GAP = "  "
# Narrower than that, a column tells nothing.
_LEAST = 8
_UNBOUNDED = 1_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading and how its cells stand."""

    title: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a colour: `Cell("expired", style.red)`."""

    text: str
    paint: Callable[[str], str] = str


def table_text(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Cell]],
    *,
    color: bool = False,
    width: int | None = None,
    indent: str = "",
) -> str:
    """Return a table that ends in a newline, or nothing when there are no rows. Foreign text in it is made harmless.

    Without a `width` nothing is cut: what reads a pipe wants it whole.
    """
    if not rows:
        return ""
    style = Style(color)
    body = [[_harmless(cell) for cell in row] for row in rows]
    widths = _widths(columns, body, (width or _UNBOUNDED) - len(indent))
    heading = [Cell(column.title.upper(), style.dim) for column in columns]
    lines = [_line(row, columns, widths) for row in (heading, *body)]
    return "".join(f"{indent}{line}\n" for line in lines)


def _harmless(cell: str | Cell) -> Cell:
    return Cell(harmless(cell)) if isinstance(cell, str) else Cell(harmless(cell.text), cell.paint)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    widths = [
        max(cells(column.title), *(cells(row[index].text) for row in rows))
        for index, column in enumerate(columns)
    ]
    room = width - len(_GAP) * (len(columns) - 1)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
    return widths


def _line(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int]) -> str:
    pieces = []
    for index, (cell, column, width) in enumerate(zip(row, columns, widths, strict=True)):
        text = elide(cell.text, width)
        blank = " " * (width - cells(text))
        if column.align == "right":
            pieces.append(blank + cell.paint(text))
        else:
            pieces.append(cell.paint(text) + (blank if index < len(row) - 1 else ""))
    return _GAP.join(pieces).rstrip()
