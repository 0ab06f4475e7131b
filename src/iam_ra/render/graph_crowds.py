"""A graph that is too large for a picture, made smaller: alike hosts become one node, and then whole hosts are left out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iam_ra.render.graph import Edge, Graph, Mark, Node, Sort
from iam_ra.render.problems import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Past that many edges a picture shows no single one any more.
LIMIT: Final = 400
_TAKERS: Final = frozenset({Sort.HOST, Sort.WORKLOAD})


def condensed(graph: Graph, limit: int = LIMIT) -> Graph:
    """Return a graph of at most `limit` edges. Its notes say what was done about the others.

    A host or workload is never shown with a part of its edges.
    """
    if len(graph.edges) <= limit:
        return graph
    smaller = _crowded(graph, limit)
    return smaller if len(smaller.edges) <= limit else _cut(smaller, limit)


def _crowded(graph: Graph, limit: int) -> Graph:
    """Draw hosts, and workloads, that differ in nothing but their names as one."""
    touching = _touching(graph)
    alike: defaultdict[object, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.sort in _TAKERS:
            ends = frozenset(
                edge._replace(
                    source="" if edge.source == node.key else edge.source,
                    target="" if edge.target == node.key else edge.target,
                )
                for edge in touching.get(node.key, ())
            )
            alike[node.sort, node.mark, node.off, ends].append(node)
    crowds = {members[0].key: _crowd(members) for members in alike.values() if len(members) > 1}
    drawn_by = {
        each.key: members[0].key for members in alike.values() if len(members) > 1 for each in members
    }
    if not crowds:
        return graph
    nodes = [
        crowds.get(each.key, each) for each in graph.nodes if drawn_by.get(each.key, each.key) == each.key
    ]
    edges = [
        edge
        for edge in graph.edges
        if all(drawn_by.get(end, end) == end for end in (edge.source, edge.target))
    ]
    note = (
        f"{len(graph.edges):,} arrows are more than the {limit:,} that are drawn singly: those with the same authority "
        "and the same roles are one box."
    )
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges), notes=(*graph.notes, note))


def _crowd(members: Sequence[Node]) -> Node:
    first, last = members[0], members[-1]
    name = plural(len(members), first.sort.value)
    joint = ", " if len(members) == 2 else " … "  # noqa: PLR2004 - the first and the last are all of them
    return replace(first, name=name, detail=f"{first.name}{joint}{last.name}", members=len(members))


def _cut(graph: Graph, limit: int) -> Graph:
    """Keep what changes first, then the largest crowds, as long as there is room; leave the others out whole."""
    touching = _touching(graph)
    takers = [node for node in graph.nodes if node.sort in _TAKERS]
    room, kept = limit, set[str]()
    for node in sorted(takers, key=lambda each: (each.mark is Mark.NONE, -each.members, each.key)):
        count = len(touching.get(node.key, ()))
        if count <= room:
            room -= count
            kept.add(node.key)
    edges = tuple(edge for edge in graph.edges if edge.source in kept or edge.target in kept)
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    nodes = tuple(
        node
        for node in graph.nodes
        if (node.key in kept if node.sort in _TAKERS else node.key in ends or node.key not in touching)
    )
    out = [
        plural(count, sort.value)
        for sort in (Sort.HOST, Sort.WORKLOAD)
        if (count := sum(node.members for node in takers if node.sort is sort and node.key not in kept))
    ]
    note = f"Not in the picture, which holds {limit:,} arrows at most: {' and '.join(out)}, and what only they use."
    return replace(graph, nodes=nodes, edges=edges, notes=(*graph.notes, note))


def _touching(graph: Graph) -> Mapping[str, list[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        found[edge.source].append(edge)
        found[edge.target].append(edge)
    return found
