"""Texts of iam-ra.yaml as people write them: any order and style, comments and empty lines wherever YAML takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

SCALARS = (
    "readonly",
    "'single'",
    "'it''s'",
    "'a \"b\"'",
    '"double"',
    '"a # b"',
    "no",
    "012345678901",
    "~",
    "",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "two words",
    "'#no comment'",
    "!!str 7",
    "漢字",
)
FOLDED = ('"one\n  two"', "one\n  two", "'one\n\n  two'")
LITERALS = (
    "|\n{0}text\n{0}  more",
    ">-\n{0}folded\n{0}text",
    "|+\n{0}kept\n",
    "|  # header\n{0}text\n\n{0}text",
)
SECTIONS = ("version", "namespace", "region", "defaults", "roles", "hosts", "limits", "ignore_drift", "later")
FIELDS = (
    "identity",
    "ca",
    "roles",
    "default_role",
    "tags",
    "certificate",
    "protect",
    "session_policy",
    "zzz",
)


@dataclass
class _Text:
    """Lines in the making; `anchors` are those of mappings above."""

    draw: DrawFn
    lines: list[str] = field(default_factory=list)
    comments: int = 0
    anchors: list[str] = field(default_factory=list)

    def one_in(self, number: int) -> bool:
        return self.draw(st.integers(1, number)) == 1

    def comment(self) -> str:
        self.comments += 1
        return f"# c{self.comments}"

    def between(self, least: int) -> None:
        """Write what may stand between two entries: comments at any indentation from `least` on, empty lines."""
        for _ in range(self.draw(st.sampled_from((0, 0, 0, 1, 2, 3)))):
            indent = " " * self.draw(st.integers(least, least + 6))
            self.lines.append("" if self.one_in(2) else f"{indent}{self.comment()}")

    def end_of_line(self) -> str:
        return " " * self.draw(st.integers(1, 12)) + self.comment() if self.one_in(4) else ""


@st.composite
def commented(draw: DrawFn) -> str:
    """Return a YAML text that has the keys of the schema, if not always its types."""
    text = _Text(draw)
    if text.one_in(4):
        text.lines += ["# yaml-language-server: $schema=./iam-ra.schema.json"]
    text.between(0)
    if text.one_in(8):
        text.lines.append("---" + text.end_of_line())
    _mapping(text, draw(st.permutations(SECTIONS)), 0, 0)
    text.between(0)
    ending = "" if text.one_in(4) and not text.lines[-1].startswith(" ") else "\n"
    return draw(st.sampled_from(("\n", "\n", "\r\n"))).join(text.lines) + ending


def _mapping(text: _Text, names: list[str], indent: int, depth: int) -> None:
    own: list[str] = []
    for number, name in enumerate(names[: text.draw(st.integers(1, min(len(names), 5)))]):
        text.between(0 if number else indent)
        if name == "later" and text.anchors:
            name = "<<"  # noqa: PLW2901 - a merge in place of a key
            text.lines.append(f"{' ' * indent}<<: *{text.anchors[-1]}{text.end_of_line()}")
            continue
        quote = text.draw(st.sampled_from(("", "", "", "'", '"')))
        _value(text, f"{' ' * indent}{quote}{name}{quote}:", indent, depth, own)
    text.anchors += own


def _value(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:
    shape = text.draw(
        st.sampled_from((_plain, _plain, _folded, _literal, _flow, _block, _block, _list, _list))
    )
    shape(text, head, indent, depth, anchors)


def _plain(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:  # noqa: ARG001 - one form for all
    if text.anchors and text.one_in(6):
        text.lines.append(f"{head} *{text.draw(st.sampled_from(text.anchors))}{text.end_of_line()}")
        return
    text.lines.append(f"{head} {text.draw(st.sampled_from(SCALARS))}".rstrip() + text.end_of_line())


def _folded(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:  # noqa: ARG001 - one form for all
    value = text.draw(st.sampled_from(FOLDED)).replace("\n", "\n" + " " * indent)
    text.lines += f"{head} {value}{text.end_of_line()}".split("\n")


def _literal(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:  # noqa: ARG001 - one form for all
    value = text.draw(st.sampled_from(LITERALS)).format(" " * (indent + text.draw(st.integers(1, 4))))
    if "# header" in value:
        value = value.replace("# header", text.comment())
    text.lines += f"{head} {value}".split("\n")


def _flow(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:  # noqa: ARG001 - one form for all
    apart = f"{text.end_of_line()}\n{' ' * (indent + 2)}" if text.one_in(3) else ""
    items = [
        f"{apart}{'k' * (n + 1)}: {value}" for n, value in enumerate(("1", "'x'", "[a, b]", "{c: d, e}"))
    ]
    items = items[: text.draw(st.integers(0, 4))]
    left, right = text.draw(st.sampled_from((("{", "}"), ("[", "]"))))
    text.lines += f"{head} {left}{','.join(items)}{apart}{right}{text.end_of_line()}".split("\n")


def _block(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:
    if depth == 2:
        _plain(text, head, indent, depth, anchors)
        return
    anchor = f"a{len(text.lines)}" if text.one_in(4) else ""
    text.lines.append(f"{head} &{anchor}".removesuffix(" &") + text.end_of_line())
    _mapping(text, text.draw(st.permutations(FIELDS)), indent + text.draw(st.integers(1, 4)), depth + 1)
    if anchor:
        anchors.append(anchor)


def _list(text: _Text, head: str, indent: int, depth: int, anchors: list[str]) -> None:
    if depth == 2 or head.endswith("-"):
        _plain(text, head, indent, depth, anchors)
        return
    text.lines.append(head + text.end_of_line())
    column = indent + text.draw(st.integers(0 if head.endswith(":") else 1, 3))
    for _ in range(text.draw(st.integers(1, 3))):
        text.between(column)
        if text.one_in(3):
            text.lines.append(f"{' ' * column}-{text.end_of_line()}")
            _mapping(text, text.draw(st.permutations(FIELDS)), column + 2, depth + 1)
        else:
            _value(text, f"{' ' * column}-", column, depth + 1, [])
