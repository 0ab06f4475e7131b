"""The file in its canonical form: keys in the order of the schema, one style, the same meaning, every comment.

What stays as it is written: the order of entities, of list items and of what the schema does not name; comments; which
texts have quotes; whether a list or mapping is in brackets, as long as it fits a line.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from iam_ra.config.commented import Collection, Comment, CommentedFile, Entry, Scalar, Value, read_commented
from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.draft import check_mapping
from iam_ra.config.schema import FileEntry
from iam_ra.config.shapes import Each, shape_below
from iam_ra.config.source import BREAK, Source
from iam_ra.engine.collector import collector_paused
from iam_ra.engine.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iam_ra.config.shapes import Shape

WIDTH = 100
_INDENT = 2
_MODELINE = "yaml-language-server:"


def formatted(source: Source) -> str:
    """Return a file in its canonical form.

    Raises ConfigError when it is not YAML that the file may be, and FormatError when it cannot be put into that form
    without a change of what it means.
    """
    with collector_paused():
        return _formatted(source)


def _formatted(source: Source) -> str:
    _expect_readable(source)
    file = read_commented(source)
    result = _Writer(file).text()
    again = Source(source.name, result)
    if again.fatal or not _same(source.data, again.data):
        raise _refusal(source.name, "What it means would change.")
    if Counter(read_commented(again).comments) != Counter(file.comments):
        raise _refusal(source.name, "A comment would be lost.")
    return result.replace("\n", "\r\n") if source.text.partition("\n")[0].endswith("\r") else result


def _expect_readable(source: Source) -> None:
    if not source.fatal:
        check_mapping(source)
    errors = [each for each in source.diagnostics if each.severity == "error"]
    if errors:
        raise ConfigError(source.name, errors)


def _refusal(name: str, why: str) -> FormatError:
    return FormatError(
        f"{name} cannot be formatted",
        why=f"{why} Nothing was written.",
        fix="Write plainly what is unusual YAML in it, and please report it: this should not happen.",
    )


def _same(one: Any, other: Any) -> bool:
    """Tell whether two readings are the same, down to which texts have quotes."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


class _Writer:
    """The lines of a file in canonical form."""

    def __init__(self, file: CommentedFile) -> None:
        self.file = file
        self.lines: list[str] = []
        # Empty lines after a block scalar with `+` are a part of it.
        self.is_kept = False

    def text(self) -> str:
        prologue, root = self.file.prologue, self.file.root
        self._comments([line.rstrip() for line in BREAK.split(prologue)], 0)
        if not root.entries:
            self._line(_flow(root, None) or "{}")
            self._comments(root.ending, 0)
            return self._whole()
        entries = _ordered(root, FileEntry)
        if entries[0] is not root.entries[0]:
            header = _take_header(root.entries[0])
            self._comments([*header, ""] if header else [], 0)
        if root.properties:
            self._line(root.properties)
        self._sections(entries)
        self._comments(root.ending, 0)
        return self._whole()

    def _whole(self) -> str:
        while self.lines and not self.lines[-1] and not self.is_kept:
            self.lines.pop()
        return "".join(f"{line}\n" for line in self.lines)

    def _sections(self, entries: Sequence[Entry]) -> None:
        """Write the top level. Empty lines stand around all sections of more than a line, or around none."""
        sections = [_is_block(entry, 0) or bool(entry.ending) for entry in entries]
        are_apart = any(
            is_section and entry.leading[:1] == [""]
            for entry, is_section in zip(entries, sections, strict=True)
            if entry is not entries[0]
        )
        for number, entry in enumerate(entries):
            if are_apart and number and any(sections[number - 1 : number + 1]):
                self._blank()
            self._entry(entry, 0, _shape_below(FileEntry, entry))

    def _entries(self, entries: Sequence[Entry], indent: int, shape: Shape) -> None:
        # No empty line at the beginning, only between.
        while entries[0].leading[:1] == [""]:
            del entries[0].leading[0]
        for entry in entries:
            self._entry(entry, indent, _shape_below(shape, entry))

    def _entry(self, entry: Entry, indent: int, shape: Shape) -> None:
        self._lift(entry, indent, shape)
        self._comments(entry.leading, indent)
        value = entry.value
        if isinstance(value, Collection) and _is_block(entry, indent):
            begin = len(self.lines)
            is_compact = _is_compact(entry)
            if not is_compact:
                self._line(_joined(_head(entry, indent), value.properties), entry.trailing)
            self._entries(_ordered(value, shape), indent + _INDENT, shape)
            if is_compact:
                self.lines[begin] = f"{_head(entry, indent)} {self.lines[begin].lstrip()}"
            self._comments(value.ending, indent + _INDENT)
        else:
            self._one(entry, indent, shape)
        self._comments(entry.ending, indent + _INDENT)

    def _lift(self, entry: Entry, indent: int, shape: Shape) -> None:
        """Put above an entry those of its comments that have no line, or no place at the end of one."""
        value, room = entry.value, 1
        if isinstance(value, Collection) and not value.entries:
            entry.leading += filter(None, value.ending)
        first = None
        if isinstance(value, Collection) and _is_block(entry, indent) and _is_compact(entry):
            # Its first line is that of its first entry.
            first, room = _ordered(value, shape)[0], 0
        entry.leading += [each.text for each in entry.trailing[room:]]
        del entry.trailing[room:]
        if first is not None:
            self._lift(first, indent + _INDENT, _shape_below(shape, first))
            entry.leading += filter(None, first.leading)
            first.leading.clear()

    def _one(self, entry: Entry, indent: int, shape: Shape) -> None:
        """Write an entry with a text, or with a list or mapping in brackets."""
        value, head = entry.value, _head(entry, indent)
        if isinstance(value, Collection):
            self._line(_joined(head, _flow(value, shape) or ""), entry.trailing)
            return
        first, *rest = BREAK.split(_text(value))
        first = _joined(head, value.properties, first)
        if value.style in {"|", ">"}:
            self._line(first, entry.trailing)
            self._literal(value, rest, indent)
            return
        # Line breaks and indentation inside the other styles are one space.
        lines = [
            first,
            *(f"{' ' * (indent + _INDENT)}{each.strip()}" if each.strip() else "" for each in rest),
        ]
        for line in lines[:-1]:
            self.lines.append(line)
        self._line(lines[-1], entry.trailing)

    def _literal(self, value: Scalar, lines: Sequence[str], indent: int) -> None:
        header = value.text.partition("\n")[0]
        given = next((int(sign) for sign in header if sign.isdecimal()), None)
        if given is None:
            before = next((len(each) - len(each.lstrip(" ")) for each in lines if each.strip(" ")), 0)
            after = indent + _INDENT
        else:
            before, after = value.parent + given, indent + given
        self.lines += (f"{' ' * after}{each[before:]}" if each[before:] else "" for each in lines)
        self.is_kept = "+" in header

    def _comments(self, lines: Sequence[str], indent: int) -> None:
        for line in lines:
            if line:
                self._line(" " * indent + line)
            else:
                self._blank()

    def _line(self, text: str, trailing: Sequence[Comment] = ()) -> None:
        """Write a line, with its comment in the column where that was, unless the text reaches there now."""
        if trailing:
            gap = trailing[0].column - len(text)
            text += " " * (gap if gap > 0 else 2) + trailing[0].text
        self.lines.append(text)
        self.is_kept = False

    def _blank(self) -> None:
        if self.lines and self.lines[-1] and not self.is_kept:
            self.lines.append("")


