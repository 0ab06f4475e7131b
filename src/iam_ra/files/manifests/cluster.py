"""The manifests of a cluster: its issuer, and who may ask it for what."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from iam_ra.files.manifests import admission, names
from iam_ra.files.manifests.documents import data, manifest

if TYPE_CHECKING:
    from iam_ra.config.model import Cluster, KeyAlgorithm, Workload
    from iam_ra.pki.secret import Secret

_KEYS: dict[KeyAlgorithm, tuple[str, int]] = {
    "ec-p256": ("ECDSA", 256),
    "ec-p384": ("ECDSA", 384),
    "rsa-2048": ("RSA", 2048),
    "rsa-4096": ("RSA", 4096),
}


def cluster_manifests(cluster: Cluster, common_name: str) -> dict[str, str]:
    """Return the files of a cluster, without those of its workloads and without the Secret, by path from the root.

    `common_name` is the authority's, should it be born there.

    They say nothing that an authority's trust anchor must be there for: with the delivery `cluster` they come first. A
    disabled workload may still ask for certificates, which open nothing: its app is to be deployed as before.
    """
    files = {"issuer.yaml": _issuer(cluster, common_name)}
    if cluster.admission_policy:
        files["admission-policy.yaml"] = manifest("admission-policy", **admission.values(cluster))
    if cluster.approver_policy:
        files["approver-policy.yaml"] = _approver_policy(cluster)
    resources = sorted(files)
    if cluster.delivery == "sops":
        resources.append(posixpath.relpath(cluster.secret_path, cluster.folder))
    files["kustomization.yaml"] = manifest("kustomization", resources=sorted(resources))
    return {f"{cluster.folder}/{name}": text for name, text in sorted(files.items())}


def ca_secret(cluster: Cluster, certificate_pem: str, key_pem: Secret) -> dict[str, Any]:
    """Return the Secret of the issuer; `stringData` holds the certificate and, still as a Secret of ours, the key.

    cert-manager signs with `tls.key`, and hands on `ca.crt` beside the certificates that it issues.
    """
    (document,) = data("ca-secret", name=cluster.secret_name, namespace=cluster.issuer.namespace)
    return {
        **document,
        "stringData": {"tls.crt": certificate_pem, "tls.key": key_pem, "ca.crt": certificate_pem},
    }


def _issuer(cluster: Cluster, common_name: str) -> str:
    algorithm, size = _KEYS[cluster.ca.key]
    born_here = {
        "common_name": common_name,
        "duration": names.go_duration(cluster.ca.validity),
        "renew_before": names.go_duration(cluster.ca.renew_before),
        "algorithm": algorithm,
        "size": size,
    }
    arn = cluster.pca_arn or ""
    return manifest(
        "issuer",
        name=cluster.issuer.name,
        kind=names.issuer_ref(cluster)["kind"],
        namespace=cluster.issuer.namespace,
        is_namespaced=cluster.issuer.kind == "Issuer",
        secret_name=cluster.secret_name,
        born_here=born_here if cluster.delivery == "cluster" else None,
        private_ca={"arn": arn, "region": arn.split(":")[3]} if cluster.delivery == "pca" else None,
    )


def _approver_policy(cluster: Cluster) -> str:
    return manifest(
        "approver-policy",
        name=names.issuer_id(cluster),
        issuer_ref=names.issuer_ref(cluster),
        cert_manager_namespace=names.cert_manager_namespace(cluster),
        requests=[_request(each) for each in cluster.workloads.values()],
    )


def _request(workload: Workload) -> dict[str, str]:
    return {
        "name": f"iam-ra.{workload.cluster}.{workload.namespace}.{workload.name}",
        "identity": workload.identity,
        "namespace": workload.namespace,
        "duration": names.go_duration(workload.duration),
    }
