"""How a YAML file is written: its entries in their order, each with the comments that belong to it.

A comment at the end of a line belongs to the entry that ends there. Comments on lines of their own belong to the entry
below, or to the end of a list or mapping above: the deepest that is just over and is not indented more than they are.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.config.compose import Composer
from iam_ra.config.source import BREAK

if TYPE_CHECKING:
    from iam_ra.config.source import Source

_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")
_LAST_BREAK = re.compile(r"(?:\r\n|[\n\r\x85\u2028\u2029])\Z")
_LAST_LINES = re.compile(r"(?:(?:\r\n|[\n\r\x85\u2028\u2029]) *)+\Z")
_SPACES = re.compile("(?:[ \t\r\n\x85\u2028\u2029]|#[^\r\n\x85\u2028\u2029]*)*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at the end of a line, with the column of its `#`."""

    text: str
    column: int


@dataclass(slots=True)
class Scalar:
    """A text as it is written, or an alias. `style` is `|`, `>`, a quote, or empty; a null may have no text.

    `parent` is the column that the indentation of a block scalar counts from.
    """

    text: str
    style: str = ""
    properties: str = ""
    parent: int = 0


@dataclass(slots=True)
class Collection:
    """A list or mapping; `ending` has the comments after its last entry, one a line, with `""` for an empty line."""

    is_mapping: bool
    is_flow: bool
    column: int
    properties: str = ""
    entries: list[Entry] = field(default_factory=list)
    ending: list[str] = field(default_factory=list)


Value: TypeAlias = "Scalar | Collection"


@dataclass(slots=True)
class Entry:
    """An entry of a mapping, or an item of a list (no `key`).

    `leading` has the comments above it, `ending` those below it when it has no value, both as a collection's `ending`.
    """

    key: Scalar | None
    value: Value
    leading: list[str] = field(default_factory=list)
    trailing: list[Comment] = field(default_factory=list)
    ending: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CommentedFile:
    """A file: what stands before its root (up to `---`), its root, and every comment in it."""

    prologue: str
    root: Collection
    comments: tuple[str, ...]


def read_commented(source: Source) -> CommentedFile:
    """Return the entries of a source that holds one list or mapping and has no errors."""
    return _Reader(source).read()


@dataclass(slots=True)
class _Frame:
    """A collection whose end has not come yet, the entry that it is the value of, and the key that waits for a value."""

    collection: Collection
    owner: Entry | None
    key: Entry | None = None


