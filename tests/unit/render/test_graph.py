"""The graph of a file: who signs, who may take what, what a plan changes; and what becomes of one that is too large."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.kinds.samples import namespace
from tests.unit.render.graphs import CLUSTERS, FILE, crowd, loaded, plan_between

from iam_ra.engine.address import Address
from iam_ra.render.graph import Edge, Graph, Mark, fleet_graph
from iam_ra.render.graph_crowds import LIMIT, condensed

if TYPE_CHECKING:
    from pathlib import Path


def arrows(graph: Graph, mark: Mark | None = None) -> set[str]:
    return {
        f"{edge.source} {edge.verb} {edge.target}"
        for edge in graph.edges
        if mark is None or edge.mark is mark
    }


def marked(graph: Graph, mark: Mark) -> set[str]:
    return {node.key for node in graph.nodes if node.mark is mark}


def test_a_file_says_who_signs_and_who_may_take_what(tmp_path: Path) -> None:
    graph = fleet_graph(loaded(tmp_path))
    assert arrows(graph) == {
        "ca/default signs host/web",
        "ca/factory signs host/robot",
        "cluster/prod signs workload/prod/payments/api",
        "cluster/prod signs workload/prod/payments/batch",
        "host/robot may take role/reader",
        "host/web may take role/admin",
        "host/web may take role/reader",
        "workload/prod/payments/api may take role/reader",
        "workload/prod/payments/batch may take role/reader",
    }
    assert {node.key: (node.name, node.detail) for node in graph.nodes} == {
        "ca/default": ("default", "self-signed, key in a file"),
        "ca/factory": ("factory", "self-signed, key in KMS"),
        "cluster/prod": ("prod", "authority sealed with SOPS"),
        "host/robot": ("robot", ""),
        "host/web": ("web", "web.example.com"),
        "workload/prod/payments/api": ("payments/api", "prod.payments.api"),
        "workload/prod/payments/batch": ("payments/batch", "prod.payments.batch, disabled"),
        "role/admin": ("admin", "only by default"),
        "role/idle": ("idle", "nobody may take it"),
        "role/reader": ("reader", ""),
    }
    assert graph.summary == "Namespace default: 2 authorities, 1 cluster, 2 hosts, 2 workloads, 3 roles."
    assert {edge.source for edge in graph.edges if edge.off} == {"workload/prod/payments/batch"}
    assert (graph.marked, graph.notes) == (False, ())


@pytest.mark.parametrize(
    ("edit", "off"),
    [
        ("factory: {disabled: true}", {"ca/factory signs host/robot", "host/robot may take role/reader"}),
        ("robot: {disabled: true, ca: factory", {"host/robot may take role/reader"}),
        ("admin: {disabled: true, ca", {"host/web may take role/admin"}),
    ],
)
def test_what_is_disabled_opens_nothing(edit: str, off: set[str], tmp_path: Path) -> None:
    key = edit.partition(":")[0]
    text = FILE.replace("factory: {key_store: kms}", edit) if key == "factory" else ""
    text = text or FILE.replace(f"{key}: {{ca", edit.removesuffix(": factory"))
    graph = fleet_graph(namespace(tmp_path, text))
    assert {f"{edge.source} {edge.verb} {edge.target}" for edge in graph.edges if edge.off} == off
    assert any(node.off and node.detail.endswith("disabled") for node in graph.nodes)


def test_what_a_cluster_signs_counts_once_its_authority_is_known(tmp_path: Path) -> None:
    text = "roles: {reader: {}}\nhosts: {}\nclusters:\n"
    text += "  born: {ca: {delivery: cluster}, workloads: {web/shop: {role: reader}}}\n"
    text += "  lost: {disabled: true, workloads: {web/shop: {role: reader}}}\n"
    graph = fleet_graph(namespace(tmp_path, text))
    assert {node.name: node.detail for node in graph.nodes if node.key.startswith("cluster/")} == {
        "born": "authority born there, its certificate is awaited",
        "lost": "authority sealed with SOPS, disabled",
    }
    assert len(graph.edges) == 4
    assert all(edge.off for edge in graph.edges)


def test_the_order_of_the_file_does_not_show(tmp_path: Path) -> None:
    head, hosts = FILE.split("hosts:\n")
    turned = "hosts:\n" + "\n".join(reversed(hosts.splitlines())) + "\n" + head
    assert fleet_graph(loaded(tmp_path, turned)) == fleet_graph(loaded(tmp_path))


def test_a_plan_marks_what_it_changes(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    after = loaded(
        tmp_path,
        FILE.replace("  robot: {ca: factory, roles: [reader]}\n", "  new: {roles: [fresh]}\n")
        .replace("roles: [admin, reader], default_role: reader", "roles: [fresh]")
        .replace("  idle: {}\n", "  fresh: {}\n"),
    )
    graph = fleet_graph(after, plan_between(before, after))
    assert graph.marked
    assert marked(graph, Mark.ADDED) == {"host/new", "role/fresh"}
    assert marked(graph, Mark.DELETED) == {"host/robot", "role/idle"}
    assert marked(graph, Mark.CHANGED) == {"host/web", "role/admin", "role/reader"}
    assert arrows(graph, Mark.ADDED) == {
        "ca/default signs host/new",
        "host/new may take role/fresh",
        "host/web may take role/fresh",
    }
    assert arrows(graph, Mark.DELETED) == {
        "ca/factory signs host/robot",
        "host/robot may take role/reader",
        "host/web may take role/admin",
        "host/web may take role/reader",
    }


def test_a_plan_marks_another_authority_and_another_role_among_several(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    after = loaded(
        tmp_path,
        FILE.replace("{ca: factory, roles: [reader]}", "{roles: [idle, reader], default_role: idle}"),
    )
    graph = fleet_graph(after, plan_between(before, after))
    assert arrows(graph, Mark.ADDED) == {"ca/default signs host/robot", "host/robot may take role/idle"}
    assert arrows(graph, Mark.DELETED) == {"ca/factory signs host/robot"}
    assert "host/robot may take role/reader" in arrows(graph, Mark.NONE)


def test_a_plan_marks_workloads(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    clusters = CLUSTERS.replace("api: {role: reader", "new: {role: idle").replace(
        "batch: {role: reader", "batch: {role: idle"
    )
    after = loaded(tmp_path, clusters=clusters)
    graph = fleet_graph(after, plan_between(before, after))
    api, batch, new = (f"workload/prod/payments/{name}" for name in ("api", "batch", "new"))
    assert marked(graph, Mark.ADDED) == {new}
    assert marked(graph, Mark.DELETED) == {api}
    assert arrows(graph, Mark.ADDED) == {
        f"cluster/prod signs {new}",
        f"{new} may take role/idle",
        f"{batch} may take role/idle",
    }
    assert arrows(graph, Mark.DELETED) == {
        f"cluster/prod signs {api}",
        f"{api} may take role/reader",
        f"{batch} may take role/reader",
    }


def test_an_empty_plan_and_a_first_one(tmp_path: Path) -> None:
    whole = loaded(tmp_path)
    same = fleet_graph(whole, plan_between(whole, whole))
    assert same == replace(fleet_graph(whole), marked=True)
    nothing = replace(whole, authorities={}, roles={}, hosts={}, clusters={})
    first = fleet_graph(whole, plan_between(nothing, whole))
    assert {node.mark for node in first.nodes} == {edge.mark for edge in first.edges} == {Mark.ADDED}


def test_what_a_plan_leaves_out_is_said(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    after = loaded(tmp_path, FILE + "  new: {roles: [reader]}\n")
    plan = plan_between(before, after).selected({Address("role/reader", "stack")})
    (note,) = fleet_graph(after, plan).notes
    assert note.startswith(f"The plan leaves {len(plan.left_out)} changes out.")


def test_a_picture_that_is_not_too_large_stays() -> None:
    graph = crowd(LIMIT // 2)
    assert len(graph.edges) == LIMIT
    assert condensed(graph) is graph


def test_alike_hosts_become_one_box_and_that_is_said() -> None:
    graph = condensed(crowd(300, kinds=3))
    assert [(node.name, node.detail, node.members) for node in graph.nodes if node.members > 1] == [
        ("100 hosts", "h-0000 … h-0297", 100),
        ("100 hosts", "h-0001 … h-0298", 100),
        ("100 hosts", "h-0002 … h-0299", 100),
    ]
    assert len(graph.edges) == 6
    assert graph.summary == "Namespace default: 1 authority, 300 hosts, 3 roles."
    (note,) = graph.notes
    assert note.startswith("600 arrows are more than the 400 that are drawn singly")


def test_a_change_does_not_hide_in_a_crowd() -> None:
    graph = crowd(300)
    nodes = tuple(replace(each, mark=Mark.CHANGED) if each.name == "h-0007" else each for each in graph.nodes)
    edges = tuple(
        each._replace(mark=Mark.ADDED) if each.source == "host/h-0009" else each for each in graph.edges
    )
    smaller = condensed(replace(graph, nodes=nodes, edges=edges))
    assert {node.name for node in smaller.nodes} == {"default", "h-0007", "h-0009", "298 hosts", "r-0000"}


def test_what_is_still_too_large_is_cut_by_whole_hosts_and_that_is_said() -> None:
    graph = crowd(450, kinds=225, roles=4)
    changed = tuple(
        replace(each, mark=Mark.CHANGED) if each.name == "h-0449" else each for each in graph.nodes
    )
    lonely = replace(changed[-1], key="role/unused", name="unused")
    smaller = condensed(replace(graph, nodes=(*changed, lonely)))
    assert len(smaller.edges) <= LIMIT
    kept = {node.key for node in smaller.nodes}
    assert {"host/h-0449", "role/unused"} <= kept
    assert {end for edge in smaller.edges for end in (edge.source, edge.target)} | {"role/unused"} == kept
    for node in smaller.nodes:
        if node.key.startswith("host/"):
            assert sum(node.key in (edge.source, edge.target) for edge in smaller.edges) == 5
    drawn = sum(node.members for node in smaller.nodes if node.key.startswith("host/"))
    assert smaller.notes[1] == (
        f"Not in the picture, which holds 400 arrows at most: {450 - drawn} hosts, and what only they use."
    )


def test_a_host_that_alone_has_too_many_edges_is_left_out() -> None:
    graph = crowd(2, kinds=1, roles=5)
    one = replace(graph, edges=(*graph.edges, Edge("host/h-0000", "role/other")))
    smaller = condensed(one, limit=5)
    assert not smaller.edges
    assert [node.key for node in smaller.nodes] == []
