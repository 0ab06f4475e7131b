"""Graphs to draw: of files with the real kinds behind them, of crowds, of any names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from tests.unit.kinds.samples import namespace, parts

from iam_ra.engine.action import Action
from iam_ra.engine.part import UNKNOWN, Recorded, resolve
from iam_ra.engine.plan import Change, Plan
from iam_ra.render.graph import Edge, Graph, Mark, Node, Sort

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.config.model import Namespace
    from iam_ra.engine.part import Part

FILE = """\
certificate_authorities: {default: {}, factory: {key_store: kms}}
roles:
  admin: {ca: default}
  idle: {}
  reader: {}
hosts:
  robot: {ca: factory, roles: [reader]}
  web: {identity: web.example.com, roles: [admin, reader], default_role: reader}
"""
CLUSTERS = """\
clusters:
  prod:
    workloads:
      payments/api: {role: reader}
      payments/batch: {role: reader, disabled: true}
"""
# What would end a quoted string, a label, an element or a line, in any of the languages.
HOSTILE = (
    'a"b',
    "</script><b>x</b>",
    "end",
    "1. one",
    "- two",
    "www.example.com",
    "`code`",
    "#quot;#35;",
    "back\\",
    "{{x}}[y](z)",
    "%%{init: {}}%%",
    "\n]\r\x1b[31m\x00",
    "]]>",
    "--><!--",
    "&lt;&#60;",
    'click x "javascript:alert(1)"',
    "abc\u202ecba",
    "漢字🦊" * 20,
    "﷽" * 20,
    "x" * 300,
)


def loaded(folder: Path, text: str = FILE, clusters: str = CLUSTERS) -> Namespace:
    """Return a file's namespace, and with it a cluster of two workloads."""
    return namespace(folder, text + clusters)


def plan_between(before: Namespace, after: Namespace) -> Plan:
    """Return what the real kinds would have to do, without reasons and order."""
    old, new = parts(before), parts(after)
    changes = [_change(old.get(each), new.get(each)) for each in sorted({*old, *new})]
    known = {address: _recorded(part) for address, part in old.items()}
    made = tuple(each for each in changes if each is not None)
    touched = {each.address for each in made}
    return Plan(made, known, {address: each for address, each in known.items() if address not in touched})


def _change(old: Part | None, new: Part | None) -> Change | None:
    part = new or old
    assert part is not None
    if old is None or new is None:
        action = Action.CREATE if old is None else Action.DELETE
    elif old.inputs == new.inputs:
        return None
    else:
        action = Action.UPDATE
    recorded = None if old is None else _recorded(old)
    inputs = resolve(part.inputs, lambda _: UNKNOWN)
    return Change(part.address, part.kind, action, (), inputs=inputs, recorded=recorded)


def _recorded(part: Part) -> Recorded:
    return Recorded(part.address, part.kind, resolve(part.inputs, lambda ref: str(ref.address)), {})


def crowd(hosts: int, kinds: int = 1, roles: int = 1) -> Graph:
    """Return hosts of one authority; each takes `roles` roles, and there are `kinds` sorts of them."""
    nodes = [Node("ca/default", Sort.AUTHORITY, "default")]
    nodes += [Node(f"host/h-{number:04}", Sort.HOST, f"h-{number:04}") for number in range(hosts)]
    nodes += [Node(f"role/r-{number:04}", Sort.ROLE, f"r-{number:04}") for number in range(kinds * roles)]
    edges = []
    for number in range(hosts):
        edges.append(Edge("ca/default", f"host/h-{number:04}"))
        first = number % kinds * roles
        edges += [Edge(f"host/h-{number:04}", f"role/r-{first + each:04}") for each in range(roles)]
    return Graph("default", tuple(nodes), tuple(sorted(edges)))


def hostile() -> Graph:
    hosts = [
        Node(f"host/{name}", Sort.HOST, name, name, list(Mark)[number % 4], off=number % 3 == 0)
        for number, name in enumerate(HOSTILE)
    ]
    edges = [Edge("ca/c", each.key, each.mark, each.off) for each in hosts]
    return Graph(
        'd"<', (Node("ca/c", Sort.AUTHORITY, "c"), *hosts), tuple(edges), ('note "x" <b>',), marked=True
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph with any names."""
    names = st.text(max_size=40) | st.sampled_from(HOSTILE)
    nodes = [
        Node(f"{sort}/{name}", sort, name, draw(names | st.just("")), draw(st.sampled_from(Mark)), off=off)
        for sort in Sort
        for name in draw(st.lists(names, unique=True, max_size=6))
        for off in [draw(st.booleans())]
    ]
    keys = {sort: [node.key for node in nodes if node.sort is sort] for sort in Sort}
    takers = [*keys[Sort.HOST], *keys[Sort.WORKLOAD]]
    signers = [*keys[Sort.AUTHORITY], *keys[Sort.CLUSTER]]
    pairs = [(a, b) for a in signers for b in takers] + [(a, b) for a in takers for b in keys[Sort.ROLE]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    marks = st.sampled_from([Mark.NONE, Mark.ADDED, Mark.DELETED])
    edges = [Edge(*ends, draw(marks), draw(st.booleans())) for ends in chosen]
    notes = tuple(draw(st.lists(names, max_size=2)))
    return Graph(draw(names), tuple(nodes), tuple(sorted(edges)), notes, marked=draw(st.booleans()))
