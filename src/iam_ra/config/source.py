"""YAML with positions: a file's text, its nodes, its plain data, and the place of any value in it.

Plain scalars keep their text: `no`, `012345678901` and `2012-10-17` are what they look like until the schema says what
they mean. Nothing in a file can run code, take the parser down or grow without bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from iam_ra.config.diagnostics import Check, Diagnostic, Place, dotted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ruamel.yaml.error import StringMark

# A step is a key of a mapping or an index of a list.
Path_: TypeAlias = "tuple[str | int, ...]"

MAX_DEPTH = 32
# What aliases may add: ten thousand hosts that share their settings stay far below.
MAX_COPIES = 1_000_000

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The C parser is libyaml 0.1, which ends a plain text inside brackets at `:` and `?`, so that it refuses `[arn:aws:x]`.
_INNER_COLON = re.compile(r"""(?<=[^\s\[\]{},"'])[:](?=[^\s\[\]{},"'])""")
_INNER_QUESTION = re.compile(r"""(?<=[^\s\[\]{},"'])[?]""")
_PRIVATE_USE = range(0xE000, 0xF900)
_YAML = "tag:yaml.org,2002:"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Plain(str):
    """A scalar written without quotes."""

    __slots__ = ()


class Node:
    """A scalar (`value` a text), a list (a list of nodes) or a mapping (a list of pairs), with its place."""

    __slots__ = ("end", "plain", "start", "value")

    def __init__(self, value: Any, start: StringMark, end: StringMark, *, plain: bool = False) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.plain = plain


class Mapping(list[tuple[Node, Node]]):
    """The entries of a mapping, in the order and number of the file."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    node: Node
    keys: list[Node]


class Source:
    """A YAML file: `data` is its content, `diagnostics` what is wrong with it, `fatal` if nothing more can be said.

    In `data` every scalar is a text (`Plain` when written without quotes) or None.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.removeprefix("\N{BYTE ORDER MARK}")
        self.diagnostics: list[Diagnostic] = []
        self.fatal = False
        self.data: Any = None
        self.root: Node | None = None
        self._lines: list[str] | None = None
        self._read()

    # Reporting

    def report(
        self,
        check: Check,
        path: Sequence[str | int],
        what: str,
        *,
        why: str = "",
        fix: str = "",
        at: Literal["key", "value"] = "value",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Add a problem with the value (or the key) at `path`; a path that is not there means its nearest parent."""
        self.add(check, self.locate(path, at), dotted(path), what, why, fix, severity)

    def locate(self, path: Sequence[str | int], at: Literal["key", "value"] = "value") -> Place:
        """Return the place of the value (or the key) at `path`, or of the nearest parent that is in the file."""
        node, key = self.root, None
        for step in path:
            found = _child(node, step)
            if found is None:
                at = "key"
                break
            key, node = found
        if at == "key" and key is not None:
            node = key
        return self.place(node.start, node.end) if node else Place(self.name, 1, 1, 1, self._line(0))

    def has(self, path: Sequence[str | int]) -> bool:
        """Return whether there is a value at `path`."""
        node = self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                return False
            node = found[1]
        return True

    def add(
        self,
        check: Check,
        place: Place,
        path: str,
        what: str,
        why: str,
        fix: str,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        self.diagnostics.append(
            Diagnostic(
                severity,
                check.value,
                place.file,
                place.line,
                place.column,
                path,
                printable(what),
                printable(why),
                printable(fix),
                place.text,
                place.width,
            )
        )

    def _line(self, index: int) -> str:
        if self._lines is None:
            self._lines = _BREAK.split(self.text)
        return self._lines[index] if index < len(self._lines) else ""

    def place(self, start: StringMark, end: StringMark | None = None) -> Place:
        text = self._line(start.line)
        stop = end.column if end is not None and end.line == start.line else len(text)
        return Place(self.name, start.line + 1, start.column + 1, max(stop - start.column, 1), text)

    def fail(self, check: Check, place: Place, what: str, why: str, fix: str) -> None:
        self.fatal = True
        self.add(check, place, "", what, why, fix)

    # Reading

    def _read(self) -> None:
        unprintable = _UNPRINTABLE.search(self.text)
        if unprintable:
            self.fail(
                Check.ENCODING,
                self.place_at(unprintable.start()),
                f"the character U+{ord(unprintable[0]):04X} cannot stand in a YAML file",
                "Control characters do not show, so nobody could review what they do.",
                "Remove it; a pasted text often carries one.",
            )
            return
        try:
            self.root = _Composer(self).compose()
        except MarkedYAMLError as error:
            self._syntax_error(error)
        except YAMLError as error:
            self.fail(Check.SYNTAX, self.locate(()), f"not valid YAML: {error}", "", "")
        if self.root is None and not self.fatal:
            self.fail(
                Check.EMPTY,
                self.locate(()),
                "the file is empty",
                "It holds nothing but white space and comments.",
                "Start from iam-ra.yaml.example.",
            )
        if self.root is not None and not self.fatal:
            self.data = _Reader(self).read(self.root)

    def place_at(self, offset: int) -> Place:
        before = _BREAK.split(self.text[:offset])
        line = len(before) - 1
        return Place(self.name, line + 1, len(before[-1]) + 1, 1, self._line(line))

    def _syntax_error(self, error: MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        place = self.place(mark, mark) if mark else self.locate(())
        problem = str(error.problem or error)
        why, fix = _explain_syntax(problem, place)
        if error.context and error.context_mark and error.context_mark.line != place.line - 1:
            why = (
                f"{why} It was met {error.context} that began at line {error.context_mark.line + 1}.".strip()
            )
        self.fail(Check.SYNTAX, place, f"not valid YAML: {problem}", why, fix)


def read_source(path: Path, name: str) -> Source:
    """Return the YAML file at `path`, called `name` in messages. Raises OSError; undecodable bytes are a diagnostic."""
    content = path.read_bytes()
    try:
        return Source(name, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, content[: error.start].decode("utf-8") + "\N{REPLACEMENT CHARACTER}")
        place = source.place_at(len(source.text) - 1)
        source.diagnostics.clear()
        source.fail(
            Check.ENCODING,
            place,
            f"the byte 0x{content[error.start]:02x} is not UTF-8",
            "The file is read as UTF-8, the encoding of YAML.",
            f"Save it as UTF-8, or convert it: iconv -f latin1 -t utf-8 {name}",
        )
        return source


def _child(node: Node | None, step: str | int) -> tuple[Node | None, Node] | None:
    """Return the key and value nodes of a step, through merges; None when it is not there."""
    if node is None:
        return None
    if isinstance(node.value, Mapping):
        merged: list[Node] = []
        for key, value in node.value:
            if is_merge(key):
                merged.append(value)
            elif key.value == step:
                return key, value
        for each in merged:
            parents = (
                each.value if isinstance(each.value, list) and not isinstance(each.value, Mapping) else [each]
            )
            for parent in parents:
                found = _child(parent, step)
                if found:
                    return found
    elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def is_merge(key: Node) -> bool:
    """Return whether a key is the merge key `<<`."""
    return key.plain and key.value == "<<"


class _Composer:
    """Nodes from the parser's events. Iterative, because the parser's own composer overflows the C stack."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.anchors: dict[str, Node] = {}
        self.open: list[_Frame] = []
        self.root: Node | None = None
        self.documents = 0
        # Stand-ins of one character each, so that every position stays right; `_scalar` puts the originals back.
        text = source.text.lower()
        free = (chr(code) for code in _PRIVATE_USE if chr(code) not in text and f"{code:x}" not in text)
        self.colon, self.question = next(free), next(free)

    def compose(self) -> Node | None:
        for event in self._events():
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self._attach(self._scalar(event), event)
            elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
                if not self._start(event, Mapping() if kind == "MappingStartEvent" else []):
                    return None
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                self.open.pop().node.end = event.end_mark
            elif kind == "AliasEvent":
                if not self._alias(event):
                    return None
            elif kind == "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    self._several(event)
                    return self.root
        return self.root

    def _events(self) -> Iterator[Any]:
        yaml = YAML(typ="safe")
        if yaml.Parser.__name__ != "CParser":
            self.source.report(
                Check.SLOW_PARSER,
                (),
                "the fast YAML parser is missing; a large file takes ten times as long",
                why="ruamel.yaml was installed without its C parser.",
                fix="pip install 'ruamel.yaml[oldlibyaml]'",
                severity="warning",
            )
        text = _INNER_COLON.sub(self.colon, self.source.text)
        yield from yaml.parse(_INNER_QUESTION.sub(self.question, text))

    def _scalar(self, event: Any) -> Node:
        tag = _tag(event)
        plain = not event.style and tag not in {"!", "str"}
        if tag not in {None, "!", "str", "int", "bool", "null"}:
            self._unknown_tag(event)
        value = event.value.replace(self.colon, ":").replace(self.question, "?")
        return Node(value, event.start_mark, event.end_mark, plain=plain)

    def _start(self, event: Any, value: list[Any]) -> bool:
        if _tag(event) not in {None, "!", "map" if isinstance(value, Mapping) else "seq"}:
            self._unknown_tag(event)
        if len(self.open) >= MAX_DEPTH:
            self.source.fail(
                Check.TOO_DEEP,
                self.source.place(event.start_mark, event.start_mark),
                f"more than {MAX_DEPTH} lists and mappings inside each other",
                "Nothing that the file can say goes that deep.",
                "Look for a bracket that is never closed.",
            )
            return False
        node = Node(value, event.start_mark, event.end_mark)
        self._attach(node, event)
        self.open.append(_Frame(node, []))
        return True

    def _alias(self, event: Any) -> bool:
        node = self.anchors.get(event.anchor)
        ancestor = node is not None and any(frame.node is node for frame in self.open)
        if node is not None and not ancestor:
            self._attach(node, None)
            return True
        known = ", ".join(f"`&{anchor}`" for anchor in sorted(self.anchors)) or "none"
        self.source.fail(
            Check.ALIASES,
            self.source.place(event.start_mark, event.end_mark),
            f"`*{event.anchor}` stands inside its own anchor"
            if ancestor
            else f"no anchor `&{event.anchor}` above",
            "It would contain itself for ever." if ancestor else f"Anchors above this line: {known}.",
            "Move the anchor to a value that does not hold the alias."
            if ancestor
            else "Quote a text that begins with *.",
        )
        return False

    def _attach(self, node: Node, event: Any) -> None:
        if event is not None and event.anchor is not None:
            self.anchors[event.anchor] = node
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        if not isinstance(frame.node.value, Mapping):
            frame.node.value.append(node)
        elif frame.keys:
            frame.node.value.append((frame.keys.pop(), node))
        else:
            frame.keys.append(node)

    def _unknown_tag(self, event: Any) -> None:
        self.source.add(
            Check.UNKNOWN_TAG,
            self.source.place(event.start_mark, event.end_mark),
            "",
            f"the tag `{event.tag}` means nothing here",
            "The file is data; no tag can make it call or include anything.",
            "Remove the tag, or quote a text that begins with `!`.",
        )

    def _several(self, event: Any) -> None:
        self.source.add(
            Check.SEVERAL_DOCUMENTS,
            self.source.place(event.start_mark, event.end_mark),
            "",
            "a second YAML document begins here",
            "One file is one namespace; what follows `---` would be ignored.",
            "Remove the `---`, or put the rest into a file of its own.",
        )


def _tag(event: Any) -> str | None:
    tag = event.tag
    return None if tag is None else str(tag).removeprefix(_YAML)


class _Reader:
    """Plain data from nodes: merges applied, duplicates found, what aliases multiply counted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen: dict[int, tuple[Any, int]] = {}
        self.copies = 0

    def read(self, root: Node) -> Any:
        data, _ = self._value(root)
        if self.copies > MAX_COPIES:
            self.source.fail(
                Check.ALIASES,
                self.source.locate(()),
                f"aliases multiply the file to more than {MAX_COPIES:,} values",
                "Aliases of aliases grow without bound, and a small file could fill the memory.",
                "Write the values out, or nest the aliases less.",
            )
            return None
        return data

    def _value(self, node: Node) -> tuple[Any, int]:
        """Return the data of a node and how many values it holds with every alias written out."""
        value = node.value
        if isinstance(value, str):
            if not node.plain:
                return value, 1
            return (None if value in _NULLS else Plain(value)), 1
        known = self.seen.get(id(node))
        if known:
            self.copies += known[1]
            return known
        result = self._mapping(node) if isinstance(value, Mapping) else self._list(value)
        self.seen[id(node)] = result
        return result

    def _list(self, nodes: list[Node]) -> tuple[list[Any], int]:
        pairs = [self._value(node) for node in nodes]
        return [data for data, _ in pairs], 1 + sum(size for _, size in pairs)

    def _mapping(self, node: Node) -> tuple[dict[str, Any], int]:
        data: dict[str, Any] = {}
        keys: dict[str, Node] = {}
        merges: list[Node] = []
        total = 1
        for key, child in node.value:
            if not isinstance(key.value, str):
                self._complex_key(key)
            elif key.value in keys:
                self._duplicate(keys[key.value], key)
            else:
                keys[key.value] = key
                if is_merge(key):
                    merges.append(child)
                else:
                    data[key.value], size = self._value(child)
                    total += size
        for merge in merges:
            total += self._merge(data, merge)
        return data, total

    def _merge(self, data: dict[str, Any], node: Node) -> int:
        content, size = self._value(node)
        for each in content if isinstance(content, list) else [content]:
            if isinstance(each, dict):
                for key, value in each.items():
                    data.setdefault(key, value)
            else:
                self._bad_merge(node)
        return size

    def _complex_key(self, key: Node) -> None:
        self.source.add(
            Check.COMPLEX_KEY,
            self.source.place(key.start, key.end),
            "",
            "a list or mapping cannot be a key",
            "Keys are texts.",
            "Quote the key if it begins with `[`, `{` or `?`.",
        )

    def _duplicate(self, first: Node, second: Node) -> None:
        several = is_merge(second)
        self.source.add(
            Check.DUPLICATE_KEY,
            self.source.place(second.start, second.end),
            second.value,
            f"`{second.value}` is written twice in this mapping, first at {self._at(first)}",
            "Only one of the two could count, and YAML does not say which.",
            "Merge both at once: `<<: [*one, *two]`." if several else "Remove or rename one of them.",
        )

    def _bad_merge(self, node: Node) -> None:
        self.source.add(
            Check.MERGE,
            self.source.place(node.start, node.end),
            "",
            "`<<` needs a mapping to merge",
            "It takes an alias of a mapping, or a list of such aliases.",
            "Write `<<: *name`, with `&name` at a mapping above.",
        )

    def _at(self, node: Node) -> str:
        return f"{self.source.name}:{node.start.line + 1}:{node.start.column + 1}"


def _explain_syntax(problem: str, place: Place) -> tuple[str, str]:
    """Return why and fix for what the parser says, in the words of the file instead of the grammar's."""
    at = place.text[place.column - 1 : place.column]
    if "\t" in place.text[: place.column] and not place.text[: place.column].strip():
        return "A tab indents this line; YAML takes spaces only.", "Replace each tab by spaces."
    if "cannot start any token" in problem:
        return (
            f"No plain text may begin with `{at}`.",
            f"Quote it: '{place.text[place.column - 1 :].strip()}'",
        )
    if "scanning an alias" in problem or "alphabetic or numeric" in problem:
        return "A plain `*` or `&` begins an alias or an anchor.", "Quote it: '*'"
    if "mapping values are not allowed" in problem:
        return "A `: ` inside a plain text begins a mapping.", "Quote the text, or check the indentation."
    if "unknown escape" in problem:
        return "In double quotes a backslash begins an escape.", "Use single quotes."
    if "unexpected ':'" in problem:
        return "Inside brackets this `:` ends the text.", "Quote the text."
    if "end of stream" in problem:
        return "A quote is opened and never closed.", "Close the quote."
    if "expected ',' or" in problem:
        return "A bracket is opened and never closed, or a comma is missing.", "Close the bracket."
    return "", "Check indentation, quotes and brackets on this line and the one before."
