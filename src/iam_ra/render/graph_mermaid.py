"""A graph as a Mermaid flowchart, which GitHub, GitLab and many wikis draw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from iam_ra.render.graph import Graph, Mark, Node, Sort
from iam_ra.render.style import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPES: Final = {
    Sort.AUTHORITY: ("{{", "}}"),
    Sort.CLUSTER: ("[[", "]]"),
    Sort.HOST: ("[", "]"),
    Sort.WORKLOAD: ("(", ")"),
    Sort.ROLE: ("([", "])"),
}
# Colours that can be told from a light and from a dark background.
_CLASSES: Final = {
    "added": "stroke:#2da44e,stroke-width:3px",
    "changed": "stroke:#bf8700,stroke-width:3px",
    "deleted": "stroke:#e5534b,stroke-width:3px,stroke-dasharray:5",
    "disabled": "stroke:#8b949e,stroke-dasharray:2",
}
_LINKS: Final = {
    Mark.ADDED: "stroke:#2da44e,stroke-width:3px",
    Mark.DELETED: "stroke:#e5534b,stroke-dasharray:5",
}


def graph_mermaid(graph: Graph) -> str:
    """Return the flowchart as text that ends in a newline."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    yield f"  accTitle: Who may become whom in the namespace {_escaped(graph.namespace)}"
    yield f"  accDescr: {_escaped(graph.summary)}"
    for number, note in enumerate(graph.notes):
        yield f'  note{number}>"{_escaped(note)}"]'
    for node in graph.nodes:
        yield f"  {_node(node)}"
    for edge in graph.edges:
        arrow = "-.->" if edge.off or edge.mark is Mark.DELETED else "-->"
        yield f"  {_id(edge.source)} {arrow} {_id(edge.target)}"
    used = {_class(node) for node in graph.nodes}
    for name, style in _CLASSES.items():
        if name in used:
            yield f"  classDef {name} {style}"
    for mark, style in _LINKS.items():
        numbers = [str(number) for number, edge in enumerate(graph.edges) if edge.mark is mark]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} {style}"


def _node(node: Node) -> str:
    left, right = _SHAPES[node.sort]
    name = f"{node.mark.symbol} {node.name}".strip()
    label = "<br/>".join(_escaped(each) for each in (name, node.detail) if each)
    style = _class(node)
    return f'{_id(node.key)}{left}"{label}"{right}' + (f":::{style}" if style else "")


def _class(node: Node) -> str:
    return node.mark.value or ("disabled" if node.off else "")


def _id(key: str) -> str:
    """Return an id of letters, digits and underscores that no other key has, and that is no word of the language."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: _CODES.get(found[0]) or f"_x{ord(found[0]):x}_", key)


_CODES: Final = {"/": "_s", "-": "__"}


def _escaped(text: str) -> str:
    """Return a text of which nothing can end the label, be markup or become a link: all but words as numbers."""
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"#{ord(found[0])};", harmless(text))