def _is_block(entry: Entry, indent: int) -> bool:
    """Tell whether a value takes lines of its own: it is written so, has comments in it, or does not fit a line."""
    value = entry.value
    if not isinstance(value, Collection) or not value.entries:
        return False
    # The order does not change the length.
    short = _flow(value, None) if value.is_flow else None
    return short is None or len(_joined(_head(entry, indent), short)) > WIDTH


def _is_compact(entry: Entry) -> bool:
    """Tell whether the lines of a value begin beside the `-` of its item."""
    return entry.key is None and not entry.value.properties


def _take_header(first: Entry) -> list[str]:
    """Take from a file's first entry the comments that are about the file: a paragraph of their own, and a modeline."""
    leading = first.leading
    while leading[:1] == [""]:
        del leading[0]
    modelines = [number + 1 for number, line in enumerate(leading) if _MODELINE in line]
    end = max([leading.index("") if "" in leading else 0, *modelines])
    header, first.leading = leading[:end], leading[end:]
    return header


def _joined(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _head(entry: Entry, indent: int) -> str:
    if entry.key is None:
        return f"{' ' * indent}-"
    key = _joined(entry.key.properties, _text(entry.key))
    # A `:` would belong to the name of an alias.
    return f"{' ' * indent}{key}{' ' * key.startswith('*')}:"


def _flow(value: Value, shape: Shape) -> str | None:
    """Return a value on one line; None where that cannot be."""
    if isinstance(value, Scalar):
        return None if BREAK.search(value.text) else _joined(value.properties, _text(value))
    if value.entries and any(value.ending):
        return None
    parts = []
    for entry in _ordered(value, shape):
        part = _flow(entry.value, _shape_below(shape, entry))
        if part is None or any(entry.leading) or entry.trailing:
            return None
        if entry.key is not None:
            part = _joined(_head(entry, 0), part) if part else _joined(entry.key.properties, _text(entry.key))
        parts.append(part)
    left, right = "{}" if value.is_mapping else "[]"
    return _joined(value.properties, f"{left}{', '.join(parts)}{right}")


def _text(scalar: Scalar) -> str:
    """Return a text as it is written, with double quotes in place of single ones where nothing has to be escaped."""
    inside = scalar.text[1:-1]
    if scalar.style == "'" and inside.isprintable() and not set(inside) & {'"', "\\"}:
        return '"' + inside.replace("''", "'") + '"'
    return scalar.text


def _ordered(collection: Collection, shape: Shape) -> Sequence[Entry]:
    """Return the entries in the order of the schema, as far as every anchor stays before its aliases."""
    if not collection.is_mapping or shape is None or isinstance(shape, Each):
        return collection.entries
    ranks = {"<<": -1, **{name: number for number, name in enumerate(shape.model_fields)}}
    waiting = [
        (ranks.get(_key(entry), len(ranks)), frozenset(_anchors(entry))) for entry in collection.entries
    ]
    left = list(range(len(waiting)))
    found = []
    while left:
        # Of two entries that name one anchor the first stays first, whichever of them it is that has it.
        free = [i for i in left if not any(waiting[i][1] & waiting[j][1] for j in left if j < i)]
        best = min(free, key=lambda i: waiting[i][0])
        left.remove(best)
        found.append(collection.entries[best])
    return found


def _anchors(entry: Entry) -> Iterator[str]:
    """Yield the names of the anchors and aliases in an entry."""
    for value in (entry.key, entry.value):
        if value is None:
            continue
        yield from (each[1:] for each in value.properties.split() if each.startswith("&"))
        if isinstance(value, Collection):
            for each in value.entries:
                yield from _anchors(each)
        elif value.text.startswith("*"):
            yield value.text[1:]


def _key(entry: Entry) -> str:
    return "" if entry.key is None else entry.key.text.strip("\"'")


def _shape_below(shape: Shape, entry: Entry) -> Shape:
    if isinstance(shape, Each):
        return shape.shape
    return None if entry.key is None else shape_below(shape, _key(entry))
