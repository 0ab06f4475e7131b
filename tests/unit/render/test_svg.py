"""The picture: valid XML in which names are text, boxes apart from each other, all of it inside, and few crossings."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # our own output, which no stranger wrote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.render.graphs import FILE, crowd, graphs, hostile, loaded, plan_between

from iam_ra.render.graph import Edge, Graph, Node, Sort, fleet_graph
from iam_ra.render.graph_layout import DETAIL_SIZE, NAME_SIZE, PADDING, Layout, crossings, layout
from iam_ra.render.palette import DARK, LIGHT
from iam_ra.render.style import harmless
from iam_ra.render.svg import graph_svg
from iam_ra.render.text_width import is_measured, shortened, text_width

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def assert_apart(drawn: Layout) -> None:
    """Expect boxes that do not touch, in columns that do not touch, and curves between them."""
    for one, other in combinations(drawn.boxes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        above = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert beside or above, (one, other)
    for box in drawn.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawn.width + 0.01
        assert box.y + box.height <= drawn.height + 0.01
        room = box.width - 2 * PADDING
        assert text_width(box.name, NAME_SIZE, bold=True) <= room
        assert text_width(box.detail, DETAIL_SIZE) <= room
    places = {box.node.key: box for box in drawn.boxes}
    for curve in drawn.curves:
        source, target = places[curve.edge.source], places[curve.edge.target]
        assert curve.start[0] == source.x + source.width < curve.end[0] == target.x
        assert source.y < curve.start[1] < source.y + source.height
        assert target.y < curve.end[1] < target.y + target.height


def assert_valid(graph: Graph) -> ET.Element:
    """Expect XML of the elements that we write, with each name as text, and nothing outside the view box."""
    text = graph_svg(graph)
    root = ET.fromstring(text)  # noqa: S314
    known = {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= known
    allowed = {"class", "id", "role", "aria-labelledby", "viewBox", "width", "height", "x", "y", "rx", "d"}
    allowed |= {"transform", "textLength", "lengthAdjust"}
    assert {name for each in root.iter() for name in each.attrib} <= allowed
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    group = next(each for each in root.iter(f"{SVG}g") if "transform" in each.attrib)
    left, top = map(float, group.attrib["transform"][10:-1].split())
    inside = set(group.iter())
    for each in root.iter():
        if "x" not in each.attrib:
            continue
        x, y = float(each.attrib["x"]), float(each.attrib["y"])
        if each in inside:
            x, y = x + left, y + top
        assert x >= 0
        assert y >= 0
        assert x + float(each.attrib.get("width", 0)) <= width + 0.01
        assert y + float(each.attrib.get("height", 0)) <= height + 0.01
    titles = [each.findtext(f"{SVG}title") or "" for each in root.iter(f"{SVG}g") if each.get("class")]
    assert len(titles) == len(graph.nodes) + len(graph.edges)
    for node in graph.nodes:
        assert any(title.startswith(harmless(node.key)) for title in titles)
    return root


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_any_graph_is_drawn_in_order(graph: Graph) -> None:
    assert_apart(layout(graph))
    assert_valid(graph)


def test_names_that_are_meant_badly() -> None:
    root = assert_valid(hostile())
    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    assert "</script><b>x</b>" in texts
    assert r"\n]\r\x1b[31m\x00" in texts
    # What no table measures is held to the width that it was given.
    for each in root.iter(f"{SVG}text"):
        if each.get("class") in {"name", "detail"} and not is_measured(each.text or ""):
            assert float(each.attrib["textLength"]) > 0


@settings(deadline=None, max_examples=20)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_come_does_not_show(graph: Graph, chance: random.Random) -> None:
    nodes, edges = list(graph.nodes), list(graph.edges)
    chance.shuffle(nodes)
    chance.shuffle(edges)
    assert graph_svg(replace(graph, nodes=tuple(nodes), edges=tuple(edges))) == graph_svg(graph)


def test_a_picture_of_two_halves_has_no_crossings() -> None:
    """The hosts' names alternate between two roles; sorted by name, half of the edges would cross."""
    graph = crowd(20, kinds=2)
    drawn = layout(graph)
    columns = [
        [box.node.key for box in drawn.boxes if box.node.sort is sort]
        for sort in (Sort.AUTHORITY, Sort.HOST, Sort.ROLE)
    ]
    assert crossings(columns, graph.edges) == 0
    assert crossings([sorted(each) for each in columns], graph.edges) > 40


