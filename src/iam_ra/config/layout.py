"""Where each value of a YAML text stands, so that a text can be changed without being written anew."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from iam_ra.config.compose import Composer
from iam_ra.config.source import BREAK

if TYPE_CHECKING:
    from iam_ra.config.source import Source

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]*)*")
_STEP = 2
_SPACE = " \t\ufeff"


@dataclass(slots=True)
class Piece:
    """A value of the text: `start` and `end` are offsets, comments after it and its own anchor and tag excluded.

    `quote` is the quote around a scalar or the sign of a block scalar, empty for a plain one; `anchor` the name that the
    value defines, of an alias the name that it uses.
    """

    kind: Literal["scalar", "mapping", "list", "alias"]
    start: int
    end: int
    anchor: str | None = None
    flow: bool = False
    quote: str = ""
    text: str = ""
    pairs: list[tuple[Piece, Piece]] = field(default_factory=list)
    items: list[Piece] = field(default_factory=list)

    @property
    def first(self) -> Piece | None:
        """What stands first in a mapping or list."""
        return self.pairs[0][0] if self.pairs else self.items[0] if self.items else None

    @property
    def members(self) -> list[tuple[int, int]]:
        """The offsets of each entry of a mapping, key included, or of each item of a list."""
        if self.kind == "mapping":
            return [(key.start, value.end) for key, value in self.pairs]
        return [(item.start, item.end) for item in self.items]


class Layout:
    """The pieces of a text and its lines. `root` is the first document's; `aliases` and `anchors` hold offsets by name."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        breaks = list(BREAK.finditer(self.text))
        self._starts = [0, *(found.end() for found in breaks)]
        self._ends = [*(found.start() for found in breaks), len(self.text)]
        self.newline = breaks[0].group() if breaks else "\n"
        self.anchors: dict[str, list[int]] = {}
        self.aliases: dict[str, list[int]] = {}
        self.root = self._compose(source)

    # Lines

    def line(self, offset: int) -> int:
        """Return the number of the line, from 0, that an offset is on."""
        return bisect_right(self._starts, offset) - 1

    def line_start(self, offset: int) -> int:
        """Return where the line of an offset begins."""
        return self._starts[self.line(offset)]

    def line_end(self, offset: int) -> int:
        """Return where the line of an offset ends, its break excluded."""
        return self._ends[self.line(offset)]

    def bounds(self, number: int) -> tuple[int, int]:
        """Return the offsets of a line."""
        return self._starts[number], self._ends[number]

    def line_text(self, number: int) -> str:
        """Return a line without its break; empty beyond the last one."""
        if not 0 <= number < len(self._starts):
            return ""
        return self.text[self._starts[number] : self._ends[number]]

    @property
    def line_count(self) -> int:
        """How many lines there are; a text that ends in a break has an empty one at last."""
        return len(self._starts)

    def column(self, offset: int) -> int:
        """Return how many characters stand before an offset on its line."""
        return offset - self.line_start(offset)

    def is_first_on_line(self, offset: int) -> bool:
        """Tell whether nothing but white space stands before an offset on its line."""
        return not self.text[self.line_start(offset) : offset].strip(_SPACE)

    def ends_line(self, offset: int) -> bool:
        """Tell whether nothing but a comment stands after an offset on its line."""
        rest = self.text[offset : self.line_end(offset)].strip(_SPACE)
        return not rest or rest.startswith("#")

    def skip(self, offset: int) -> int:
        """Return the next offset at which something stands that is neither white space nor a comment."""
        while offset < len(self.text):
            character = self.text[offset]
            if character == "#":
                offset = self.line_end(offset)
            elif character not in " \t\r\n\x85\u2028\u2029":
                break
            else:
                offset += 1
        return offset

    @property
    def step(self) -> int:
        """By how many columns the text indents what is inside something else."""
        for _, value in self.root.pairs:
            if value.kind == "mapping" and not value.flow:
                return max(
                    self.column(self.entry_start(value, 0)) - self.column(self.root.pairs[0][0].start), 1
                )
        return _STEP

    # Pieces

    def entry_start(self, piece: Piece, index: int) -> int:
        """Return where an entry begins; of a list in lines that is its dash."""
        if piece.kind == "mapping" or piece.flow:
            return piece.members[index][0]
        return self.skip(piece.items[index - 1].end if index else piece.start)

    def _compose(self, source: Source) -> Piece:
        composer = Composer(source)
        root: Piece | None = None
        open_: list[tuple[Piece, list[Piece]]] = []
        for event in composer.events():
            kind = type(event).__name__
            if kind in {"MappingEndEvent", "SequenceEndEvent"}:
                piece, _ = open_.pop()
                piece.end = event.end_mark.index if piece.flow else piece.members[-1][1]
                self._close(piece, open_)
                root = root or (piece if not open_ else None)
                continue
            made = self._piece(kind, event, composer)
            if made is None:
                continue
            if made.kind in {"mapping", "list"}:
                open_.append((made, []))
            else:
                self._close(made, open_)
                root = root or (made if not open_ else None)
            if root is not None:
                break
        if root is None:
            raise ValueError("the text holds no value")
        return root

    def _piece(self, kind: str, event: Any, composer: Composer) -> Piece | None:
        start, end = event.start_mark.index, event.end_mark.index
        if kind == "AliasEvent":
            self.aliases.setdefault(event.anchor, []).append(start)
            return Piece("alias", start, end, event.anchor)
        if kind not in {"ScalarEvent", "MappingStartEvent", "SequenceStartEvent"}:
            return None
        anchor = event.anchor
        if anchor is not None:
            self.anchors.setdefault(anchor, []).append(start)
        if anchor is not None or event.tag is not None:
            found = _PROPERTIES.match(self.text, start)
            start = found.end() if found else start
        if kind == "ScalarEvent":
            return Piece(
                "scalar",
                start,
                max(start, start + len(self.text[start:end].rstrip())),
                anchor,
                quote=event.style or "",
                text=composer.original(event.value),
            )
        name: Literal["mapping", "list"] = "mapping" if kind == "MappingStartEvent" else "list"
        return Piece(name, start, end, anchor, flow=bool(event.flow_style))

    @staticmethod
    def _close(piece: Piece, open_: list[tuple[Piece, list[Piece]]]) -> None:
        """Put a piece that is whole into the one around it."""
        if not open_:
            return
        parent, keys = open_[-1]
        if parent.kind == "list":
            parent.items.append(piece)
        elif keys:
            parent.pairs.append((keys.pop(), piece))
        else:
            keys.append(piece)
