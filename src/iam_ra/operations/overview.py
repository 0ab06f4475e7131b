"""What there is and what is to be: the file and the state together, for commands that only look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.render.graph import fleet_graph
from iam_ra.render.model import Fleet
from iam_ra.state import status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded
    from iam_ra.operations.planning import Planned
    from iam_ra.operations.workplace import Workplace
    from iam_ra.state.status import Identity, Standing


@dataclass(frozen=True, slots=True)
class Overview:
    """The plan and what the state records: identities with their certificates, who takes which role, what is disabled."""

    planned: Planned
    parts: Mapping[Address, Recorded]
    identities: tuple[Identity, ...]
    roles: Mapping[str, tuple[str, ...]]
    off: frozenset[str]

    def standings(self, prefix: str, names: Iterable[str]) -> Mapping[str, Standing]:
        """Return how the entities `{prefix}{name}` stand: those of the file, then those that the state alone has."""
        plan = self.planned.plan
        changing = {each.address.entity for each in plan.changes}
        changing |= {each.address.entity for each in plan.conflicts}
        return status.standings([f"{prefix}{name}" for name in names], prefix, self.parts, changing)


def overview(workplace: Workplace, planned: Planned) -> Overview:
    """Return the overview of a plan; asks Roles Anywhere when it last saw whom."""
    parts = {} if planned.state is None else planned.state.parts
    hosts = [name for name, host in workplace.namespace.hosts.items() if host.disabled]
    workloads = [
        each.entity
        for cluster in workplace.namespace.clusters.values()
        for each in cluster.workloads.values()
        if each.disabled
    ]
    off = status.switched_off(parts, hosts) | frozenset(workloads)
    seen = workplace.subjects() if parts else {}
    found = status.identities(parts, planned.snapshot.caller.now, seen, off)
    return Overview(planned, parts, found, status.roles(parts, found), off)


def fleet(workplace: Workplace, planned: Planned) -> Fleet:
    """Return what a report says beside a plan: who has a certificate, and what the plan makes of who may become whom."""
    return Fleet(overview(workplace, planned).identities, fleet_graph(workplace.namespace, planned.plan))
