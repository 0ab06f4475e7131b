"""Changing a file's data without writing the file anew: every byte that says nothing of the change stays as it is.

data of the file ─▶ data that is wanted ─▶ what differs ─▶ splices of the text ─▶ read again: is it the data wanted?

Comments that stand inside an entry or behind it go with it; those above it stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.config import yaml_style as styles
from iam_ra.config.by_hand import by_hand
from iam_ra.config.diagnostics import dotted
from iam_ra.config.layout import Layout, Piece
from iam_ra.config.source import Source
from iam_ra.engine.errors import EditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Path: TypeAlias = "tuple[str | int, ...]"
_BOM = "\N{BYTE ORDER MARK}"
_BEFORE = object()


def edited(
    text: str,
    wanted: Mapping[str, Any],
    *,
    name: str,
    order: Callable[[Path], Sequence[str]] = lambda _: (),
) -> str:
    """Return a valid YAML text with other data: mappings, lists, texts, and `Plain` for what is to have no quotes.

    `order` returns the keys that the mapping at a path may have, in the order for those that come in. Raises EditError,
    with what to write by hand, where the change would touch something else, too (an alias, an anchor that others use, a
    merge).
    """
    source = Source(name, text)
    if source.fatal or not isinstance(source.data, dict):
        raise ValueError("the text must be that of a valid file")
    layout = Layout(source)
    editor = _Editor(layout, order)
    try:
        editor.mapping(layout.root, source.data, wanted, (), None)
        result = editor.result()
    except _StuckError as stuck:
        raise _error(name, source.data, wanted, stuck.path, stuck.why) from None
    again = Source(name, result)
    if again.fatal or len(again.diagnostics) > len(source.diagnostics) or again.data != wanted:
        odd = _StuckError((), "It is written in a way that iam-ra does not know.")
        first = [*editor.doubts, odd][0]
        raise _error(name, source.data, wanted, first.path, first.why)
    return _BOM + result if text.startswith(_BOM) else result


def with_value(data: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return `data` with another value at `path`; mappings on the way are made as needed."""
    key, *rest = path
    below = data.get(key)
    inner = with_value(below if isinstance(below, dict) else {}, rest, value) if rest else value
    return {**data, key: inner}


