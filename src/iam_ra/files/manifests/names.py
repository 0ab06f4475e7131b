"""Names and texts that several manifests share."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from iam_ra.config.clusters import CERT_MANAGER

if TYPE_CHECKING:
    from datetime import timedelta

    from iam_ra.config.model import Cluster, Workload

SIDECAR = "iam-ra"
CSI_DRIVER = "csi.cert-manager.io"
# AWS's own image of its command line.
SAMPLE_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.31.29"
# For kustomize and Helm: no resources of a cluster, or parts of resources that are somebody else's.
_NO_RESOURCES = frozenset({"kustomization.yaml", "patch.yaml", "patch-cronjob.yaml", "values.yaml"})


def is_resource(path: str) -> bool:
    """Tell whether a file is for `kubectl apply` as it is."""
    return PurePosixPath(path).name not in _NO_RESOURCES


def owned(workload: Workload) -> str:
    """Return the name of a workload's Certificate, of its Secret and of its ConfigMap."""
    return owned_by(workload.name)


def owned_by(name: str) -> str:
    """Return that name for the workload of a name."""
    return f"{name}-iam-ra"


def issuer_ref(cluster: Cluster) -> dict[str, str]:
    """Return how requests name the issuer: its `name`, `kind` and `group`."""
    name, kind = cluster.issuer.name, cluster.issuer.kind
    if cluster.delivery == "pca":
        return {"name": name, "kind": f"AWSPCA{kind}", "group": "awspca.cert-manager.io"}
    return {"name": name, "kind": kind, "group": "cert-manager.io"}


def cert_manager_namespace(cluster: Cluster) -> str:
    """Return where cert-manager runs: where it keeps the Secrets of ClusterIssuers, unless told otherwise."""
    return cluster.issuer.namespace if cluster.issuer.kind == "ClusterIssuer" else CERT_MANAGER


def go_duration(duration: timedelta) -> str:
    """Return a duration as Go writes it, in the units that it has: `24h`, `1h30m`. Source: Go, `time.ParseDuration`."""
    seconds = int(duration.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def env_suffix(role: str) -> str:
    """Return a role's name as a part of the names of variables."""
    return role.upper().replace("-", "_")


def issuer_id(cluster: Cluster) -> str:
    """Return a name that belongs to this issuer alone among those of the whole cluster."""
    issuer = cluster.issuer
    return issuer.name if issuer.kind == "ClusterIssuer" else f"{issuer.namespace}.{issuer.name}"


def csi_attributes(workload: Workload, cluster: Cluster) -> dict[str, str]:
    """Return what cert-manager's CSI driver is to ask for. Source: csi-driver, pkg/apis/v1alpha1."""
    return {
        **{f"{CSI_DRIVER}/issuer-{name}": value for name, value in issuer_ref(cluster).items()},
        f"{CSI_DRIVER}/common-name": workload.identity,
        f"{CSI_DRIVER}/duration": go_duration(workload.duration),
        f"{CSI_DRIVER}/renew-before": go_duration(workload.renew_before),
        f"{CSI_DRIVER}/key-usages": "digital signature,client auth",
        f"{CSI_DRIVER}/key-algorithm": "ECDSA",
        f"{CSI_DRIVER}/key-size": "256",
        f"{CSI_DRIVER}/key-encoding": "PKCS8",
        # The driver's files are for their group only.
        f"{CSI_DRIVER}/fs-group": "65532",
    }
