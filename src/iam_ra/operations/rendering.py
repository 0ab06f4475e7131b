"""The manifests of an applied cluster as one stream for `kubectl apply --server-side -f -`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.config.model import CLUSTERS, WORKLOADS
from iam_ra.engine.address import Address
from iam_ra.engine.errors import KeyStoreError, StateError, UsageError
from iam_ra.files.repository import bytes_digest
from iam_ra.kinds.cluster_secret import cluster_secret
from iam_ra.kinds.manifest_texts import texts_of
from iam_ra.kinds.manifests import PART
from iam_ra.kinds.repository_files import unedited
from iam_ra.kinds.sealing import sealed
from iam_ra.operations.manifested import resources
from iam_ra.operations.workplace import Workplace, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.model import Cluster
    from iam_ra.engine.part import Recorded
    from iam_ra.pki.secret import Secret


def rendered(workplace: Workplace, name: str, workload: str | None) -> Mapping[str, str]:
    """Return the resources of a cluster and of its workloads, or of one workload alone, by the path of their file.

    Raises UsageError for what the file does not have, StateError for what was not applied.
    """
    cluster = _cluster(workplace, name)
    if workload is not None and workload not in cluster.workloads:
        raise UsageError(
            f"the cluster {name} has no workload {workload}",
            fix=f"name one of {', '.join(cluster.workloads)}" if cluster.workloads else "add one to the file",
        )
    keys = list(cluster.workloads) if workload is None else [workload]
    entities = [
        *([cluster.scope] if workload is None else []),
        *(cluster.workloads[key].entity for key in keys),
    ]
    state = workplace.state()
    parts = {} if state is None else state.parts
    found = [_texts(workplace, entity, parts.get(Address(entity, PART))) for entity in entities]
    return {path: texts[path] for texts in found for path in resources(texts)}


def opened_secret(workplace: Workplace, name: str) -> Secret:
    """Return the Secret with a cluster's authority in clear (YAML). Raises ToolError when no key here opens it."""
    cluster = _cluster(workplace, name)
    if cluster.delivery != "sops":
        raise UsageError(
            f"there is no Secret of the cluster {name}",
            why=f"with `delivery: {cluster.delivery}` its authority's key is not here",
            fix="leave out --decrypt",
        )
    with translated():
        snapshot = workplace.observe(with_crls=False)
        state = workplace.recorded(snapshot)
        part = None if state is None else state.parts.get(cluster_secret(cluster.scope))
        if part is None:
            raise _unapplied(cluster.scope)
        run = workplace.run(snapshot)
        stored = sealed(cluster.scope, part.inputs["generation"], run)
        # It goes to kubectl: anybody can encrypt for the cluster, so only what iam-ra wrote counts.
        is_it = stored is not None and bytes_digest(stored.data) == part.outputs["file"]
        data = stored.data if stored is not None and is_it else unedited(part, run)
    if data is None:
        raise KeyStoreError(
            f"no copy of {cluster.secret_path} is left",
            why="neither the repository nor the bucket has it as it was written",
            fix=f"begin a new generation: `iam-ra apply --renew {cluster.scope}`",
        )
    return run.sops.open(data, Path(part.inputs["path"]), "yaml")


def _cluster(workplace: Workplace, name: str) -> Cluster:
    clusters = workplace.namespace.clusters
    if name not in clusters:
        raise UsageError(
            f"the file has no cluster {name}",
            fix=f"name one of {', '.join(clusters)}" if clusters else f"`iam-ra k8s setup {name}` adds it",
        )
    return clusters[name]


def _texts(workplace: Workplace, entity: str, part: Recorded | None) -> Mapping[str, str]:
    """Return the files of an entity as the file describes it, with the ARNs that were recorded."""
    namespace = workplace.namespace
    said: Mapping[str, object] = {} if part is None else part.inputs
    if entity.startswith(WORKLOADS):
        _, name, key = entity.split("/", 2)
        wanted = namespace.clusters[name].workloads[key].roles
        if part is None or not set(wanted) <= part.inputs["roles"].keys():
            raise _unapplied(entity)
    return texts_of(entity, namespace.clusters, namespace.name, said)


def _unapplied(entity: str) -> StateError:
    whose = "cluster" if entity.startswith(CLUSTERS) else "workload"
    return StateError(
        f"{entity} was not applied yet",
        why=f"the recorded state does not have the {whose} as the file has it",
        fix="run `iam-ra apply`",
    )
