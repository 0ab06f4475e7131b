"""Who may become whom as a graph: authorities sign certificates, hosts and workloads take roles with them.

It comes from the file alone. With a plan, what that changes is marked, and what it deletes is there too. The exporters
(`graph_mermaid`, `graph_dot`, `svg`) draw it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from iam_ra.config.model import CLUSTERS, entity_of
from iam_ra.engine.action import Action
from iam_ra.render.problems import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import ClusterDelivery, KeyPlace, Namespace
    from iam_ra.engine.plan import Plan


class Sort(StrEnum):
    """What a node stands for, as its address begins."""

    AUTHORITY = "ca"
    CLUSTER = "cluster"
    HOST = "host"
    WORKLOAD = "workload"
    ROLE = "role"


class Mark(StrEnum):
    """What a plan does about a node or an edge."""

    NONE = ""
    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"

    @property
    def symbol(self) -> str:
        """The sign of it, as plans have it."""
        return _SYMBOLS[self]


_SYMBOLS = {Mark.NONE: "", Mark.ADDED: "+", Mark.CHANGED: "~", Mark.DELETED: "-"}


@dataclass(frozen=True, slots=True)
class Node:
    """An entity, or a crowd of `members` alike ones.

    `key` is the entity's address, of a crowd that of its first member. `detail` says more than the name, or nothing.
    `off`: it is disabled.
    """

    key: str
    sort: Sort
    name: str
    detail: str = ""
    mark: Mark = Mark.NONE
    off: bool = False
    members: int = 1


class Edge(NamedTuple):
    """From who signs to whose certificate that is, or from there to a role that it may take; `off` while it opens nothing."""

    source: str
    target: str
    mark: Mark = Mark.NONE
    off: bool = False

    @property
    def verb(self) -> str:
        """What it says: `signs` or `may take`."""
        return "may take" if self.target.startswith("role/") else "signs"


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges in the order of their addresses. `notes` are what a reader of the picture must be told.

    `marked` tells whether a plan was laid over it.
    """

    namespace: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    marked: bool = False

    @property
    def summary(self) -> str:
        """The graph in one sentence, for whoever does not see it."""
        counts = {sort: sum(each.members for each in self.nodes if each.sort is sort) for sort in Sort}
        named = [plural(counts[sort], one, many) for sort, one, many in _NOUNS if counts[sort]]
        return f"Namespace {self.namespace}: {', '.join(named) or 'nothing'}."


_NOUNS = (
    (Sort.AUTHORITY, "authority", "authorities"),
    (Sort.CLUSTER, "cluster", "clusters"),
    (Sort.HOST, "host", "hosts"),
    (Sort.WORKLOAD, "workload", "workloads"),
    (Sort.ROLE, "role", "roles"),
)


def fleet_graph(namespace: Namespace, plan: Plan | None = None) -> Graph:
    """Return the graph of a file; with a `plan` of it, what that adds, changes and deletes is marked."""
    nodes = {node.key: node for node in _nodes(namespace)}
    wanted = {(edge.source, edge.target): edge for edge in _edges(namespace)}
    if plan is None:
        return _graph(namespace, nodes, wanted)
    marks = _marks(plan)
    before = _before(plan)
    nodes = {key: replace(node, mark=marks.get(key, Mark.NONE)) for key, node in nodes.items()}
    nodes |= {node.key: node for key in marks.keys() - nodes.keys() for node in _deleted(key)}
    edges = {ends: edge._replace(mark=_edge_mark(edge, nodes, before)) for ends, edge in wanted.items()}
    gone = [ends for ends in before.edges - wanted.keys() if nodes.keys() >= set(ends)]
    edges |= {ends: Edge(*ends, Mark.DELETED) for ends in gone}
    return replace(_graph(namespace, nodes, edges), notes=tuple(_notes(plan)), marked=True)


def _notes(plan: Plan) -> Iterator[str]:
    if plan.left_out:
        yield (
            f"The plan leaves {plural(len(plan.left_out), 'change')} out. What they would make is drawn as if it "
            "were there."
        )


def _graph(namespace: Namespace, nodes: Mapping[str, Node], edges: Mapping[tuple[str, str], Edge]) -> Graph:
    order = list(Sort)
    return Graph(
        namespace.name,
        tuple(sorted(nodes.values(), key=lambda node: (order.index(node.sort), node.key))),
        tuple(edges[ends] for ends in sorted(edges)),
    )


