"""The nodes of a YAML file, each with its place, and the plain data in them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from iam_ra.config.diagnostics import Check

if TYPE_CHECKING:
    from ruamel.yaml.error import StringMark

    from iam_ra.config.source import Source

# What aliases may add: ten thousand hosts that share their settings stay far below.
MAX_COPIES = 1_000_000

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Plain(str):
    """A scalar written without quotes."""

    __slots__ = ()


class Node:
    """A scalar (`value` a text), a list (a list of nodes) or a mapping (a list of pairs), with its place.

    `height` is how many lists and mappings are inside each other below it, aliases written out.
    """

    __slots__ = ("end", "height", "plain", "start", "value")

    def __init__(self, value: Any, start: StringMark, end: StringMark, *, plain: bool = False) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.plain = plain
        self.height = 0


class Mapping(list[tuple[Node, Node]]):
    """The entries of a mapping, in the order and number of the file."""

    @cached_property
    def by_key(self) -> dict[Any, tuple[Node, Node]]:
        """The entries by key; the first of a duplicate."""
        return {key.value: (key, value) for key, value in reversed(self) if isinstance(key.value, str)}

    @cached_property
    def merged(self) -> list[Node]:
        """The values of merge keys."""
        return [value for key, value in self if is_merge(key)]


def is_merge(key: Node) -> bool:
    """Return whether a key is the merge key `<<`."""
    return key.plain and key.value == "<<"


def child(node: Node | None, step: str | int) -> tuple[Node | None, Node] | None:
    """Return the key and value nodes of a step, through merges; None when it is not there."""
    if node is None:
        return None
    if isinstance(node.value, Mapping):
        if step in node.value.by_key:
            return node.value.by_key[step]
        for each in node.value.merged:
            parents = (
                each.value if isinstance(each.value, list) and not isinstance(each.value, Mapping) else [each]
            )
            for parent in parents:
                found = child(parent, step)
                if found:
                    return found
    elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


class Reader:
    """Plain data from nodes: merges applied, duplicates found, what aliases multiply counted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen: dict[int, tuple[Any, int]] = {}
        self.copies = 0

    def read(self, root: Node) -> Any:
        """Return the data of a whole file."""
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
            "",
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
