"""A graph as a picture: one SVG file that needs nothing else, readable in light and dark, with text that is text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from iam_ra.render.graph import Edge, Graph, Mark, Node, Sort
from iam_ra.render.graph_layout import DETAIL_SIZE, NAME_SIZE, PADDING, Box, Curve, Layout, layout
from iam_ra.render.palette import FONTS, themed
from iam_ra.render.style import harmless
from iam_ra.render.text_width import is_measured, text_width

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARGIN: Final = 24.0
_TITLE_SIZE: Final = 17.0
_LINE: Final = 17.0
_NARROWEST: Final = 560.0
_SORTS: Final = {
    Sort.AUTHORITY: "authority",
    Sort.CLUSTER: "cluster",
    Sort.HOST: "host",
    Sort.WORKLOAD: "workload",
    Sort.ROLE: "role",
}
_HEADINGS: Final = {
    (Sort.AUTHORITY,): "Authorities",
    (Sort.CLUSTER,): "Clusters",
    (Sort.AUTHORITY, Sort.CLUSTER): "Authorities, clusters",
    (Sort.HOST,): "Hosts",
    (Sort.WORKLOAD,): "Workloads",
    (Sort.HOST, Sort.WORKLOAD): "Hosts, workloads",
    (Sort.ROLE,): "Roles",
}
# What a class means is in the palette: each box has the colour of its sort, each sign that of its change.
STYLE: Final = (
    themed(".iam-ra-graph")
    + f".iam-ra-graph{{font-family:{FONTS};fill:var(--ink)}}"
    + ".iam-ra-graph .sheet{fill:var(--ground)}"
    + f".iam-ra-graph .title{{font-size:{_TITLE_SIZE:g}px;font-weight:600}}"
    + f".iam-ra-graph .name{{font-size:{NAME_SIZE:g}px;font-weight:600}}"
    + f".iam-ra-graph .detail,.iam-ra-graph .heading,.iam-ra-graph .note{{font-size:{DETAIL_SIZE:g}px;fill:var(--quiet)}}"
    + ".iam-ra-graph .heading{font-weight:600}"
    + ".iam-ra-graph .note{font-size:12px;fill:var(--changed)}"
    + ".iam-ra-graph .box{fill:var(--raised);stroke:var(--line)}"
    + ".iam-ra-graph .edge path{fill:none;stroke:var(--edge);stroke-width:1.3;opacity:.7}"
    + ".iam-ra-graph .edge:hover path{stroke:var(--accent);stroke-width:3;opacity:1}"
    + ".iam-ra-graph .off path{stroke-dasharray:2 4}"
    + ".iam-ra-graph .off .box{stroke-dasharray:2 3}"
    + ".iam-ra-graph .sign{font-size:15px;font-weight:700}"
    + "".join(f".iam-ra-graph .bar.{each}{{fill:var(--{each})}}" for each in _SORTS.values())
    + "".join(
        f".iam-ra-graph .{mark} .box{{stroke:var(--{mark});stroke-width:1.6;fill:var(--{mark}-ground)}}"
        f".iam-ra-graph .{mark} .sign,.iam-ra-graph .sign.{mark}{{fill:var(--{mark})}}"
        f".iam-ra-graph .edge.{mark} path{{stroke:var(--{mark});stroke-width:2;opacity:1}}"
        for mark in ("added", "changed", "deleted")
    )
    + ".iam-ra-graph .deleted .box,.iam-ra-graph .edge.deleted path{stroke-dasharray:6 4}"
    + ".iam-ra-graph .deleted .name{text-decoration:line-through}"
)
_SIGNS: Final = {Mark.ADDED: "+", Mark.CHANGED: "~", Mark.DELETED: "\N{MINUS SIGN}"}


def graph_svg(graph: Graph, *, title: bool = True) -> str:
    """Return the picture as XML that ends in a newline; it can stand in a page of HTML as it is, there without a visible title."""
    return "".join(f"{line}\n" for line in _lines(graph, layout(graph), _TITLE_SIZE + 12 if title else 0.0))


def _lines(graph: Graph, drawn: Layout, head: float) -> Iterator[str]:
    width = max(drawn.width, _NARROWEST)
    notes = [line for note in graph.notes for line in _wrapped(harmless(note), width)]
    left, top = _MARGIN + (width - drawn.width) / 2, _MARGIN + head + len(notes) * _LINE + 30
    bottom = top + drawn.height + _MARGIN + (28 if graph.marked else 0)
    full = width + 2 * _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="iam-ra-graph" role="img" aria-labelledby="iam-ra-graph-title '
        f'iam-ra-graph-desc" viewBox="0 0 {full:g} {bottom:g}" width="{full:g}" height="{bottom:g}">'
    )
    yield '<title id="iam-ra-graph-title">Who may become whom</title>'
    yield f'<desc id="iam-ra-graph-desc">{_escaped(graph.summary)}</desc>'
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="sheet" width="{full:g}" height="{bottom:g}"/>'
    if head:
        yield _text("title", "Who may become whom", _MARGIN, _MARGIN + _TITLE_SIZE * 0.8)
    for number, note in enumerate(notes):
        yield _text("note", note, _MARGIN, _MARGIN + head + 10 + number * _LINE)
    yield f'<g transform="translate({left:g} {top:g})">'
    for column in drawn.columns:
        yield _text("heading", _HEADINGS[column.sorts], column.x, -14)
    for curve in drawn.curves:
        yield _curve(curve)
    for box in drawn.boxes:
        yield from _box(box)
    yield "</g>"
    if graph.marked:
        yield from _legend(bottom - _MARGIN)
    yield "</svg>"


def _wrapped(text: str, width: float) -> list[str]:
    # The mean character of a sentence is a little over half as wide as the font is high.
    return textwrap.wrap(text, max(int(width / 7.4), 20))


def _box(box: Box) -> Iterator[str]:
    node = box.node
    yield f'<g class="{_classes("node", node)}"><title>{_escaped(_told(node))}</title>'
    size = f'width="{box.width:g}" height="{box.height:g}"'
    yield f'<rect class="box" x="{box.x:g}" y="{box.y:g}" {size} rx="7"/>'
    yield (
        f'<rect class="bar {_SORTS[node.sort]}" x="{box.x:g}" y="{box.y + 6:g}" width="4" height="{box.height - 12:g}" rx="2"/>'
    )
    middle = box.y + box.height / 2
    baseline = middle - 4 if box.detail else middle + NAME_SIZE * 0.36
    yield _text("name", box.name, box.x + PADDING, baseline, text_width(box.name, NAME_SIZE, bold=True))
    if box.detail:
        yield _text("detail", box.detail, box.x + PADDING, middle + 13, text_width(box.detail, DETAIL_SIZE))
    if node.mark:
        yield _text("sign", _SIGNS[node.mark], box.x + box.width - 20, baseline + 1)
    yield "</g>"


def _curve(curve: Curve) -> str:
    (x1, y1), (x2, y2) = curve.start, curve.end
    half = (x2 - x1) / 2
    path = f"M{x1:g} {y1:g}C{x1 + half:g} {y1:g} {x2 - half:g} {y2:g} {x2:g} {y2:g}m-5 -3l5 3l-5 3"
    return f'<g class="{_classes("edge", curve.edge)}"><title>{_escaped(_said(curve.edge))}</title><path d="{path}"/></g>'


def _classes(first: str, thing: Node | Edge) -> str:
    return " ".join(each for each in (first, thing.mark.value, "off" if thing.off else "") if each)


def _told(node: Node) -> str:
    crowd = f"{node.name}: " if node.members > 1 else ""
    return f"{crowd}{node.key}" + "".join(f", {each}" for each in (node.detail, node.mark.value) if each)


def _said(edge: Edge) -> str:
    return f"{edge.source} {edge.verb} {edge.target}" + (f", {edge.mark.value}" if edge.mark else "")


def _legend(y: float) -> Iterator[str]:
    x = _MARGIN
    for mark, sign in _SIGNS.items():
        yield _text(f"sign {mark.value}", sign, x, y)
        yield _text("detail", mark.value, x + 15, y)
        x += 28 + text_width(mark.value, DETAIL_SIZE)


def _text(style: str, text: str, x: float, y: float, width: float = 0.0) -> str:
    """Return a line of text. One of which no table says how wide it is, is drawn `width` wide, whatever the font."""
    held = (
        "" if is_measured(text) or not width else f' textLength="{width:g}" lengthAdjust="spacingAndGlyphs"'
    )
    return f'<text class="{style}" x="{x:g}" y="{y:g}"{held}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    return escape(harmless(text), {'"': "&quot;"})
