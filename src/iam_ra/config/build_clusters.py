"""Clusters, their workloads and their authorities as the rest of iam-ra works with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.config import model
from iam_ra.config.clusters import (
    authority_of,
    certificate_path,
    folder_of,
    identity_of,
    issuer_of,
    life_of,
    roles_of,
    secret_path,
    split_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.config.cluster_schema import ClusterEntry, WorkloadEntry

_PLACES: Mapping[model.ClusterDelivery, model.KeyPlace] = {
    "sops": "secret",
    "cluster": "cluster",
    # Never looked at: AWS Private CA keeps the key.
    "pca": "file",
}
# Certificates of a day are all about to end.
_NOTIFICATIONS = (
    model.Notification("CA_CERTIFICATE_EXPIRY", True, 45),
    model.Notification("END_ENTITY_CERTIFICATE_EXPIRY", False, 45),
)


def build_cluster(name: str, entry: ClusterEntry, certificate: str) -> model.Cluster:
    """Return the cluster that an entry describes; `certificate` (PEM) is what it made for itself."""
    issuer, sidecar = issuer_of(entry), entry.sidecar
    return model.Cluster(
        name=name,
        delivery=entry.ca.delivery,
        issuer=issuer,
        secret_name=f"{issuer.name}-ca",
        secret_path=secret_path(name, entry),
        certificate_path=certificate_path(name, entry),
        pca_arn=entry.ca.pca_arn,
        folder=folder_of(name, entry),
        sidecar=model.Sidecar(sidecar.image, sidecar.style, sidecar.port),
        admission_policy=entry.admission_policy,
        approver_policy=entry.approver_policy,
        workloads={key: _workload(name, key, entry, each) for key, each in sorted(entry.workloads.items())},
        ca=authority_of(entry),
        certificate=certificate,
        disabled=entry.disabled,
        tags=dict(sorted(entry.tags.items())),
        protect=entry.protect,
    )


def _workload(cluster: str, key: str, entry: ClusterEntry, own: WorkloadEntry) -> model.Workload:
    namespace, name = split_key(key)
    duration, renew_before = life_of(entry.certificate, own.certificate)
    return model.Workload(
        cluster=cluster,
        namespace=namespace,
        name=name,
        identity=identity_of(cluster, key, own),
        roles=roles_of(own),
        duration=duration,
        renew_before=renew_before,
        delivery=own.delivery or entry.delivery,
        kind=own.kind,
        target=own.target or name,
        containers=tuple(sorted(own.containers or (name,))),
        network_policy=own.network_policy,
        helm_values=own.helm_values,
        sample_pod=own.sample_pod,
        disabled=own.disabled,
        protect=own.protect,
    )


def cluster_authorities(clusters: Iterable[model.Cluster]) -> Mapping[str, model.Authority]:
    """Return the authorities of clusters, by scope; none for a cluster that is still to make its own."""
    return {
        cluster.scope: _authority(cluster)
        for cluster in clusters
        if cluster.delivery != "cluster" or cluster.certificate
    }


def _authority(cluster: model.Cluster) -> model.Authority:
    place, spec = _PLACES[cluster.delivery], cluster.ca
    return model.Authority(
        name=cluster.scope,
        mode="pca-existing" if cluster.delivery == "pca" else "self-signed",
        key_store=place,
        key=spec.key,
        validity=spec.validity,
        renew_before=spec.renew_before,
        bind=None,
        disabled=cluster.disabled,
        pca_arn=cluster.pca_arn,
        sops_path=cluster.secret_path,
        notifications=_NOTIFICATIONS,
        tags=cluster.tags,
        protect=cluster.protect,
        generations=(
            model.Generation(
                1, place, spec.key, spec.validity, cluster.secret_path, certificate=cluster.certificate
            ),
        ),
        revoked={},
        overlap=spec.overlap,
    )
