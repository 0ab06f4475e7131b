"""`iam-ra k8s list`: the clusters and their workloads, of the file and of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.entities import CLUSTER
from iam_ra.cli.lists import Listing, entities, life, look, write
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.operations.overview import Overview

_CLUSTERS = Listing(
    "clusters",
    ("cluster", "delivery", "issuer", "days_left", "status"),
    "No clusters yet: `iam-ra k8s setup NAME` adds one.",
)
_WORKLOADS = Listing(
    "workloads",
    ("workload", "identity", "roles", "last_used", "status"),
    "No workloads yet: `iam-ra k8s onboard NAME --cluster CLUSTER --role ROLE` adds one.",
)


@click.command("list", cls=Command)
@click.option("--cluster", metavar="NAME", type=CLUSTER, help="Only this cluster and its workloads.")
@pass_options
def clusters(options: Options, cluster: str | None) -> None:
    """List the clusters and their workloads.

    Those of the file and those that were applied, with what an apply would do to each, the days that a
    cluster's authority lasts, and when a workload was last seen.
    """
    namespace, seen = look(options)
    found = list(_clusters(namespace, seen))
    if cluster is not None:
        cluster = cluster.removeprefix("cluster/")
        known = [each["cluster"] for each in found]
        if cluster not in known:
            raise UsageError(
                f"there is no cluster/{cluster}",
                fix=f"name one of {', '.join(known)}" if known else "`iam-ra k8s setup NAME` adds one",
            )
    write(
        options,
        "k8s list",
        (_CLUSTERS, [each for each in found if cluster in {None, each["cluster"]}]),
        (_WORKLOADS, [each for each in _workloads(namespace, seen) if cluster in {None, each["cluster"]}]),
    )


def _clusters(namespace: Namespace, seen: Overview) -> Iterator[Mapping[str, Any]]:
    for name, known, state in entities(seen, "cluster/", namespace.clusters):
        cluster = namespace.clusters.get(name)
        yield {
            "cluster": name,
            "delivery": cluster.delivery if cluster else None,
            "issuer": f"{cluster.issuer.kind}/{cluster.issuer.name}" if cluster else None,
            "folder": cluster.folder if cluster else None,
            **life(known),
            **state,
        }


def _workloads(namespace: Namespace, seen: Overview) -> Iterator[Mapping[str, Any]]:
    named = {
        f"{cluster.name}/{name}": each
        for cluster in namespace.clusters.values()
        for name, each in cluster.workloads.items()
    }
    for name, known, state in entities(seen, "workload/", named):
        workload = named.get(name)
        yield {
            "workload": name,
            "cluster": name.partition("/")[0],
            "identity": workload.identity if workload else known.identity if known else "",
            "roles": list(workload.roles if workload else known.roles if known else ()),
            "last_used": known.last_used if known else "",
            **state,
        }
