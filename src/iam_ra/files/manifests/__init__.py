"""What a cluster reads: manifests for cert-manager, for admission, and for the Pods of workloads. Pure.

`cluster_manifests` and `workload_manifests` return texts by path; `ca_secret` is the one document with a secret in it.
"""

from __future__ import annotations

from iam_ra.files.manifests.cluster import ca_secret, cluster_manifests
from iam_ra.files.manifests.facts import ClusterFacts, RoleFacts
from iam_ra.files.manifests.names import is_resource
from iam_ra.files.manifests.workload import workload_folder, workload_manifests

__all__ = [
    "ClusterFacts",
    "RoleFacts",
    "ca_secret",
    "cluster_manifests",
    "is_resource",
    "workload_folder",
    "workload_manifests",
]
