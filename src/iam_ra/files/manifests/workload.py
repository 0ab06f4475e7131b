"""The manifests of a workload: a kustomize component that gives an app its credentials, and what goes with it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from iam_ra.files.manifests import names, sidecar
from iam_ra.files.manifests.documents import data, manifest

if TYPE_CHECKING:
    from iam_ra.config.model import Cluster, Workload
    from iam_ra.files.manifests.facts import ClusterFacts

_API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}


def workload_folder(workload: Workload, cluster: Cluster) -> str:
    """Return the folder of a workload's manifests, relative to the root."""
    return f"{cluster.folder}/{workload.namespace}/{workload.name}"


def workload_manifests(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> dict[str, str]:
    """Return the files of a workload by path from the root. `facts` must have each of its roles."""
    resources = _resources(workload, cluster, facts)
    patches = _patches(workload, cluster, facts)
    component = manifest(
        "component",
        resources=sorted(resources),
        patches=[
            {"path": path, "kinds": "|".join(kinds), "name": _pattern(workload.target)}
            for path, kinds in _patched(workload).items()
        ],
    )
    files = {**resources, **patches, "kustomization.yaml": component}
    if workload.helm_values:
        files["values.yaml"] = _values(workload, cluster, facts)
    if workload.sample_pod:
        files["sample-pod.yaml"] = _sample_pod(workload, cluster, facts)
    folder = workload_folder(workload, cluster)
    return {f"{folder}/{name}": text for name, text in sorted(files.items())}


def _resources(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> dict[str, str]:
    identified = {"name": names.owned(workload), "namespace": workload.namespace}
    files = {
        "configmap.yaml": manifest("configmap", **identified, data=sidecar.config(workload, facts)),
    }
    if workload.delivery == "secret":
        files["certificate.yaml"] = manifest(
            "certificate",
            **identified,
            identity=workload.identity,
            duration=names.go_duration(workload.duration),
            renew_before=names.go_duration(workload.renew_before),
            issuer_ref=names.issuer_ref(cluster),
        )
    if workload.network_policy:
        files["network-policy.yaml"] = manifest("network-policy", **identified, workload=workload.name)
    return files


def _patched(workload: Workload) -> dict[str, list[str]]:
    """Return, by file, the kinds that it is a patch for: a CronJob's Pods are a level deeper."""
    kinds = [workload.kind] if workload.kind else list(_API_VERSIONS)
    found = {
        "patch.yaml": [each for each in kinds if each != "CronJob"],
        "patch-cronjob.yaml": [each for each in kinds if each == "CronJob"],
    }
    return {path: kinds for path, kinds in found.items() if kinds}


def _patches(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> dict[str, str]:
    digest = hashlib.sha256(json.dumps(sidecar.config(workload, facts), sort_keys=True).encode()).hexdigest()
    (pod_template,) = data(
        "pod-template",
        workload=workload.name,
        config_digest=digest[:16],
        is_native=cluster.sidecar.style == "native",
        sidecars=sidecar.containers(workload, cluster, facts),
        containers=workload.containers,
        env=sidecar.app_env(workload, cluster, facts),
        volume=_volume(workload, cluster),
    )
    return {
        path: manifest(
            "patch",
            api_version=_API_VERSIONS[kind],
            kind=kind,
            name=workload.target,
            pod_template=pod_template,
        )
        for path, (kind, *_) in _patched(workload).items()
    }


def _volume(workload: Workload, cluster: Cluster) -> Any:
    csi = names.csi_attributes(workload, cluster) if workload.delivery == "csi" else None
    return data("volume", csi=csi, secret_name=names.owned(workload))[0]


def _alone(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> dict[str, Any]:
    """Return what is used without the component, and so without its ConfigMap."""
    return {
        "sidecars": sidecar.containers(workload, cluster, facts, is_alone=True),
        "volume": _volume(workload, cluster),
        "env": sidecar.app_env(workload, cluster, facts),
    }


def _values(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> str:
    is_native = cluster.sidecar.style == "native"
    key = "extraInitContainers" if is_native else "extraContainers"
    return manifest("values", sidecars_key=key, **_alone(workload, cluster, facts))


def _sample_pod(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> str:
    return manifest(
        "sample-pod",
        name=f"{workload.name}-iam-ra-sample",
        namespace=workload.namespace,
        workload=workload.name,
        image=names.SAMPLE_IMAGE,
        is_native=cluster.sidecar.style == "native",
        **_alone(workload, cluster, facts),
    )


def _pattern(name: str) -> str:
    """Return a target's name as the regular expression that kustomize takes it for."""
    return name.replace(".", r"\.")
