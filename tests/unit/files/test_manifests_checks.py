"""Every manifest against the schemas, the rules of cert-manager and of Pod Security, and its own meaning.

Each check is shown to fail first: a check that never fails says nothing.
"""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from tests.kubernetes import kustomize, pods, samples, schemas

from iam_ra.config.model import Sidecar
from iam_ra.files.manifests import ca_secret, is_resource, workload_manifests
from iam_ra.files.manifests.documents import HEADER
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.model import Workload

POLICY = "ValidatingAdmissionPolicy"
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def load(text: str) -> list[Any]:
    return list(YAML(typ="safe").load_all(text))


def objects(which: str) -> list[Any]:
    """Return what lands in the cluster as it is, the encrypted Secret left out."""
    return [
        document
        for path, text in samples.files_of(which).items()
        if is_resource(path)
        for document in load(text)
    ]


def sample_pod(**changes: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return the spec of a sample Pod, and what is applied with it."""
    which = samples.cluster(samples.FULL, **changes)
    files = workload_manifests(samples.FULL, which, samples.facts())
    found = [
        document
        for path, text in files.items()
        if path.endswith(("certificate.yaml", "pod.yaml"))
        for document in load(text)
    ]
    (pod,) = (each for each in found if each["kind"] == "Pod")
    return pods.pod_of(pod), found


# What is made is right


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_schemas_and_webhooks_take_all(which: str) -> None:
    for document in objects(which):
        # Before 1.30 these policies are no more than a preview.
        versions = [
            each for each in schemas.VERSIONS if not (document["kind"].startswith(POLICY) and each == "1.29")
        ]
        shown = versions if which == "all" else versions[-1:]
        for version in shown:
            name = f"{document['kind']} {document['metadata']['name']} in {version}"
            assert schemas.problems(document, version) == [], name


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_pods_are_restricted_and_served(which: str) -> None:
    for path, text in samples.files_of(which).items():
        if path.endswith("sample-pod.yaml"):
            folder = path.rpartition("/")[0]
            others = [
                load(other)[0]
                for name, other in samples.files_of(which).items()
                if name.startswith(f"{folder}/c")
            ]
            pod = pods.pod_of(load(text)[0])
            assert pods.unrestricted(pod) == []
            assert pods.misses(pod, others, ["aws"]) == []


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_requests_name_the_issuer_that_is_there(which: str) -> None:
    found = objects(which)
    (issuer,) = (
        each for each in found if each["kind"].endswith("Issuer") and "selfSigned" not in each["spec"]
    )
    own = {
        "name": issuer["metadata"]["name"],
        "kind": issuer["kind"],
        "group": issuer["apiVersion"].partition("/")[0],
    }
    for each in found:
        if each["kind"] == "Certificate" and not each["spec"].get("isCA"):
            assert each["spec"]["issuerRef"] == own
            if "namespace" in issuer["metadata"]:
                assert each["metadata"]["namespace"] == issuer["metadata"]["namespace"]
        if each["kind"] == "CertificateRequestPolicy":
            assert each["spec"]["selector"]["issuerRef"] == own


@pytest.mark.parametrize("which", ["born there", "issuer, born there"])
def test_an_authority_that_is_born_there_is_the_issuers(which: str) -> None:
    found = objects(which)
    (authority,) = (each for each in found if each.get("spec", {}).get("isCA"))
    (maker,) = (each for each in found if "selfSigned" in each.get("spec", {}))
    (issuer,) = (each for each in found if "ca" in each.get("spec", {}))
    assert authority["spec"]["secretName"] == issuer["spec"]["ca"]["secretName"]
    assert authority["spec"]["issuerRef"]["name"] == maker["metadata"]["name"]
    assert authority["metadata"]["namespace"] == maker["metadata"]["namespace"]
    # Another key is another authority, which no trust anchor knows.
    assert authority["spec"]["privateKey"]["rotationPolicy"] == "Never"
    assert authority["spec"]["usages"] == ["cert sign", "crl sign"]


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_names_are_names_to_kubernetes(which: str) -> None:
    for document in objects(which):
        metadata = document["metadata"]
        assert SUBDOMAIN.fullmatch(metadata["name"])
        assert LABEL.fullmatch(metadata.get("namespace", "x"))
        for container in (pods.pod_of(document) if document["kind"] == "Pod" else {}).get(
            "initContainers", ()
        ):
            assert LABEL.fullmatch(container["name"])


@pytest.mark.parametrize("which", samples.CLUSTERS)
def test_every_file_says_who_made_it_and_holds_no_secret(which: str) -> None:
    for path, text in samples.files_of(which).items():
        assert text.startswith(HEADER), path
        assert "kind: Secret" not in text
        assert text == "".join(f"{line.rstrip()}\n" for line in text.splitlines()), path


def test_every_folder_has_a_kustomization_that_names_its_files() -> None:
    for which, files in ((name, samples.files_of(name)) for name in samples.CLUSTERS):
        for folder in {path.rpartition("/")[0] for path in files}:
            (found,) = load(files[f"{folder}/kustomization.yaml"])
            named = set(found["resources"]) | {each["path"] for each in found.get("patches", ())}
            there = {path.rpartition("/")[2] for path in files if path.rpartition("/")[0] == folder}
            secret = (
                {"ca-secret.yaml"}
                if samples.CLUSTERS[which].delivery == "sops" and folder.endswith("prod")
                else set()
            )
            # Values are for Helm, and the sample is for a human.
            assert named == (there | secret) - {"kustomization.yaml", "values.yaml", "sample-pod.yaml"}


def test_the_secret_of_an_authority() -> None:
    key = Secret("-----BEGIN PRIVATE KEY-----\nPLANTED\n-----END PRIVATE KEY-----\n")
    document = ca_secret(samples.CLUSTERS["all"], "-----BEGIN CERTIFICATE-----\nAA\n", key)
    assert document.pop("stringData") == {
        "tls.crt": "-----BEGIN CERTIFICATE-----\nAA\n",
        "tls.key": key,
        "ca.crt": "-----BEGIN CERTIFICATE-----\nAA\n",
    }
    assert "PLANTED" not in repr(document)
    assert document["metadata"]["name"] == "iam-ra-ca"
    assert document["metadata"]["namespace"] == "cert-manager"
    for version in schemas.VERSIONS:
        texts = {"tls.crt": "a", "tls.key": "b", "ca.crt": "a"}
        assert schemas.problems({**document, "stringData": texts}, version) == []
        assert schemas.problems({**document, "stringdata": texts}, version)


# The checks fail


def test_misspelt_fields_are_found() -> None:
    (good,) = load(samples.files_of("all")["manifests/prod/payments/api/certificate.yaml"])
    wrong: list[Callable[[Any], Any]] = [
        lambda spec: spec.update(renewBefor="8h"),
        lambda spec: spec.update(subject={"organisation": ["x"]}),
        lambda spec: spec.update(usages=["digital signature", "client-auth"]),
        lambda spec: spec["privateKey"].update(rotationPolicy="always"),
        lambda spec: spec["privateKey"].update(size="256"),
        lambda spec: spec.pop("issuerRef"),
        lambda spec: spec.update(duration="one day"),
        lambda spec: spec.update(renewBefore="2m"),
        lambda spec: spec.update(renewBefore="24h"),
        lambda spec: spec.update(commonName="x" * 62),
        lambda spec: spec.update(usages=["client auth"]),
        lambda spec: spec["privateKey"].update(algorithm="Ed25519"),
        lambda spec: spec["privateKey"].pop("rotationPolicy"),
    ]
    for change in wrong:
        document = copy.deepcopy(good)
        change(document["spec"])
        assert schemas.problems(document, "1.35"), document["spec"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ClusterIssuer", "spec: {ca: {secretname: x}}"),
        ("AWSPCAClusterIssuer", "spec: {arn: x, region: y, secret: z}"),
        ("CertificateRequestPolicy", "spec: {allowed: {commonName: {value: x}, usages: [any]}, selector: {}}"),
        (POLICY, "spec: {validations: [{expresion: 'true'}]}"),
        ("NetworkPolicy", "spec: {podSelector: {}, egres: []}"),
        ("ConfigMap", "data: {A: 1}"),
    ],
)  # fmt: skip
def test_other_misspelt_fields_are_found(kind: str, text: str) -> None:
    good = next(each for name in samples.CLUSTERS for each in objects(name) if each["kind"] == kind)
    assert schemas.problems({**good, **load(text)[0]}, "1.35")


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "hostNetwork is true": lambda pod: pod.update(hostNetwork=True),
    "volume iam-ra-certificate is of no permitted type": lambda pod: pod["volumes"][0].pop("secret"),
    "iam-ra: is privileged": lambda pod: security(pod).update(privileged=True),
    "iam-ra: may gain privileges": lambda pod: security(pod).pop("allowPrivilegeEscalation"),
    "iam-ra: may run as root": lambda pod: security(pod).pop("runAsNonRoot"),
    "iam-ra: runs as root": lambda pod: security(pod).update(runAsUser=0),
    "iam-ra: keeps capabilities": lambda pod: security(pod).pop("capabilities"),
    "iam-ra: adds capabilities": lambda pod: security(pod)["capabilities"].update(add=["NET_RAW"]),
    "iam-ra: has no seccomp profile": lambda pod: security(pod).pop("seccompProfile"),
    "iam-ra: has a port of the node": lambda pod: first(pod).update(ports=[{"hostPort": 1}]),
}
# The first is what the earlier tool made: a Pod that every schema takes, and that never served a credential.
EARLIER = {
    "name": "iam-ra",
    "image": "public.ecr.aws/rolesanywhere/aws-signing-helper:latest",
    "args": [
        "credential-process",
        "--certificate",
        "/var/run/iam-ra/tls.crt",
        "--private-key",
        "/var/run/iam-ra/tls.key",
    ],
    "volumeMounts": [{"name": "iam-ra-certificate", "mountPath": "/var/run/iam-ra", "readOnly": True}],
}
SILENT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "iam-ra: does not serve": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: prints credentials": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: has no probe": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: is not the official image": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: ends before the app begins": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: answers beyond the Pod": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: says no length of sessions": lambda pod: pod.update(initContainers=[EARLIER]),
    "iam-ra: is of no version": lambda pod: first(pod).update(image=f"{samples.IMAGE}-amd64-1"),
    "iam-ra: has a probe that cannot work": lambda pod: first(pod).update(startupProbe={"httpGet": {"port": 9911}}),
    "iam-ra: is killed without need": lambda pod: first(pod).update(livenessProbe={}),
    "iam-ra: $(NO_SUCH) stays as it is": lambda pod: first(pod)["args"].append("$(NO_SUCH)"),
    "iam-ra: /var/run/iam-ra/tls.crt is never renewed": lambda pod: mount(pod).update(subPath="tls.crt"),
    "iam-ra: /var/run/iam-ra/tls.crt is not mounted": lambda pod: mount(pod).update(mountPath="/etc/iam-ra"),
    "iam-ra: /var/run/iam-ra/tls.crt can be written": lambda pod: mount(pod).pop("readOnly"),
    "iam-ra: nobody makes the Secret other": lambda pod: pod["volumes"][0]["secret"].update(secretName="other"),
    "iam-ra: /var/run/iam-ra/tls.key is not readable to its user": lambda pod: pod["volumes"][0]["secret"].update(defaultMode=256),
    "iam-ra: the Secret is not mounted whole": lambda pod: pod["volumes"][0]["secret"].update(items=[{}]),
    "iam-ra: /var/run/iam-ra/tls.crt comes from nowhere": lambda pod: pod["volumes"][0].pop("secret"),
    "hostNetwork gives the credentials to the whole node": lambda pod: pod.update(hostNetwork=True),
    "two sidecars share a port": lambda pod: pod["initContainers"].append(first(pod)),
    "there is no sidecar": lambda pod: pod.pop("initContainers"),
    "aws: is not there": lambda pod: pod["containers"][0].update(name="app"),
    "aws: asks nobody for credentials": lambda pod: env(pod, "AWS_EC2_METADATA_SERVICE_ENDPOINT").update(value="http://127.0.0.1:9911/"),
    "aws: knows no region": lambda pod: env(pod, "AWS_DEFAULT_REGION").update(value="us-east-1"),
    "aws: may ask the old way": lambda pod: env(pod, "AWS_EC2_METADATA_V1_DISABLED").update(value="1"),
    "aws: is not told of each role": lambda pod: env(pod, "IAM_RA_ENDPOINT_NAMED").update(value="http://127.0.0.1:1"),
    "aws: AWS_ACCESS_KEY_ID decides before us": lambda pod: pod["containers"][0]["env"].append({"name": "AWS_ACCESS_KEY_ID"}),
    "aws: sees the private key": lambda pod: pod["containers"][0]["volumeMounts"].append({"name": "iam-ra-certificate"}),
}  # fmt: skip


def first(pod: dict[str, Any]) -> Any:
    return pod["initContainers"][0]


def security(pod: dict[str, Any]) -> Any:
    return first(pod)["securityContext"]


def mount(pod: dict[str, Any]) -> Any:
    return first(pod)["volumeMounts"][0]


def env(pod: dict[str, Any], name: str) -> Any:
    return next(each for each in pod["containers"][0]["env"] if each["name"] == name)


@pytest.mark.parametrize("problem", BREAKS)
def test_pods_that_are_not_restricted_are_found(problem: str) -> None:
    pod, _ = sample_pod()
    assert pods.unrestricted(pod) == []
    BREAKS[problem](pod)
    assert problem in pods.unrestricted(pod)


@pytest.mark.parametrize("problem", SILENT)
def test_pods_that_are_not_served_are_found(problem: str) -> None:
    pod, others = sample_pod()
    assert pods.misses(pod, others, ["aws"]) == []
    SILENT[problem](pod)
    assert problem in pods.misses(pod, others, ["aws"])


# Choices


def test_sessions_are_named_after_the_pod_where_the_role_accepts_it() -> None:
    pod, _ = sample_pod()
    named = {each["name"]: "$(POD_NAME)" in each["args"] for each in pod["initContainers"]}
    assert named == {"iam-ra": False, "iam-ra-named": True, "iam-ra-read-write": False}


def test_each_role_has_a_port_of_its_own() -> None:
    pod, _ = sample_pod(sidecar=Sidecar(samples.IMAGE, "native", 12_000))
    ports = [each["args"][each["args"].index("--port") + 1] for each in pod["initContainers"]]
    assert ports == ["12000", "12001", "12002"]
    assert env(pod, "IAM_RA_ENDPOINT_READ_WRITE")["value"] == "http://127.0.0.1:12002"


def test_other_arns_are_other_pods() -> None:
    which = samples.CLUSTERS["all"]
    path = "manifests/prod/payments/api/patch.yaml"
    before = workload_manifests(samples.FULL, which, samples.facts())[path]
    moved = replace(samples.facts(), trust_anchor_arn=f"{samples.ANCHOR}0")
    after = workload_manifests(samples.FULL, which, moved)[path]
    (old, new) = (load(text)[0]["spec"]["template"]["metadata"]["annotations"] for text in (before, after))
    assert old.keys() == new.keys()
    assert old != new


def test_the_order_of_workloads_does_not_show_in_theirs() -> None:
    a, b = samples.cluster(samples.FULL, samples.ELSEWHERE), samples.cluster(samples.FULL)
    facts = samples.facts()
    assert workload_manifests(samples.FULL, a, facts) == workload_manifests(samples.FULL, b, facts)


@pytest.mark.parametrize(
    "sidecar", [Sidecar(samples.IMAGE, "native", 9911), samples.PLAIN], ids=["native", "plain"]
)
@pytest.mark.parametrize("workload", [samples.FULL, samples.BY_VOLUME], ids=["secret", "csi"])
def test_a_chart_that_takes_extra_containers_takes_the_values(sidecar: Sidecar, workload: Workload) -> None:
    which = samples.cluster(workload, sidecar=sidecar)
    files = workload_manifests(workload, which, samples.facts())
    folder = f"manifests/prod/payments/{workload.name}"
    (values,) = load(files[f"{folder}/values.yaml"])
    others = [load(text)[0] for path, text in files.items() if path.endswith("/certificate.yaml")]
    # As the templates of such charts do.
    main = {
        "name": "main",
        "image": "main:1",
        "env": values["extraEnv"],
        "securityContext": kustomize.RESTRICTED,
    }
    pod = {
        "initContainers": values.get("extraInitContainers", []),
        "containers": [main, *values.get("extraContainers", [])],
        "volumes": values["extraVolumes"],
    }
    document = kustomize.foreign("Deployment")
    document["spec"]["template"]["spec"] = pod
    assert pods.misses(pod, others, ["main"]) == []
    assert pods.unrestricted(pod) == []
    assert schemas.problems(document, "1.35") == []
