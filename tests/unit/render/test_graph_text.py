"""Graphs as Mermaid and DOT: names from outside are labels and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given, settings
from tests.unit.render.graphs import FILE, graphs, hostile, loaded, plan_between

from iam_ra.render.graph import Graph, Mark, fleet_graph
from iam_ra.render.graph_dot import graph_dot
from iam_ra.render.graph_mermaid import graph_mermaid
from iam_ra.render.style import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Each line of a flowchart that we write, with the only texts that come from outside: words, spaces and numbers.
_ID = "(?:[A-Za-z0-9_]+)"
_TEXT = "(?:[A-Za-z0-9 ]|#[0-9]+;)*"
_NODE = (
    rf'  {_ID}(?:\{{\{{|\[\[|\(\[|\[|\()"{_TEXT}(?:<br/>{_TEXT})?"(?:\}}\}}|\]\]|\]\)|\]|\))(?::::[a-z]+)?'
)
_EDGE = rf"  {_ID} (?:-->|-\.->) {_ID}"
_LINES = (
    r"flowchart LR",
    rf"  acc(?:Title|Descr): {_TEXT}",
    rf'  note\d+>"{_TEXT}"\]',
    _NODE,
    _EDGE,
    r"  classDef [a-z]+ [a-z0-9:#,-]+",
    r"  linkStyle [\d,]+ [a-z0-9:#,-]+",
)
# The tokens of DOT (https://graphviz.org/doc/info/lang.html), a quoted string without a line break.
_TOKEN = re.compile(r'\s*("(?:[^"\\\n]|\\[^\n])*"|->|[{}\[\];=,]|[A-Za-z_][A-Za-z0-9_]*)')


def tokens(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        assert found, text[place : place + 40]
        yield found[1]
        place = found.end()


class Dot:
    """A strict reader of the part of DOT that we write."""

    def __init__(self, text: str) -> None:
        self._tokens = [*tokens(text), "end"]
        self.labels: dict[str, str] = {}
        self.edges: list[tuple[str, str]] = []
        self.title = ""
        for each in ("digraph", "iam_ra"):
            self._take(each)
        self._block()
        assert self._tokens == ["end"]

    def _take(self, *wanted: str) -> str:
        token = self._tokens.pop(0)
        assert not wanted or token in wanted, (token, wanted)
        return token

    def _block(self) -> None:
        self._take("{")
        while self._tokens[0] != "}":
            self._statement()
        self._take("}")

    def _statement(self) -> None:
        if self._tokens[0] == "{":
            self._block()
            return
        name = self._take()
        if self._tokens[0] == "=":
            assert name == "rank"
            self._take("=")
            self._take('"same"')
        elif self._tokens[0] == "->":
            self._take("->")
            self.edges.append((unquoted(name), unquoted(self._take())))
            self._attributes()
        else:
            found = self._attributes()
            if name == "graph":
                self.title = found["label"]
            elif name != "node":
                self.labels[unquoted(name)] = found["label"]
        self._take(";")

    def _attributes(self) -> dict[str, str]:
        found = {}
        if self._tokens[0] == "[":
            while self._take("[", ",", "]") != "]":
                if self._tokens[0] == "]":
                    continue
                name = self._take(
                    "label",
                    "shape",
                    "style",
                    "color",
                    "penwidth",
                    "rankdir",
                    "labelloc",
                    "fontname",
                    "fontsize",
                )
                self._take("=")
                found[name] = unquoted(self._take())
        return found


def unquoted(token: str) -> str:
    assert token.startswith('"')
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), token[1:-1])


def shown(*lines: str) -> str:
    return "\n".join(harmless(each) for each in lines if each)


def assert_whole(graph: Graph) -> None:
    """Expect that either text has each node and each edge, and nothing else."""
    lines = graph_mermaid(graph).splitlines()
    kinds = [next((each for each in _LINES if re.fullmatch(each, line)), line) for line in lines]
    assert [kinds.count(each) for each in (_NODE, _EDGE)] == [len(graph.nodes), len(graph.edges)]
    assert set(kinds) <= set(_LINES)
    dot = Dot(graph_dot(graph))
    for node in graph.nodes:
        name = f"{node.mark.symbol} {node.name}".strip()
        assert dot.labels[harmless_key(node.key)].replace("&amp;", "&") == shown(name, node.detail)
    assert len(dot.edges) == len(graph.edges)


def harmless_key(key: str) -> str:
    return "\n".join(harmless(line) for line in key.split("\n"))


def numbers_decoded(text: str) -> str:
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


@settings(deadline=None, max_examples=30)
@given(graphs())
def test_no_name_is_more_than_a_label(graph: Graph) -> None:
    assert_whole(graph)


def test_names_that_are_meant_badly() -> None:
    graph = hostile()
    assert_whole(graph)
    text = graph_mermaid(graph)
    labels = [numbers_decoded(each) for each in re.findall(r'^  host\w*\["(.*)"\]', text, re.MULTILINE)]
    assert labels == [
        "<br/>".join((f"{node.mark.symbol} {harmless(node.name)}".strip(), harmless(node.name)))
        for node in graph.nodes[1:]
    ]
    ids = re.findall(r'^  (host\w*)\["', text, re.MULTILINE)
    assert len(set(ids)) == len(ids) == len(graph.nodes) - 1


def test_a_plan_in_both(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    before = loaded(tmp_path)
    after = loaded(tmp_path, FILE.replace("robot:", "cobot:").replace("admin, reader]", "reader, idle]"))
    graph = fleet_graph(after, plan_between(before, after))
    assert {edge.mark for edge in graph.edges} == {Mark.NONE, Mark.ADDED, Mark.DELETED}
    golden("graph.mmd", graph_mermaid(graph))
    golden("graph.dot", graph_dot(graph))
