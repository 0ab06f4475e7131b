"""Manifests from what the file says and what AWS answered: the texts that are written, and that `k8s render` prints."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from iam_ra.config.durations import format_duration
from iam_ra.config.model import WORKLOADS
from iam_ra.engine.errors import InternalError
from iam_ra.engine.part import UNKNOWN
from iam_ra.files import manifests
from iam_ra.files.manifests import ClusterFacts, RoleFacts, cluster_manifests, workload_manifests
from iam_ra.pki.authority import authority_subject
from iam_ra.pki.certificate import common_name
from iam_ra.shipped import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.model import Cluster, Namespace, Workload

# What stands for an ARN that only apply can know.
_PENDING = "arn:aws:pending:::"


@cache
def renderer() -> str:
    """Return the input that stands for what renders manifests, so that another one writes them again."""
    sources = [
        each
        for place in (resources.files(manifests), folder() / "kubernetes")
        for each in place.iterdir()
        if each.name.endswith((".py", ".j2"))
    ]
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sources}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def cluster_settings(cluster: Cluster) -> dict[str, Any]:
    """Return what the manifests of a cluster are made of."""
    said = _settings(
        cluster, "certificate", "certificate_path", "disabled", "pca_arn", "protect", "sidecar", "tags"
    )
    if cluster.pca_arn:
        said["private_ca"] = cluster.pca_arn
    if cluster.delivery != "cluster":
        said.pop("ca")
    if not (cluster.admission_policy or cluster.approver_policy):
        said.pop("workloads")
        return said
    shown = ("identity", "duration", "renew_before", "delivery")
    said["workloads"] = {key: {name: each[name] for name in shown} for key, each in said["workloads"].items()}
    return said


def workload_settings(workload: Workload, cluster: Cluster) -> dict[str, Any]:
    """Return what the manifests of a workload are made of, but for what AWS says."""
    return {
        **_settings(workload, "cluster", "namespace", "name", "roles", "disabled", "protect"),
        "authority": cluster.delivery,
        "folder": cluster.folder,
        "issuer": _settings(cluster.issuer),
        "sidecar": _settings(cluster.sidecar),
    }


def cluster_texts(cluster: Cluster, namespace: str) -> Mapping[str, str]:
    """Return the files of a cluster, without those of its workloads, by path."""
    return cluster_manifests(cluster, common_name(authority_subject(namespace, cluster.scope)))


def workload_texts(workload: Workload, cluster: Cluster, said: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the files of a workload by path; `said` is what AWS and the file say of its roles."""
    roles = {
        role: RoleFacts(
            _known(each["role_arn"]),
            _known(each["profile_arn"]),
            each["session_duration"],
            each["accept_role_session_name"],
        )
        for role, each in said["roles"].items()
    }
    facts = ClusterFacts(said["region"], _known(said["trust_anchor_arn"]), roles)
    return workload_manifests(workload, cluster, facts)


def texts_of(
    entity: str, clusters: Mapping[str, Cluster], namespace: str, said: Mapping[str, Any]
) -> Mapping[str, str]:
    """Return the files of a cluster or of a workload, by path."""
    if not entity.startswith(WORKLOADS):
        return cluster_texts(clusters[entity.partition("/")[2]], namespace)
    _, name, key = entity.split("/", 2)
    return workload_texts(clusters[name].workloads[key], clusters[name], said)


def workload_of(entity: str, namespace: Namespace) -> tuple[Cluster, Workload] | None:
    """Return the cluster and the workload of an address such as `workload/prod/shop/api`, or None."""
    _, name, key = (*entity.split("/", 2), "", "")[:3]
    cluster = namespace.clusters.get(name)
    workload = None if cluster is None else cluster.workloads.get(key)
    return None if cluster is None or workload is None else (cluster, workload)


def _settings(value: Any, *left_out: str) -> dict[str, Any]:
    """Return a dataclass as JSON, without some fields."""
    return {name: _plain(each) for name, each in asdict(value).items() if name not in left_out}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _known(value: Any) -> str:
    if value is UNKNOWN:
        return _PENDING
    if not isinstance(value, str):
        raise InternalError(f"an ARN of a manifest is a {type(value).__name__}")
    return value