class _Reader:
    """Entries from the parser's events, and from the text between them: comments make no events."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.starts = [0, *(found.end() for found in BREAK.finditer(source.text))]
        self.position = 0
        self.prologue = ""
        self.root = Collection(is_mapping=True, is_flow=True, column=0)
        self.comments: list[str] = []
        # Comments that nobody owns yet, with the indentation of their lines; an empty line is one without text.
        self.pending: list[tuple[int, str]] = []
        self.open: list[_Frame] = []
        # What ended since the last entry: its column, and where comments at its end go. The deepest comes first.
        self.closed: list[tuple[int, list[str]]] = []
        # The entry that a comment at the end of this line belongs to.
        self.last: Entry | None = None

    def read(self) -> CommentedFile:
        for event in Composer(self.source).events():
            kind = type(event).__name__
            if kind == "DocumentStartEvent" and event.explicit:
                self._prologue(event.end_mark.index)
            elif kind == "ScalarEvent":
                self._scalar(event)
            elif kind == "AliasEvent":
                self._gap(event.start_mark.index)
                self._put(Scalar(self.text[self.position : event.end_mark.index]), event.end_mark.index)
            elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
                self._start(event, is_mapping=kind == "MappingStartEvent")
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                self._end(event)
        self._gap(len(self.text))
        self._settle(-1, self.root.ending)
        return CommentedFile(self.prologue, self.root, tuple(self.comments))

    def _prologue(self, end: int) -> None:
        rest = BREAK.split(self.text[end:], maxsplit=1)[0]
        end += len(rest) if rest.lstrip().startswith("#") else 0
        self._gap(end)
        self.pending.clear()
        self.prologue = self.text[:end]

    def _scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        self._gap(start)
        if self.open and self.open[-1].key is None:
            # Comments between an anchor and its value are above that value, not behind the entry before.
            self.last = None
        properties = self._properties(event)
        text, style = self.text[self.position : end], event.style or ""
        parent = self.open[-1].collection.column if self.open else 0
        if style in {"|", ">"}:
            self._block_scalar(text, style, properties, parent)
        else:
            self._put(Scalar(text, style, properties, parent), end)

    def _block_scalar(self, text: str, style: str, properties: str, parent: int) -> None:
        start = self.position
        head, *lines = BREAK.split(text)
        header, sign, rest = head.partition("#")
        if "+" not in header:
            while lines and not lines[-1].strip(" "):
                lines.pop()
            text = _LAST_LINES.sub("", text)
        elif lines and not lines[-1]:
            lines.pop()
            text = _LAST_BREAK.sub("", text)
        value = Scalar("\n".join([header.rstrip(), *lines]), style, properties, parent)
        entry = self._put(value, start + len(text))
        if sign and entry is not None:
            entry.trailing.append(self._comment(f"{sign}{rest}", start + len(header)))

    def _put(self, value: Value, end: int) -> Entry | None:
        """Put a value where the parser is, and return its entry; the root has none."""
        self.position = end
        if not self.open:
            if isinstance(value, Collection):
                self.root = value
            return None
        frame = self.open[-1]
        parent, entry = frame.collection, frame.key
        column = -1 if parent.is_flow else parent.column
        is_null = isinstance(value, Scalar) and not value.text and not value.properties
        if parent.is_mapping and entry is None and isinstance(value, Scalar):
            frame.key = entry = Entry(value, Scalar(""))
            is_null = False
        elif entry is not None:
            entry.value, frame.key = value, None
            if isinstance(value, Collection) and not value.is_flow:
                # What stands above its first entry belongs to that.
                self.last = entry
                return entry
            self._settle(column, entry.leading)
            return self._ended(entry, column, is_null=is_null)
        else:
            entry = Entry(None, value)
        self._settle(column, entry.leading)
        parent.entries.append(entry)
        return self._ended(entry, column, is_null=is_null)

    def _start(self, event: Any, *, is_mapping: bool) -> None:
        self._gap(event.start_mark.index)
        collection = Collection(is_mapping, event.flow_style, event.start_mark.column)
        owner = self._put(collection, self.position)
        collection.properties = self._properties(event)
        if collection.is_flow:
            # A pair in a list needs no brackets.
            self.position += self.text[self.position : self.position + 1] in {"{", "["}
        elif collection.properties:
            first = _SPACES.match(self.text, self.position)
            collection.column = self._column(first.end() if first else self.position)
        self.open.append(_Frame(collection, owner))

    def _end(self, event: Any) -> None:
        frame = self.open.pop()
        collection = frame.collection
        if not collection.is_flow:
            self.closed.append((collection.column, collection.ending))
            return
        end = event.end_mark.index
        if end > event.start_mark.index:
            self._gap(end - 1)
            self._settle(-1, collection.ending)
            self.position = end
        self.last = frame.owner

    def _properties(self, event: Any) -> str:
        """Return anchor and tag as they are written; the position is behind them then."""
        found: list[str] = []
        for _ in range((event.anchor is not None) + (event.tag is not None)):
            following = _SPACES.match(self.text, self.position) if found else None
            if following:
                self._gap(following.end())
            match = _PROPERTY.match(self.text, self.position)
            if match:
                found.append(match[0])
                self.position = match.end()
        following = _SPACES.match(self.text, self.position)
        if found and following and type(event).__name__ == "ScalarEvent":
            self._gap(min(following.end(), event.end_mark.index))
        return " ".join(found)

    def _gap(self, end: int) -> None:
        """Read the comments and empty lines up to `end`. Between tokens a `#` always begins a comment."""
        offset = self.position
        # What stands below a list's `-` is no deeper than that.
        deepest = sys.maxsize
        lines = BREAK.split(self.text[offset:end])
        for number, line in enumerate(lines):
            before, sign, rest = line.partition("#")
            indent = len(line) - len(line.lstrip())
            if number and "-" in before:
                deepest = indent
            if sign:
                same_line = number == 0 and self.last is not None
                comment = self._comment(f"{sign}{rest}", offset + len(before) if same_line else 0)
                if same_line and self.last is not None:
                    self.last.trailing.append(comment)
                else:
                    self.pending.append((min(indent, deepest), comment.text))
            elif not line.strip() and (number or not offset) and number < len(lines) - 1:
                self.pending.append((0, ""))
        self.position = max(offset, end)

    def _comment(self, text: str, index: int) -> Comment:
        self.comments.append(text.rstrip())
        return Comment(text.rstrip(), self._column(index))

    def _ended(self, entry: Entry, column: int, *, is_null: bool) -> Entry:
        if is_null and column >= 0:
            self.closed.append((column + 1, entry.ending))
        self.last = entry
        return entry

    def _settle(self, column: int, target: list[str]) -> None:
        """Give the comments that nobody owns yet to what ended and stands deeper than `column`, or to `target`."""
        homes = [each for each in self.closed if each[0] > column]
        limit, is_apart = sys.maxsize, False
        for indent, text in self.pending:
            if text:
                nearest = (each for each in homes if each[0] <= min(indent, limit))
                limit, lines = next(nearest, (-1, target))
                lines.extend([""] * is_apart + [text])
            is_apart = not text
        if is_apart:
            target.append("")
        self.pending.clear()
        self.closed.clear()

    def _column(self, index: int) -> int:
        return index - self.starts[bisect_right(self.starts, index) - 1]
