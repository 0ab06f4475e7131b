"""Expressions of the ValidatingAdmissionPolicies that pin which namespace may ask an issuer for which name.

Sources: Kubernetes documentation, "Validating Admission Policy" and "Common Expression Language in Kubernetes";
cert-manager, csi-driver and the controllers for CertificateSigningRequests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iam_ra.files.manifests import names
from iam_ra.files.manifests.yaml import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.config.model import Cluster, Workload


def values(cluster: Cluster) -> dict[str, Any]:
    """Return what the template needs. Texts become literals, which are spelt in CEL as in YAML."""
    workloads = list(cluster.workloads.values())
    by_volume = [each for each in workloads if each.delivery == "csi"]
    keys = sorted({key for each in by_volume for key in names.csi_attributes(each, cluster)})
    group = f"system:serviceaccounts:{names.cert_manager_namespace(cluster)}"
    return {
        "name": names.issuer_id(cluster),
        "asks_this_issuer": _asks(cluster),
        "is_cert_manager": f"has(request.userInfo.groups) && {quoted(group)} in request.userInfo.groups",
        "names": _lives(workloads),
        "volume_asks": _volume_asks(cluster),
        "volume_names": _lives(by_volume),
        "volume_keys": f"[{', '.join(map(quoted, keys))}]",
        "signer": None if cluster.delivery == "pca" else quoted(_signer(cluster)),
    }


def _lives(workloads: Iterable[Workload]) -> str:
    """Return a map: by namespace and name, how long a certificate of that name may live."""
    found: dict[str, list[str]] = {}
    for each in workloads:
        entry = f"{quoted(each.identity)}: duration({quoted(names.go_duration(each.duration))})"
        found.setdefault(each.namespace, []).append(entry)
    inside = ",\n".join(f"  {quoted(key)}: {{{', '.join(entries)}}}" for key, entries in found.items())
    return f"{{\n{inside}\n}}" if inside else "{}"


def _asks(cluster: Cluster) -> str:
    """Return whether a reference means the issuer: one without a kind means an Issuer, and the group is not looked at.

    Better to refuse what another group's namesake is asked for.
    """
    ref = names.issuer_ref(cluster)
    kind = f"has(object.spec.issuerRef.kind) && object.spec.issuerRef.kind == {quoted(ref['kind'])}"
    if ref["kind"] == "Issuer":
        kind = '(!has(object.spec.issuerRef.kind) || object.spec.issuerRef.kind in ["", "Issuer"])'
    return _all(f"object.spec.issuerRef.name == {quoted(ref['name'])}", kind, *_here(cluster))


def _volume_asks(cluster: Cluster) -> str:
    ref, attributes = names.issuer_ref(cluster), "v.csi.volumeAttributes"
    name, key = quoted(f"{names.CSI_DRIVER}/issuer-name"), quoted(f"{names.CSI_DRIVER}/issuer-kind")
    kind = f"{key} in {attributes} && {attributes}[{key}] == {quoted(ref['kind'])}"
    if ref["kind"] == "Issuer":
        kind = f'(!({key} in {attributes}) || {attributes}[{key}] in ["", "Issuer"])'
    return _all(
        f"has(v.csi) && v.csi.driver == {quoted(names.CSI_DRIVER)} && has({attributes})",
        f"{name} in {attributes} && {attributes}[{name}] == {quoted(ref['name'])}",
        kind,
        *_here(cluster),
    )


def _here(cluster: Cluster) -> Iterator[str]:
    if cluster.issuer.kind == "Issuer":
        yield f"request.namespace == {quoted(cluster.issuer.namespace)}"


def _all(*conditions: str) -> str:
    return "\n&& ".join(conditions)


def _signer(cluster: Cluster) -> str:
    name = cluster.issuer.name
    if cluster.issuer.kind == "ClusterIssuer":
        return f"clusterissuers.cert-manager.io/{name}"
    return f"issuers.cert-manager.io/{cluster.issuer.namespace}.{name}"
