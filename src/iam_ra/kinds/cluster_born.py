"""Authorities that are born in their cluster: what the state remembers of them, and what the user has to bring over."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from iam_ra.config.build_clusters import cluster_authorities
from iam_ra.engine.plan import Conflict
from iam_ra.kinds.authority import CERTIFICATE, CLUSTER, authority_certificate, generation_of, number_of
from iam_ra.pki.certificate import describe, load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Cluster, Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded


def with_born(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Namespace:
    """Return the namespace with the authorities that clusters have though their certificate is not in the repository.

    One that is lost takes nothing from the workloads; nor does a cluster that is to make its authority itself and has
    another one until then.
    """
    clusters, former = dict(namespace.clusters), []
    for name, cluster in namespace.clusters.items():
        known = (
            _newest(cluster, recorded) if cluster.delivery == "cluster" and not cluster.certificate else None
        )
        if known is not None and known.inputs.get("key_store") == CLUSTER:
            clusters[name] = replace(cluster, certificate=known.outputs["certificate"])
        elif known is not None:
            former.append(replace(cluster, delivery="sops"))
    if clusters == namespace.clusters and not former:
        return namespace
    authorities = {**namespace.authorities, **cluster_authorities((*clusters.values(), *former))}
    return replace(namespace, clusters=clusters, authorities=dict(sorted(authorities.items())))


def born_conflicts(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Iterator[Conflict]:
    """Yield the clusters whose certificate has the key of another authority: what one signs would count for both."""
    born = {each.scope: each for each in namespace.clusters.values() if each.certificate}
    if not born:
        return
    owners = {
        _key_of(part.outputs["certificate"]): address.entity
        for address, part in recorded.items()
        if generation_of(address) is not None
    }
    for scope, cluster in born.items():
        owner = owners.get(_key_of(cluster.certificate), scope)
        if owner != scope:
            yield Conflict(
                authority_certificate(scope, 1),
                f"{cluster.certificate_path} has the key of {owner}: what the one signs would count as signed by the other. "
                "Let the cluster make an authority of its own, and bring its certificate over",
            )


def born_warnings(namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime) -> Iterator[str]:
    """Yield what is to be brought over from clusters: a first certificate, one that was lost, one that was renewed."""
    for cluster in namespace.clusters.values():
        if cluster.delivery != "cluster":
            continue
        known = _newest(cluster, recorded)
        if not cluster.certificate:
            yield f"{cluster.scope}: {_waiting(cluster, known)}: {bring_over(cluster)}"
        elif known is not None and known.inputs.get(CERTIFICATE) == cluster.certificate:
            end = datetime.fromisoformat(known.outputs["not_after"])
            if now >= end - cluster.ca.renew_before:
                yield (
                    f"{cluster.scope}: its authority ends on {end:%Y-%m-%d}. cert-manager renews it in the cluster; bring the "
                    f"new certificate over: {bring_over(cluster)}"
                )


def _waiting(cluster: Cluster, known: Recorded | None) -> str:
    """Say what a certificate that is not here keeps waiting."""
    if known is not None and known.inputs.get("key_store") == CLUSTER:
        return f"{cluster.certificate_path} is gone; what was applied stays. To bring it back"
    until = (
        "none of its workloads can take a role before its certificate is here"
        if known is None
        else "its former authority stays until its certificate is here"
    )
    return f"it makes its authority itself, and {until}. Apply {cluster.folder} to it, then run"


def bring_over(cluster: Cluster) -> str:
    """Return the command that writes the certificate which a cluster made into the repository."""
    path, secret, namespace = (
        shlex.quote(each)
        for each in (cluster.certificate_path, cluster.secret_name, cluster.issuer.namespace)
    )
    return f"`kubectl get secret {secret} --namespace {namespace} --output 'jsonpath={{.data.tls\\.crt}}' | base64 -d > {path}`"


def _newest(cluster: Cluster, recorded: Mapping[Address, Recorded]) -> Recorded | None:
    """Return the newest recorded generation of a cluster's authority."""
    made = [
        part
        for address, part in recorded.items()
        if address.entity == cluster.scope and generation_of(address) is not None
    ]
    return max(made, key=lambda part: number_of(part.address), default=None)


def _key_of(pem: str) -> str:
    return describe(load_certificate(pem)).spki