def without(data: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return `data` without what is at `path`, which must be there."""
    key, *rest = path
    if rest:
        return {**data, key: without(data[key], rest)}
    return {name: value for name, value in data.items() if name != key}


class _StuckError(Exception):
    """A change that cannot be made without touching something else."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why


class _Editor:
    def __init__(self, layout: Layout, order: Callable[[Path], Sequence[str]]) -> None:
        self.layout = layout
        self.text = layout.text
        self.order = order
        self.splices: list[tuple[int, int, str]] = []
        # Where others share what changes. That is well if they are to change in the same way.
        self.doubts: list[_StuckError] = []

    def result(self) -> str:
        """Return the text with every splice made."""
        parts: list[str] = []
        place = 0
        for start, end, new in sorted(self.splices, key=lambda each: each[:2]):
            if start < place:
                raise _StuckError((), "Two changes of it touch the same place.")
            parts += [self.text[place:start], new]
            place = end
        return "".join([*parts, self.text[place:]])

    # What differs

    def mapping(
        self, piece: Piece, old: Mapping[str, Any], new: Mapping[str, Any], path: Path, key: Piece | None
    ) -> None:
        """Change the entries of a mapping; `key` is what it stands under, if that is in lines."""
        own = {name.text: (name, value) for name, value in piece.pairs}
        removed = [name for name in old if name not in new]
        for name in removed:
            if name not in own:
                raise _StuckError((*path, name), "It comes from a merge (`<<`): others have it, too.")
        added: dict[str, Any] = {}
        for name, value in new.items():
            before = old.get(name, _BEFORE)
            if before is value or before == value:
                continue
            if name in own:
                self.value(*own[name], before, value, (*path, name), piece)
            else:
                added[name] = value
        gone = [index for index, (name, _) in enumerate(piece.pairs) if name.text in removed]
        self._take(piece, gone, path, key, keep_empty=not added)
        if added:
            self._add(piece, added, path, key)

    def value(self, key: Piece, piece: Piece, old: Any, new: Any, path: Path, parent: Piece) -> None:
        """Change the value of an entry."""
        if piece.kind == "alias":
            why = f"It is `*{piece.anchor}`, an alias: others have the same value."
            self.doubts.append(_StuckError(path, why))
            return
        self._note_shared(piece, path, inside=False)
        under = None if parent.flow else key
        if piece.kind == "mapping" and isinstance(old, dict) and isinstance(new, dict):
            self.mapping(piece, old, new, path, under)
        elif piece.kind == "list" and isinstance(old, list) and isinstance(new, list):
            self._list(piece, old, new, path, under)
        elif old is None and isinstance(new, dict) and under is not None and new:
            self._fill(piece, new, under)
        else:
            self._replace(
                key, piece, new, path, styles.Style() if under else styles.style_of(self.layout, parent)
            )

    def _list(self, piece: Piece, old: list[Any], new: list[Any], path: Path, key: Piece | None) -> None:
        gone = [index for index, each in enumerate(old) if each not in new]
        come = [each for each in new if each not in old]
        swapped = dict(zip(gone, come, strict=False))
        is_simple = all(isinstance(each, str) for each in (*old, *new)) and all(
            each.kind == "scalar" for each in piece.items
        )
        inner = styles.style_of(self.layout, piece)
        if (
            is_simple
            and new
            and [swapped.get(i, each) for i, each in enumerate(old)][: len(new)] == new[: len(old)]
        ):
            for index, text in swapped.items():
                item = piece.items[index]
                self._put(item.start, item.end, styles.scalar(text, quote=item.quote))
            gone, come = gone[len(swapped) :], come[len(swapped) :]
        elif [each for each in old if each in new] + come != new:
            self._replace(key, piece, new, path, inner)
            return
        self._take(piece, gone, path, key, keep_empty=not come)
        if come and piece.flow:
            self._add_in_brackets(piece, [styles.flow(each, inner) for each in come], len(piece.items) - 1)
        elif come:
            dash = self.layout.column(self.layout.entry_start(piece, len(piece.items) - 1))
            lines = [f"{' ' * dash}- {styles.flow(each, inner)}" for each in come]
            self._insert_lines(self._deep_end(piece.end, dash), lines)

    def _note_shared(self, piece: Piece, path: Path, *, inside: bool) -> None:
        """Note that others use a value by its anchor; `inside` also what is in it."""
        if piece.kind == "alias":
            return
        for name, starts in self.layout.anchors.items():
            here = name == piece.anchor or (
                inside and any(piece.start <= each < piece.end for each in starts)
            )
            outside = [
                each for each in self.layout.aliases.get(name, ()) if not piece.start <= each < piece.end
            ]
            if here and outside:
                lines = ", ".join(str(self.layout.line(each) + 1) for each in outside[:5])
                why = f"Others use it by its anchor `&{name}`: see line {lines}."
                self.doubts.append(_StuckError(path, why))

    # What comes in

    def _add(self, piece: Piece, added: Mapping[str, Any], path: Path, key: Piece | None) -> None:
        """Write entries behind those that the order puts before them; behind the last one where it says nothing."""
        if not piece.pairs:
            self._fill(piece, added, key)
            return
        places: dict[int, dict[str, Any]] = {}
        order = list(self.order(path))
        for name in sorted(added, key=lambda each: order.index(each) if each in order else len(order)):
            places.setdefault(_place(piece, name, order), {})[name] = added[name]
        style = styles.style_of(self.layout, piece)
        for index, entries in places.items():
            if piece.flow:
                texts = [styles.flow({name: value}, style)[1:-1].strip() for name, value in entries.items()]
                self._add_in_brackets(piece, texts, index)
            else:
                for name, value in entries.items():
                    self._add_lines(piece, name, value, index)

    def _add_lines(self, piece: Piece, name: str, value: Any, index: int) -> None:
        layout = self.layout
        is_top = piece is layout.root
        first = piece.pairs[0][0].start
        column = layout.column(first)
        if not layout.is_first_on_line(first):
            raise _StuckError((), "Something else stands on the same line.")
        lines = styles.block(name, value, column, layout, None if is_top else piece.pairs[-1])
        if index < 0:
            self._insert_lines(layout.bounds(layout.line(first) - 1)[1], lines)
            return
        end = self._deep_end(piece.pairs[index][1].end, column)
        is_last = index == len(piece.pairs) - 1
        if self._is_apart(piece, is_section=is_top and len(lines) > 1) and (
            is_last or not layout.line_text(layout.line(end) + 1).strip()
        ):
            lines = ["", *lines]
        self._insert_lines(end, lines)

    def _is_apart(self, piece: Piece, *, is_section: bool) -> bool:
        """Tell whether a blank line stands between entries."""
        if piece is not self.layout.root:
            return len(piece.pairs) > 1 and self._has_blank_above(piece.pairs[-1][0])
        sections = [key for key, value in piece.pairs[1:] if value.kind in {"mapping", "list"}]
        return is_section and (not sections or self._has_blank_above(sections[-1]))

    def _has_blank_above(self, key: Piece) -> bool:
        number = self.layout.line(key.start) - 1
        while self.layout.line_text(number).lstrip().startswith("#"):
            number -= 1
        return number >= 0 and not self.layout.line_text(number).strip()

    def _fill(self, piece: Piece, added: Mapping[str, Any], key: Piece | None) -> None:
        """Write the first entries of a mapping: in lines where there was nothing or `{}`."""
        layout = self.layout
        written = self.text[piece.start : piece.end]
        is_plain = written == "" or (written == "{}" and self.text[piece.start - 2 : piece.start] == ": ")
        if key is None or not is_plain or not layout.ends_line(piece.end):
            style = styles.Style(json=styles.style_of(layout, layout.root).json)
            inner = styles.flow(dict(added), style)[1:-1].strip()
            self._put(piece.start + 1, piece.start + 1, inner)
            return
        if written:
            self._put(piece.start - 1, piece.end, "")
        column = layout.column(key.start) + layout.step
        lines = [
            line for name, value in added.items() for line in styles.block(name, value, column, layout, None)
        ]
        self._insert_lines(self._deep_end(piece.end, layout.column(key.start)), lines)

    def _add_in_brackets(self, piece: Piece, texts: Sequence[str], index: int) -> None:
        """Write entries behind the one of an index, -1 for before all; a comma comes with what it parts."""
        members = piece.members
        if not members:
            self._put(piece.start + 1, piece.start + 1, ", ".join(texts))
        elif index < 0:
            self._put(members[0][0], members[0][0], "".join(f"{each}, " for each in texts))
        elif index < len(members) - 1 or not self._has_own_lines(piece):
            self._add_on_line(members[index][1], texts)
        else:
            self._add_own_lines(*members[index], texts)

    def _has_own_lines(self, piece: Piece) -> bool:
        """Tell whether the last entry in brackets has a line of its own."""
        start, end = piece.members[-1]
        return self.layout.is_first_on_line(start) and self.layout.line(piece.end) > self.layout.line(end)

    def _add_on_line(self, end: int, texts: Sequence[str]) -> None:
        comma = self._comma_after(end)
        if comma is None or self.layout.line(comma) != self.layout.line(end):
            self._put(end, end, "".join(f", {each}" for each in texts))
        else:
            self._put(comma + 1, comma + 1, "".join(f" {each}," for each in texts))

    def _add_own_lines(self, start: int, end: int, texts: Sequence[str]) -> None:
        layout = self.layout
        comma = self._comma_after(end)
        if comma is None:
            self._put(end, end, ",")
        indent = " " * layout.column(start)
        closed = "," if comma is not None else ""
        lines = [f"{indent}{each}{',' if each is not texts[-1] else closed}" for each in texts]
        self._insert_lines(layout.line_end(end if comma is None else comma), lines)

    # What goes

    def _take(
        self, piece: Piece, gone: Sequence[int], path: Path, key: Piece | None, *, keep_empty: bool
    ) -> None:
        """Remove entries; `keep_empty` writes brackets when none is left."""
        for index in gone:
            member = piece.pairs[index][1] if piece.pairs else piece.items[index]
            name: str | int = piece.pairs[index][0].text if piece.pairs else index
            self._note_shared(member, (*path, name), inside=True)
        if piece.flow:
            self._take_from_brackets(piece, set(gone))
            return
        for index in gone:
            self._take_lines(piece, index, path)
        if gone and len(gone) == len(piece.members) and keep_empty:
            if key is None:
                raise _StuckError(path, "Nothing would be left of it.")
            colon = self.layout.skip(key.end)
            after = piece.start if piece.anchor else colon + 1
            self._put(after, after, " {}" if piece.kind == "mapping" else " []")

    def _take_lines(self, piece: Piece, index: int, path: Path) -> None:
        layout = self.layout
        start, end = layout.entry_start(piece, index), piece.members[index][1]
        if not layout.is_first_on_line(start) or not layout.ends_line(end):
            raise _StuckError(path, "Something else stands on the same line.")
        first, last = layout.line(start), layout.line(self._deep_end(end, layout.column(start)))
        is_last = index == len(piece.members) - 1
        blank_above = first > 0 and not layout.line_text(first - 1).strip()
        blank_below = last + 1 < layout.line_count and not layout.line_text(last + 1).strip()
        if blank_above and (is_last or blank_below):
            first -= 1
        elif (
            blank_below
            and index == 0
            and not is_last
            and not layout.line_text(first - 1).lstrip().startswith("#")
        ):
            last += 1
        if first == 0:
            self._put(0, layout.bounds(min(last + 1, layout.line_count - 1))[0], "")
        else:
            self._put(layout.bounds(first - 1)[1], layout.bounds(last)[1], "")

    def _take_from_brackets(self, piece: Piece, gone: set[int]) -> None:
        layout, members = self.layout, piece.members
        kept = [index for index in range(len(members)) if index not in gone]
        if gone and kept and kept[-1] < len(members) - 1 and self._comma_after(members[-1][1]) is None:
            self._drop_comma(members[kept[-1]][1], members[kept[-1] + 1][0])
        for index in sorted(gone):
            start, end = members[index]
            comma = self._comma_after(end)
            stop = end if comma is None else comma + 1
            if layout.is_first_on_line(start) and layout.ends_line(stop):
                self._put(layout.bounds(layout.line(start) - 1)[1], layout.line_end(stop), "")
            elif index + 1 < len(members):
                self._put(start, members[index + 1][0], "")
            else:
                self._put(start, stop, "")

    def _drop_comma(self, end: int, following: int) -> None:
        """Take the comma behind the last entry that stays, with the white space up to what goes on the same line."""
        comma = self._comma_after(end)
        if comma is not None:
            on_line = self.layout.line(comma) == self.layout.line(following)
            self._put(comma, following if on_line else comma + 1, "")

    def _comma_after(self, end: int) -> int | None:
        place = self.layout.skip(end)
        return place if self.text[place : place + 1] == "," else None

    # Splices

    def _replace(self, key: Piece | None, piece: Piece, new: Any, path: Path, style: styles.Style) -> None:
        """Write a value anew, on one line."""
        if piece.kind != "scalar" and not piece.flow:
            raise _StuckError(path, "It would be written in another form.")
        text = (
            styles.flow(new, style) if isinstance(new, dict | list) else styles.scalar(new, quote=piece.quote)
        )
        # An empty value stands directly behind the colon of its key.
        space = " " if piece.start == piece.end and key is not None else ""
        self._put(piece.start, piece.end, space + text)

    def _deep_end(self, end: int, column: int) -> int:
        """Return the end of the last line that belongs to an entry: with the comments that are indented deeper."""
        layout = self.layout
        last = number = layout.line(end)
        while number + 1 < layout.line_count:
            number += 1
            line = layout.line_text(number)
            body = line.lstrip(" ")
            if body.startswith("#") and len(line) - len(body) > column:
                last = number
            elif body.strip():
                break
        return layout.bounds(last)[1]

    def _insert_lines(self, end: int, lines: Sequence[str]) -> None:
        if not self.layout.ends_line(end):
            raise _StuckError((), "Something else stands on the same line.")
        self._put(end, end, "".join(f"{self.layout.newline}{line}" for line in lines))

    def _put(self, start: int, end: int, text: str) -> None:
        self.splices.append((start, end, text))


def _place(piece: Piece, name: str, order: Sequence[str]) -> int:
    """Return the index of the entry that a new one comes behind; -1 for none."""
    last = len(piece.pairs) - 1
    if name not in order:
        return last
    before = {"<<", *order[: order.index(name)]}
    behind = [
        index for index, (key, _) in enumerate(piece.pairs) if key.text in order and key.text not in before
    ]
    places = [index for index, (key, _) in enumerate(piece.pairs) if key.text in before]
    # Where nothing comes before it and nothing behind it, the order is the user's own.
    return max(places) if places else (-1 if behind else last)


def _error(name: str, old: Mapping[str, Any], new: Mapping[str, Any], path: Path, why: str) -> EditError:
    return EditError(
        f"{name} is not edited" + (f" at {dotted(path)}" if path else ""),
        why=why,
        fix="write it by hand:\n" + "\n".join(by_hand(old, new)),
    )
