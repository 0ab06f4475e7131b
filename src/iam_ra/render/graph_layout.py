"""Where a graph's boxes and arrows go: three columns, few crossings, no two boxes on one another.

The columns are those who sign, those whose certificates that are, and roles; so each edge spans one gap. The order within
a column comes from barycentres (Sugiyama, Tagawa, Toda 1981), the places from least squares that keep the order.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Final

from iam_ra.render.graph import Edge, Graph, Node, Sort
from iam_ra.render.style import harmless
from iam_ra.render.text_width import shortened, text_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

NAME_SIZE: Final = 13.0
DETAIL_SIZE: Final = 11.0
PADDING: Final = 14.0
# Beside the name, where the sign of a change stands.
SIGN: Final = 18.0
_COLUMNS: Final = {Sort.AUTHORITY: 0, Sort.CLUSTER: 0, Sort.HOST: 1, Sort.WORKLOAD: 1, Sort.ROLE: 2}
_LOW, _HIGH = 32.0, 48.0
_BETWEEN: Final = 12.0
_GAP: Final = 110.0
_TEXT_ROOM: Final = 230.0
_NARROWEST: Final = 110.0
_SWEEPS: Final = 8
_ALIGNMENTS: Final = 6
_PORT: Final = 7.0


@dataclass(frozen=True, slots=True)
class Box:
    """A node's rectangle in pixels, with the texts that fit into it; `x` and `y` are its upper left corner."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge, from the right side of one box to the left side of another."""

    edge: Edge
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's place and what stands in it."""

    x: float
    width: float
    sorts: tuple[Sort, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawn graph whose upper left corner is (0, 0)."""

    width: float
    height: float
    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


def layout(graph: Graph) -> Layout:
    """Lay a graph out. The same graph gives the same picture, in whatever order its nodes and edges come."""
    nodes = sorted(graph.nodes, key=lambda node: node.key)
    filled = sorted({_COLUMNS[node.sort] for node in nodes})
    columns = [[node for node in nodes if _COLUMNS[node.sort] == number] for number in filled]
    links = _Links(sorted(graph.edges))
    order = _ordered([[node.key for node in column] for column in columns], links)
    known = {node.key: node for node in nodes}
    sizes = {node.key: _size(node) for node in nodes}
    tops = _places(order, {key: height for key, (_, height) in sizes.items()}, links)
    boxes: dict[str, Box] = {}
    placed = []
    x = 0.0
    for keys in order:
        width = max(sizes[key][0] for key in keys)
        placed.append(
            Column(x, width, tuple(sort for sort in Sort if any(known[k].sort is sort for k in keys)))
        )
        for key in keys:
            boxes[key] = _box(known[key], x, tops[key], width, sizes[key][1])
        x += width + _GAP
    return Layout(
        max(x - _GAP, 0.0),
        max((box.y + box.height for box in boxes.values()), default=0.0),
        tuple(placed),
        tuple(boxes.values()),
        tuple(_curves(boxes, links)),
    )


class _Links:
    """The edges, and who is tied to whom on either side."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = edges
        self.left: dict[str, list[str]] = {}
        self.right: dict[str, list[str]] = {}
        for edge in edges:
            self.right.setdefault(edge.source, []).append(edge.target)
            self.left.setdefault(edge.target, []).append(edge.source)

    def around(self, key: str) -> list[str]:
        """Return the neighbours on both sides."""
        return [*self.left.get(key, ()), *self.right.get(key, ())]


def _ordered(columns: list[list[str]], links: _Links) -> list[list[str]]:
    """Return the columns with few crossings between them. What has no edge stands last."""
    columns = [sorted(column, key=lambda key: not links.around(key)) for column in columns]
    best, fewest = columns, crossings(columns, links.edges)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        columns = [list(column) for column in columns]
        numbers = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for number in numbers:
            other = columns[number - 1 if forth else number + 1]
            columns[number] = _by_barycentre(columns[number], other, links.left if forth else links.right)
        count = crossings(columns, links.edges)
        if count < fewest:
            best, fewest = columns, count
    return best


def _by_barycentre(
    column: Sequence[str], other: Sequence[str], tied: Mapping[str, Sequence[str]]
) -> list[str]:
    """Sort by the mean place of the neighbours in the other column; who has none there keeps its place."""
    places = {key: index / max(len(other) - 1, 1) for index, key in enumerate(other)}
    own = {key: index / max(len(column) - 1, 1) for index, key in enumerate(column)}

    def centre(key: str) -> float:
        found = [places[each] for each in tied.get(key, ()) if each in places]
        return sum(found) / len(found) if found else own[key]

    return sorted(column, key=centre)


def crossings(columns: Sequence[Sequence[str]], edges: Iterable[Edge]) -> int:
    """Count the pairs of edges that cross, from each column to the next."""
    place = {
        key: (number, index) for number, column in enumerate(columns) for index, key in enumerate(column)
    }
    count = 0
    for number in range(len(columns) - 1):
        ends = sorted(
            (place[edge.source][1], place[edge.target][1])
            for edge in edges
            if place[edge.source][0] == number
        )
        seen: list[int] = []
        for _, end in ends:
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count


def _size(node: Node) -> tuple[float, float]:
    name = text_width(harmless(node.name), NAME_SIZE, bold=True) + (SIGN if node.mark else 0.0)
    detail = text_width(harmless(node.detail), DETAIL_SIZE)
    text = ceil(min(max(name, detail), _TEXT_ROOM))
    return max(text + 2 * PADDING + 1, _NARROWEST), _HIGH if node.detail else _LOW


def _box(node: Node, x: float, y: float, width: float, height: float) -> Box:
    room = width - 2 * PADDING
    name = shortened(harmless(node.name), room - (SIGN if node.mark else 0.0), NAME_SIZE, bold=True)
    return Box(node, x, y, width, height, name, shortened(harmless(node.detail), room, DETAIL_SIZE))


def _places(
    order: Sequence[Sequence[str]], heights: Mapping[str, float], links: _Links
) -> Mapping[str, float]:
    """Return the top of each box, the highest at 0: near its neighbours, in order, and apart from each other."""
    centres: dict[str, float] = {}
    for column in order:
        whole = sum(heights[key] + _BETWEEN for key in column)
        y = -whole / 2
        for key in column:
            centres[key] = y + heights[key] / 2
            y += heights[key] + _BETWEEN
    for _ in range(_ALIGNMENTS):
        for column in order:
            wanted = [_mean([centres[each] for each in links.around(key)], centres[key]) for key in column]
            distances = [(heights[a] + heights[b]) / 2 + _BETWEEN for a, b in pairwise(column)]
            centres.update(zip(column, _apart(wanted, distances), strict=True))
    highest = min((centre - heights[key] / 2 for key, centre in centres.items()), default=0.0)
    return {key: round(centre - heights[key] / 2 - highest, 1) for key, centre in centres.items()}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _apart(wanted: Sequence[float], distances: Sequence[float]) -> Iterator[float]:
    """Yield places in order, at least these distances from each other, with the least squares from where they are wanted.

    Isotonic regression: neighbours that are too close are moved as one, to their mean.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    moved = (mean for mean, count in blocks for _ in range(count))
    return (place + offset for place, offset in zip(moved, offsets, strict=False))


def _curves(boxes: Mapping[str, Box], links: _Links) -> Iterator[Curve]:
    starts = _ports(boxes, links.right)
    ends = _ports(boxes, links.left)
    for edge in links.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        start = (source.x + source.width, starts[edge.source, edge.target])
        yield Curve(edge, start, (target.x, ends[edge.target, edge.source]))


def _ports(boxes: Mapping[str, Box], tied: Mapping[str, Sequence[str]]) -> Mapping[tuple[str, str], float]:
    """Return at which height each edge meets a side of its box: beside each other, in the order of the other ends."""
    found = {}
    for key, others in tied.items():
        box = boxes[key]
        step = min(_PORT, (box.height - 2 * _PORT) / max(len(others) - 1, 1))
        first = box.y + box.height / 2 - step * (len(others) - 1) / 2
        for index, other in enumerate(sorted(others, key=lambda each: (boxes[each].y, each))):
            found[key, other] = round(first + step * index, 1)
    return found
