"""What the entries of clusters and workloads come to, every default applied: for the checks and for the model."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from iam_ra.config.lives import certificate_spec, part_of
from iam_ra.config.model import CLUSTER_AUTHORITY, Issuer

if TYPE_CHECKING:
    from iam_ra.config.cluster_schema import ClusterEntry, WorkloadCertificateEntry, WorkloadEntry
    from iam_ra.config.model import CertificateSpec

DURATION = timedelta(hours=24)
RENEW_BEFORE = timedelta(hours=8)
# Where cert-manager looks for the Secrets of ClusterIssuers unless it is told otherwise.
CERT_MANAGER = "cert-manager"


def folder_of(name: str, entry: ClusterEntry) -> str:
    """Return where a cluster's manifests are, relative to the file's folder."""
    return entry.folder or f"manifests/{name}"


def secret_path(name: str, entry: ClusterEntry) -> str:
    """Return the path of the encrypted Secret with a cluster's authority."""
    return f"{folder_of(name, entry)}/ca-secret.sops.yaml"


def certificate_path(name: str, entry: ClusterEntry) -> str:
    """Return the path of the certificate that a cluster made for itself."""
    return entry.ca.certificate or f"{folder_of(name, entry)}/ca.pem"


def split_key(key: str) -> tuple[str, str]:
    """Return the namespace and the name in a workload's key."""
    namespace, _, name = key.partition("/")
    return namespace, name


def issuer_of(entry: ClusterEntry) -> Issuer:
    """Return a cluster's issuer. The namespace of an Issuer is that of its workloads, unless it is written."""
    given, own = entry.issuer, CERT_MANAGER
    if given.kind == "Issuer" and entry.workloads:
        own = split_key(min(entry.workloads))[0]
    return Issuer(given.kind, given.name, given.namespace or own)


def identity_of(cluster: str, key: str, workload: WorkloadEntry) -> str:
    """Return the common name of a workload's certificates."""
    return workload.identity or ".".join((cluster, *split_key(key)))


def roles_of(workload: WorkloadEntry) -> tuple[str, ...]:
    """Return a workload's roles, the default one first, the others in the order of their names."""
    roles = {*([workload.role] if workload.role else ()), *(workload.roles or ())}
    default = workload.default_role
    return tuple(sorted(roles, key=lambda role: (role != default, role)))


def authority_of(entry: ClusterEntry) -> CertificateSpec:
    """Return how a cluster's authority is made."""
    return certificate_spec(CLUSTER_AUTHORITY, entry.ca)


def life_of(cluster: WorkloadCertificateEntry, own: WorkloadCertificateEntry) -> tuple[timedelta, timedelta]:
    """Return `duration` and `renewBefore` of a workload's certificates; what is not its own word is cut to a third."""
    duration = own.duration or cluster.duration or DURATION
    given = cluster.renew_before or RENEW_BEFORE
    return duration, own.renew_before or min(given, part_of(duration, 3))