def _nodes(namespace: Namespace) -> Iterator[Node]:
    for ca in namespace.authorities.values():
        if ca.name.startswith(CLUSTERS):
            continue
        how = ca.mode if ca.mode != "self-signed" else f"{ca.mode}, key in {_STORES[ca.key_store]}"
        yield Node(f"ca/{ca.name}", Sort.AUTHORITY, ca.name, _joined(how, off=ca.disabled), off=ca.disabled)
    for cluster in namespace.clusters.values():
        made = "" if cluster.scope in namespace.authorities else "its certificate is awaited"
        said = _joined(_DELIVERIES[cluster.delivery], made, off=cluster.disabled)
        yield Node(cluster.scope, Sort.CLUSTER, cluster.name, said, off=cluster.disabled)
        for each in cluster.workloads.values():
            name = f"{each.namespace}/{each.name}"
            said = _joined(each.identity, off=each.disabled)
            yield Node(f"workload/{cluster.name}/{name}", Sort.WORKLOAD, name, said, off=each.disabled)
    for host in namespace.hosts.values():
        said = _joined("" if host.identity == host.name else host.identity, off=host.disabled)
        yield Node(f"host/{host.name}", Sort.HOST, host.name, said, off=host.disabled)
    taken = {role for _, roles, _ in _takers(namespace) for role in roles}
    for role in namespace.roles.values():
        only = f"only by {', '.join(role.authorities)}" if role.authorities else ""
        nobody = "" if role.name in taken else "nobody may take it"
        said = _joined(only, nobody, off=role.disabled)
        yield Node(f"role/{role.name}", Sort.ROLE, role.name, said, off=role.disabled)


_STORES: Mapping[KeyPlace, str] = {"file": "a file", "sops": "SOPS", "kms": "KMS"}
_DELIVERIES: Mapping[ClusterDelivery, str] = {
    "sops": "authority sealed with SOPS",
    "cluster": "authority born there",
    "pca": "private CA",
}


def _joined(*texts: str, off: bool) -> str:
    return ", ".join(each for each in (*texts, "disabled" if off else "") if each)


def _takers(namespace: Namespace) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield the address of each host and workload, its roles, and whether it is disabled."""
    for host in namespace.hosts.values():
        yield f"host/{host.name}", host.roles, host.disabled
    for cluster in namespace.clusters.values():
        for each in cluster.workloads.values():
            yield f"workload/{cluster.name}/{each.namespace}/{each.name}", each.roles, each.disabled


def _edges(namespace: Namespace) -> Iterator[Edge]:
    signers = {f"host/{host.name}": host.authority for host in namespace.hosts.values()}
    for key, roles, is_off in _takers(namespace):
        scope = signers.get(key) or _cluster_of(key)
        authority = namespace.authorities.get(scope)
        # One that a cluster is still to make signs nothing that counts.
        signer, signer_off = entity_of(scope), authority is None or authority.disabled
        yield Edge(signer, key, off=signer_off)
        for role in roles:
            yield Edge(key, f"role/{role}", off=is_off or signer_off or namespace.roles[role].disabled)


def _cluster_of(workload: str) -> str:
    return f"{CLUSTERS}{workload.split('/')[1]}"


def _deleted(key: str) -> Iterator[Node]:
    sort, _, name = key.partition("/")
    if sort in set(Sort):
        yield Node(
            key, Sort(sort), name if sort != Sort.WORKLOAD else name.partition("/")[2], mark=Mark.DELETED
        )


def _marks(plan: Plan) -> Mapping[str, Mark]:
    """Return what happens to each entity that the file has; of others that it goes."""
    there = {address.entity for address in (*plan.settled, *plan.recorded)}
    actions: dict[str, set[Action]] = {}
    for change in plan.changes:
        actions.setdefault(change.address.entity, set()).add(change.action)
    return {
        entity: Mark.ADDED if entity not in there and done == {Action.CREATE} else Mark.CHANGED
        for entity, done in actions.items()
    }


class _Before(NamedTuple):
    """Who signed for hosts and workloads, and which roles they had: of those whose changes tell it."""

    signers: Mapping[str, str]
    roles: Mapping[str, frozenset[str]]

    @property
    def edges(self) -> set[tuple[str, str]]:
        """The edges that were there."""
        signed = {(signer, taker) for taker, signer in self.signers.items()}
        return signed | {(taker, role) for taker, roles in self.roles.items() for role in roles}


def _before(plan: Plan) -> _Before:
    """Read the recorded inputs of whatever parts have them: `ca` of a host, `roles` by name."""
    signers, roles = {}, {}
    for change in plan.changes:
        taker = change.address.entity
        if change.recorded is None or not taker.startswith(("host/", "workload/")):
            continue
        inputs = change.recorded.inputs
        if taker.startswith("workload/"):
            signers[taker] = _cluster_of(taker)
        elif "ca" in inputs:
            signers[taker] = entity_of(inputs["ca"])
        if "roles" in inputs:
            roles[taker] = frozenset(f"role/{role}" for role in inputs["roles"])
    return _Before(signers, roles)


def _edge_mark(edge: Edge, nodes: Mapping[str, Node], before: _Before) -> Mark:
    source, target = edge.source, edge.target
    if Mark.ADDED in {nodes[source].mark, nodes[target].mark}:
        return Mark.ADDED
    was = before.signers.get(target, source) == source and target in before.roles.get(source, {target})
    return Mark.NONE if was else Mark.ADDED
