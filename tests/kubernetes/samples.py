"""Clusters and workloads of every shape, and all that is rendered for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from iam_ra.config.model import Cluster, Issuer, Sidecar, Workload
from iam_ra.files.manifests import (
    ClusterFacts,
    RoleFacts,
    cluster_manifests,
    workload_manifests,
)

if TYPE_CHECKING:
    from iam_ra.config.model import WorkloadKind

REGION = "eu-central-1"
ANYWHERE = f"arn:aws:rolesanywhere:{REGION}:123456789012"
ANCHOR = f"{ANYWHERE}:trust-anchor/11111111-2222-3333-4444-555555555555"
PCA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
IMAGE = "public.ecr.aws/rolesanywhere/credential-helper:1.8.1-2026.04.09.16.01"
AUTHORITY = "iam-ra default cluster.prod G1"

KINDS: tuple[WorkloadKind, ...] = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


def facts(*roles: str, region: str = REGION) -> ClusterFacts:
    """Return facts of roles, of which `named` accepts names of sessions."""
    return ClusterFacts(
        region,
        ANCHOR,
        {
            role: RoleFacts(
                f"arn:aws:iam::123456789012:role/iam-ra/default/iam-ra-default-{role}",
                f"{ANYWHERE}:profile/{role}",
                3600,
                accept_role_session_name=role == "named",
            )
            for role in roles or ("readonly", "read-write", "named")
        },
    )


def workload(**changes: Any) -> Workload:
    values: dict[str, Any] = {
        "cluster": "prod",
        "namespace": "payments",
        "name": "api",
        "identity": "prod.payments.api",
        "roles": ("readonly",),
        "duration": timedelta(hours=24),
        "renew_before": timedelta(hours=8),
        "delivery": "secret",
        "kind": None,
        "target": "api",
        "containers": ("api",),
        "network_policy": False,
        "helm_values": False,
        "sample_pod": False,
        "disabled": False,
        "protect": False,
    }
    return Workload(**{**values, **changes})


def cluster(*workloads: Workload, **changes: Any) -> Cluster:
    values: dict[str, Any] = {
        "name": "prod",
        "delivery": "sops",
        "issuer": Issuer("ClusterIssuer", "iam-ra", "cert-manager"),
        "secret_name": "iam-ra-ca",
        "secret_path": "manifests/prod/ca-secret.yaml",
        "certificate_path": "manifests/prod/ca.pem",
        "pca_arn": None,
        "folder": "manifests/prod",
        "sidecar": Sidecar(IMAGE, "native", 9911),
        "admission_policy": True,
        "approver_policy": True,
        "workloads": {f"{each.namespace}/{each.name}": each for each in workloads},
    }
    return Cluster(**{**values, **changes})


FULL = workload(
    roles=("readonly", "named", "read-write"), network_policy=True, helm_values=True, sample_pod=True
)
BY_VOLUME = replace(
    FULL, name="batch", identity="prod.payments.batch", delivery="csi", kind="Job", target="batch"
)
ELSEWHERE = workload(
    namespace="shop", name="web", identity="prod.shop.web", target="web.site", containers=("a", "b")
)
PLAIN = Sidecar(IMAGE, "container", 9911)
NAMESPACED = Issuer("Issuer", "aws", "payments")
# Every shape that the file can ask for, in as few clusters as hold them.
CLUSTERS: dict[str, Cluster] = {
    "all": cluster(FULL, BY_VOLUME, ELSEWHERE),
    "plain containers": cluster(FULL, BY_VOLUME, sidecar=PLAIN),
    "born there": cluster(workload(kind="CronJob"), delivery="cluster"),
    "private ca": cluster(FULL, BY_VOLUME, delivery="pca", pca_arn=PCA),
    "issuer": cluster(FULL, BY_VOLUME, issuer=NAMESPACED),
    "issuer, born there": cluster(delivery="cluster", issuer=NAMESPACED),
    "issuer, private ca": cluster(FULL, delivery="pca", pca_arn=PCA, issuer=NAMESPACED),
    "nobody": cluster(approver_policy=False),
}


def rendered(which: Cluster) -> dict[str, str]:
    """Return all files of a cluster and its workloads."""
    files = dict(cluster_manifests(which, AUTHORITY))
    for each in which.workloads.values():
        files.update(workload_manifests(each, which, facts()))
    return files


@cache
def files_of(name: str) -> dict[str, str]:
    """Return all files of one of `CLUSTERS`; not to be changed."""
    return rendered(CLUSTERS[name])
