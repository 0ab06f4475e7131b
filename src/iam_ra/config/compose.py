"""From a YAML text to nodes. Nothing in a file can run code, take the parser down or grow without bound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from iam_ra.config.diagnostics import Check
from iam_ra.config.nodes import Mapping, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.config.diagnostics import Place
    from iam_ra.config.source import Source

MAX_DEPTH = 32

# The C parser is libyaml 0.1, which ends a plain text inside brackets at `:` and `?`, so that it refuses `[arn:aws:x]`.
_INNER_COLON = re.compile(r"""(?<=[^\s\[\]{},"'])[:](?=[^\s\[\]{},"'])""")
_INNER_QUESTION = re.compile(r"""(?<=[^\s\[\]{},"'])[?]""")
_PRIVATE_USE = range(0xE000, 0xF900)
_YAML = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class _Frame:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    node: Node
    keys: list[Node]


class Composer:
    """Nodes from the parser's events. Iterative, because the parser's own composer overflows the C stack."""

    def __init__(self, source: Source, yaml: YAML | None = None) -> None:
        self.source = source
        self.yaml = yaml or YAML(typ="safe")
        self.anchors: dict[str, Node] = {}
        self.open: list[_Frame] = []
        self.root: Node | None = None
        self.documents = 0
        # Stand-ins of one character each, so that every position stays right; `_scalar` puts the originals back.
        text = source.text.lower()
        free = (chr(code) for code in _PRIVATE_USE if chr(code) not in text and f"{code:x}" not in text)
        self.colon, self.question = next(free), next(free)

    def compose(self) -> Node | None:
        """Return the root of the first document; None for an empty file, and after a problem that ends the reading."""
        for event in self.events():
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self._attach(self._scalar(event), event)
            elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
                if not self._start(event, Mapping() if kind == "MappingStartEvent" else []):
                    return None
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                self._end(event)
            elif kind == "AliasEvent":
                if not self._alias(event):
                    return None
            elif kind == "DocumentStartEvent":
                self.documents += 1
                if self.documents > 1:
                    self._several(event)
                    return self.root
        return self.root

    def events(self) -> Iterator[Any]:
        """Yield the parser's events; values may hold stand-ins, which `original` takes out."""
        if self.yaml.Parser.__name__ != "CParser":
            self.source.report(
                Check.SLOW_PARSER,
                (),
                "the fast YAML parser is missing; a large file takes ten times as long",
                why="ruamel.yaml was installed without its C parser.",
                fix="Install it: `pip install 'ruamel.yaml[oldlibyaml]'`",
                severity="warning",
            )
        text = _INNER_COLON.sub(self.colon, self.source.text)
        yield from self.yaml.parse(_INNER_QUESTION.sub(self.question, text))

    def original(self, value: str) -> str:
        """Return an event's value as the file has it."""
        return value.replace(self.colon, ":").replace(self.question, "?")

    def _scalar(self, event: Any) -> Node:
        tag = _tag(event)
        plain = not event.style and tag not in {"!", "str"}
        if tag not in {None, "!", "str", "int", "bool", "null"}:
            self._unknown_tag(event)
        return Node(self.original(event.value), event.start_mark, event.end_mark, plain=plain)

    def _start(self, event: Any, value: list[Any]) -> bool:
        if _tag(event) not in {None, "!", "map" if isinstance(value, Mapping) else "seq"}:
            self._unknown_tag(event)
        if len(self.open) >= MAX_DEPTH:
            self._too_deep(event)
            return False
        node = Node(value, event.start_mark, event.end_mark)
        self._attach(node, event)
        self.open.append(_Frame(node, []))
        return True

    def _end(self, event: Any) -> None:
        node = self.open.pop().node
        node.end = event.end_mark
        if self.open:
            parent = self.open[-1].node
            parent.height = max(parent.height, node.height + 1)

    def _alias(self, event: Any) -> bool:
        node = self.anchors.get(event.anchor)
        ancestor = node is not None and any(frame.node is node for frame in self.open)
        if node is not None and not ancestor:
            if len(self.open) + node.height >= MAX_DEPTH:
                self._too_deep(event)
                return False
            self._attach(node, None)
            self.open[-1].node.height = max(self.open[-1].node.height, node.height + 1)
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

    def _too_deep(self, event: Any) -> None:
        self.source.fail(
            Check.TOO_DEEP,
            self.source.place(event.start_mark, event.end_mark),
            f"more than {MAX_DEPTH} lists and mappings inside each other",
            "Nothing that the file can say goes that deep.",
            "Look for a bracket that is never closed, or for aliases of aliases.",
        )

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


# What the parser says (a part of it), and what that means to who wrote the file.
_MEANINGS = (
    ("scanning an alias", "A plain `*` begins an alias.", "Quote it: '*'"),
    ("alphabetic or numeric", "A plain `*` or `&` begins an alias or an anchor.", "Quote it: '*'"),
    (
        "mapping values are not",
        "A `: ` inside a plain text begins a mapping.",
        "Quote the text, or check the indentation.",
    ),
    ("unknown escape", "In double quotes a backslash begins an escape.", "Use single quotes."),
    ("unexpected ':'", "Inside brackets this `:` ends the text.", "Quote the text."),
    ("whitespace or line break", "A plain `!` begins a tag.", "Quote the text."),
    ("end of stream", "A quote is opened and never closed.", "Close the quote."),
    ("expected ',' or", "A bracket is opened and never closed, or a comma is missing.", "Close the bracket."),
)


def explain_syntax(problem: str, place: Place) -> tuple[str, str]:
    """Return why and fix for what the parser says, in the words of the file instead of the grammar's."""
    before, after = place.text[: place.column - 1], place.text[place.column - 1 :]
    if "\t" in place.text[: place.column] and not (before + after[:1]).strip():
        return "A tab indents this line; YAML takes spaces only.", "Replace each tab by spaces."
    if "cannot start any token" in problem:
        return f"No plain text may begin with `{after[:1]}`.", f"Quote it: '{after.strip()}'"
    for part, why, fix in _MEANINGS:
        if part in problem:
            return why, fix
    return "", "Check indentation, quotes and brackets on this line and the one before."
