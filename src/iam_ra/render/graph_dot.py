"""A graph in the DOT language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iam_ra.render.graph import Edge, Graph, Mark, Node, Sort
from iam_ra.render.style import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHAPES: Final = {
    Sort.AUTHORITY: "hexagon",
    Sort.CLUSTER: "box3d",
    Sort.HOST: "box",
    Sort.WORKLOAD: "component",
    Sort.ROLE: "ellipse",
}
_COLUMNS: Final = ((Sort.AUTHORITY, Sort.CLUSTER), (Sort.HOST, Sort.WORKLOAD), (Sort.ROLE,))
_COLORS: Final = {Mark.ADDED: "#1a7f37", Mark.CHANGED: "#9a6700", Mark.DELETED: "#cf222e"}
_BREAK: Final = "\\n"


def graph_dot(graph: Graph) -> str:
    """Return the digraph as text that ends in a newline."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    title = _lined(f"Who may become whom, namespace {graph.namespace}", *graph.notes)
    yield "digraph iam_ra {"
    yield f"  graph [{_attributes({'rankdir': 'LR', 'labelloc': 't', 'label': title})}];"
    yield f"  node [{_attributes({'fontname': 'sans-serif', 'fontsize': '11'})}];"
    for sorts in _COLUMNS:
        column = [node for node in graph.nodes if node.sort in sorts]
        if column:
            yield "  {"
            yield '    rank="same";'
            for node in column:
                yield f"    {_quoted(node.key)} [{_attributes(_of_node(node))}];"
            yield "  }"
    for edge in graph.edges:
        found = _attributes(_of_edge(edge))
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{f' [{found}]' if found else ''};"
    yield "}"


def _of_node(node: Node) -> Mapping[str, str]:
    name = f"{node.mark.symbol} {node.name}".strip()
    label = _lined(name, node.detail)
    dashed = {"style": "dashed"} if node.off or node.mark is Mark.DELETED else {}
    return {"label": label, "shape": _SHAPES[node.sort], **dashed, **_color(node.mark)}


def _of_edge(edge: Edge) -> Mapping[str, str]:
    dashed = {"style": "dashed"} if edge.off or edge.mark is Mark.DELETED else {}
    return {**dashed, **_color(edge.mark)}


def _lined(*lines: str) -> str:
    return "\n".join(harmless(each) for each in lines if each)


def _color(mark: Mark) -> Mapping[str, str]:
    return {"color": _COLORS[mark], "penwidth": "2"} if mark in _COLORS else {}


def _attributes(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_label(value)}" for name, value in values.items())


def _label(text: str) -> str:
    """Return a quoted label, in which `&lt;` would be a character."""
    return _quoted(text.replace("&", "&amp;"))


def _quoted(text: str) -> str:
    r"""Return a quoted string whose lines are lines, and in which nothing is an escape: a backslash is doubled."""
    lines = (harmless(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return f'"{_BREAK.join(lines)}"'