@settings(deadline=None, max_examples=30)
@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_crossings_are_counted_as_by_hand(pairs: set[tuple[int, int]]) -> None:
    edges = [Edge(f"a{one}", f"b{two}") for one, two in pairs]
    columns = [[f"a{number}" for number in range(8)], [f"b{number}" for number in range(8)]]
    by_hand = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(sorted(pairs), 2))
    assert crossings(columns, edges) == by_hand


def test_a_role_stands_beside_its_only_host() -> None:
    nodes = [
        Node("ca/a", Sort.AUTHORITY, "a"),
        Node("host/h", Sort.HOST, "h"),
        Node("role/r", Sort.ROLE, "r"),
    ]
    graph = Graph("n", tuple(nodes), (Edge("ca/a", "host/h"), Edge("host/h", "role/r")))
    assert {box.y for box in layout(graph).boxes} == {0.0}


def test_nothing_at_all_is_a_picture_too() -> None:
    root = assert_valid(Graph("n", (), ()))
    assert root.findtext(f"{SVG}desc") == "Namespace n: nothing."


def test_a_picture_says_what_it_is_to_whoever_does_not_see_it(tmp_path: Path) -> None:
    root = assert_valid(fleet_graph(loaded(tmp_path)))
    ids = {each.get("id"): each.text for each in root if each.get("id")}
    assert root.get("role") == "img"
    assert set((root.get("aria-labelledby") or "").split()) == set(ids)
    assert list(ids.values()) == [
        "Who may become whom",
        "Namespace default: 2 authorities, 1 cluster, 2 hosts, 2 workloads, 3 roles.",
    ]


def test_a_plan_is_drawn(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    before = loaded(tmp_path)
    after = loaded(tmp_path, FILE.replace("robot:", "cobot:").replace("admin, reader]", "reader, idle]"))
    graph = fleet_graph(after, plan_between(before, after))
    text = graph_svg(graph)
    golden("graph.svg", text)
    legend = [each.text for each in ET.fromstring(text).iter(f"{SVG}text")][-6:]  # noqa: S314
    assert legend == ["+", "added", "~", "changed", "\N{MINUS SIGN}", "deleted"]


@pytest.mark.parametrize("size", [11.0, 13.0])
@given(st.text(max_size=60), st.floats(20, 200))
def test_a_text_is_cut_to_its_room_and_not_more(size: float, text: str, room: float) -> None:
    cut = shortened(text, room, size)
    assert cut == text or (text_width(cut, size) <= room and "…" in cut and len(cut) <= len(text))


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_signs_can_be_told_from_what_is_behind_them(colors: dict[str, str]) -> None:
    assert colors.keys() == LIGHT.keys()
    assert re.fullmatch(r"#[0-9a-f]{6}( #[0-9a-f]{6})*", " ".join(colors.values()))
    grounds = [name for name in colors if name in {"ground", "raised"} or name.endswith("-ground")]
    for ground in grounds:
        for text in ("ink", "quiet", "accent"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for mark in ("added", "changed", "deleted"):
        for ground in ("ground", "raised", f"{mark}-ground"):
            assert contrast(colors[mark], colors[ground]) >= 4.5, (mark, ground)
    for sort in ("authority", "cluster", "host", "workload", "role", "edge"):
        for ground in ("ground", "raised"):
            assert contrast(colors[sort], colors[ground]) >= 3, (sort, ground)
