"""What a real API server says to the manifests. Opt in with `IAM_RA_LIVE=1`; `$KUBECONFIG` says which cluster.

Nothing is changed there: every request is a dry run. The cluster needs cert-manager 1.18 or later; policies of
approver-policy and issuers of aws-privateca-issuer are tried where their resources are known.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML
from tests.kubernetes import kustomize, samples

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.config.model import Cluster

LIVE = "IAM_RA_LIVE"
# A namespace that every cluster has: a dry run looks for it.
NAMESPACE = "default"
OPTIONAL = {
    "CertificateRequestPolicy": "policy.cert-manager.io",
    "AWSPCAClusterIssuer": "awspca.cert-manager.io",
}

pytestmark = pytest.mark.skipif(LIVE not in os.environ, reason=f"{LIVE} is not set: no cluster is asked")


def kubectl(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [kustomize.KUBECTL, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def there(cluster: Cluster) -> Cluster:
    """Return a cluster whose workloads are in a namespace that is there."""
    workloads = [replace(each, namespace=NAMESPACE) for each in cluster.workloads.values()]
    issuer = replace(cluster.issuer, namespace=NAMESPACE)
    return samples.cluster(
        *workloads,
        issuer=issuer,
        delivery=cluster.delivery,
        pca_arn=cluster.pca_arn,
        sidecar=cluster.sidecar,
    )


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_a_cluster_takes_all(which: str, tmp_path: Path) -> None:
    groups = kubectl("api-versions")
    assert groups.returncode == 0, groups.stderr
    cluster = there(samples.CLUSTERS[which])
    files = samples.rendered(cluster)
    kustomize.write(tmp_path, files)
    apps = [
        kustomize.foreign(kind, workload.target, *workload.containers)
        for workload in cluster.workloads.values()
        for kind in samples.KINDS
        if workload.kind in {None, kind}
    ]
    components = [f"../{cluster.folder}/{NAMESPACE}/{each.name}" for each in cluster.workloads.values()]
    documents = [
        each
        for path, text in files.items()
        if path.count("/") == cluster.folder.count("/") + 1
        for each in YAML(typ="safe").load_all(text)
    ]
    documents = [each for each in documents if each["kind"] != "Kustomization"]
    if components:
        first, *_ = components
        documents += kustomize.build(
            kustomize.overlay(tmp_path / "app", first, apps, namespace=NAMESPACE, components=components)
        )
    for document in documents:
        if OPTIONAL.get(document["kind"], "v1") in groups.stdout:
            arguments = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-")
            done = kubectl(*arguments, stdin=json.dumps(document))
            assert done.returncode == 0, f"{document['kind']}: {done.stderr}"
