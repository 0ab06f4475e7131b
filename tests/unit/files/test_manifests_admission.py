"""Who may ask a cluster's issuer for which name: the admission policies, tried with what people could send."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from tests.kubernetes import samples
from tests.kubernetes.admission import Request, refusals
from tests.kubernetes.cel import CelError, evaluate, parse

from iam_ra.files.manifests import cluster_manifests, workload_manifests

if TYPE_CHECKING:
    from iam_ra.config.model import Cluster

CERTIFICATES = "cert-manager.io/certificates"
REQUESTS = "cert-manager.io/certificaterequests"
SIGNING_REQUESTS = "certificates.k8s.io/certificatesigningrequests"
PODS = "/pods"
CERT_MANAGER = ("system:serviceaccounts", "system:serviceaccounts:cert-manager", "system:authenticated")
ANOTHER = ("system:serviceaccounts", "system:serviceaccounts:payments", "system:authenticated")


def load(text: str) -> list[Any]:
    return list(YAML(typ="safe").load_all(text))


def policies(cluster: Cluster) -> list[Any]:
    path = f"{cluster.folder}/admission-policy.yaml"
    return load(cluster_manifests(cluster, samples.AUTHORITY)[path])


def certificate(which: str, workload: str = "payments/api", /, **changes: Any) -> dict[str, Any]:
    """Return the Certificate of a workload with some of its spec changed; None takes a field away."""
    (document,) = load(samples.files_of(which)[f"manifests/prod/{workload}/certificate.yaml"])
    spec = {**document["spec"], **changes}
    return {**document, "spec": {name: value for name, value in spec.items() if value is not None}}


def pod(which: str, /, **changes: str | None) -> dict[str, Any]:
    """Return the sample Pod of the workload that gets its certificate by volume, with some attributes changed."""
    document: dict[str, Any]
    (document,) = load(samples.files_of(which)["manifests/prod/payments/batch/sample-pod.yaml"])
    (volume,) = (each for each in document["spec"]["volumes"] if "csi" in each)
    given = {f"csi.cert-manager.io/{name.replace('_', '-')}": value for name, value in changes.items()}
    attributes = {**volume["csi"]["volumeAttributes"], **given}
    volume["csi"]["volumeAttributes"] = {key: value for key, value in attributes.items() if value is not None}
    return document


def request(which: str, **changes: Any) -> dict[str, Any]:
    ref = certificate(which)["spec"]["issuerRef"]
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "r", "namespace": "payments"},
        "spec": {"issuerRef": {**ref, **changes.pop("issuerRef", {})}, "request": "", **changes},
    }


def signing_request(signer: str) -> dict[str, Any]:
    spec = {"signerName": signer, "request": "", "usages": ["client auth"]}
    return {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "spec": spec}


def asked(which: str, resource: str, document: dict[str, Any], **more: Any) -> tuple[str, Request]:
    return which, Request(resource, document, more.pop("namespace", "payments"), **more)


OTHER_REF = {"name": "letsencrypt", "kind": "ClusterIssuer", "group": "cert-manager.io"}
NO_KIND = {"name": "iam-ra"}
ADMITTED = {
    "its own certificate": asked("all", CERTIFICATES, certificate("all")),
    "changed later": asked("all", CERTIFICATES, certificate("all"), operation="UPDATE"),
    "a shorter life": asked("all", CERTIFICATES, certificate("all", duration="90m")),
    "spelt as Go spells it": asked("all", CERTIFICATES, certificate("all", duration="24h0m0s")),
    "expressly no authority": asked("all", CERTIFICATES, certificate("all", isCA=False)),
    "another namespace's own": asked("all", CERTIFICATES, certificate("all", "shop/web"), namespace="shop"),
    "another issuer": asked(
        "all", CERTIFICATES, certificate("all", issuerRef=OTHER_REF, isCA=True, commonName="x")
    ),
    "an Issuer of the name": asked(
        "all", CERTIFICATES, certificate("all", issuerRef=NO_KIND, commonName="x")
    ),
    "a private CA": asked("private ca", CERTIFICATES, certificate("private ca")),
    "an Issuer's own": asked("issuer", CERTIFICATES, certificate("issuer")),
    "an Issuer of elsewhere": asked(
        "issuer", CERTIFICATES, certificate("issuer", commonName="x"), namespace="shop"
    ),
    "cert-manager's request": asked("all", REQUESTS, request("all"), groups=CERT_MANAGER),
    "an Issuer's request": asked("issuer", REQUESTS, request("issuer"), groups=CERT_MANAGER),
    "a request elsewhere": asked("all", REQUESTS, request("all", issuerRef=OTHER_REF), groups=ANOTHER),
    "its own volume": asked("all", PODS, pod("all")),
    "an Issuer's volume": asked("issuer", PODS, pod("issuer")),
    "a private CA's volume": asked("private ca", PODS, pod("private ca")),
    "a volume elsewhere": asked("all", PODS, pod("all", issuer_name="other", common_name="x")),
    "a volume of an Issuer": asked("all", PODS, pod("all", issuer_kind=None, common_name="x")),
    "no volume at all": asked("all", PODS, {"spec": {"containers": []}}),
    "other volumes": asked(
        "all", PODS, {"spec": {"volumes": [{"name": "a"}, {"name": "b", "csi": {"driver": "x"}}]}}
    ),
    "a volume without attributes": asked(
        "all", PODS, {"spec": {"volumes": [{"name": "b", "csi": {"driver": "csi.cert-manager.io"}}]}}
    ),
    "another signer": asked("all", SIGNING_REQUESTS, signing_request("kubernetes.io/kubelet-serving")),
}
REFUSED = {
    "a neighbour's name": (asked("all", CERTIFICATES, certificate("all", commonName="prod.shop.web")), "commonName"),
    "a host's name": (asked("all", CERTIFICATES, certificate("all", commonName="web.example.com")), "commonName"),
    "no name": (asked("all", CERTIFICATES, certificate("all", commonName=None)), "commonName"),
    "from elsewhere": (asked("all", CERTIFICATES, certificate("all"), namespace="shop"), "commonName"),
    "from nowhere": (asked("all", CERTIFICATES, certificate("all"), namespace="none"), "commonName"),
    "without workloads": (asked("nobody", CERTIFICATES, certificate("all")), "commonName"),
    "an authority": (asked("all", CERTIFICATES, certificate("all", isCA=True)), "isCA"),
    "too long a life": (asked("all", CERTIFICATES, certificate("all", duration="24h1s")), "duration"),
    "cert-manager's 90 days": (asked("all", CERTIFICATES, certificate("all", duration=None)), "duration"),
    "no duration": (asked("all", CERTIFICATES, certificate("all", duration="one day")), "duration"),
    "a literal subject": (
        asked("all", CERTIFICATES, certificate("all", commonName=None, literalSubject="CN=prod.payments.api")),
        "literalSubject",
    ),
    "more of a subject": (
        asked("all", CERTIFICATES, certificate("all", subject={"organizationalUnits": ["x"]})),
        "spec.subject",
    ),
    "more names": (asked("all", CERTIFICATES, certificate("all", uris=["spiffe://x/y"])), "names beside"),
    "a later change": (
        asked("all", CERTIFICATES, certificate("all", commonName="prod.shop.web"), operation="UPDATE"),
        "commonName",
    ),
    "the private CA": (asked("private ca", CERTIFICATES, certificate("private ca", commonName="x")), "commonName"),
    "the Issuer without a kind": (
        asked("issuer", CERTIFICATES, certificate("issuer", commonName="x", issuerRef={"name": "aws"})),
        "commonName",
    ),
    "a request by hand": (asked("all", REQUESTS, request("all"), groups=ANOTHER), "make a Certificate"),
    "an Issuer's by hand": (asked("issuer", REQUESTS, request("issuer"), groups=ANOTHER), "make a Certificate"),
    "an authority by request": (asked("all", REQUESTS, request("all", isCA=True), groups=CERT_MANAGER), "isCA"),
    "a volume's other name": (asked("all", PODS, pod("all", common_name="prod.payments.api")), "common-name"),
    "a volume without a name": (asked("all", PODS, pod("all", common_name=None)), "common-name"),
    "a volume that varies": (asked("all", PODS, pod("all", common_name="${POD_NAME}")), "common-name"),
    "a volume from elsewhere": (asked("all", PODS, pod("all"), namespace="shop"), "common-name"),
    "a volume's long life": (asked("all", PODS, pod("all", duration="240h")), "duration"),
    "a volume's own life": (asked("all", PODS, pod("all", duration=None)), "duration"),
    "a volume's subject": (asked("all", PODS, pod("all", literal_subject="CN=x")), "attributes"),
    "a volume's authority": (asked("all", PODS, pod("all", is_ca="true")), "attributes"),
    "an Issuer's volume": (asked("issuer", PODS, pod("issuer", issuer_kind=None, common_name="x")), "common-name"),
    "a signing request": (
        asked("all", SIGNING_REQUESTS, signing_request("clusterissuers.cert-manager.io/iam-ra")),
        "signing requests",
    ),
    "an Issuer's signing request": (
        asked("issuer", SIGNING_REQUESTS, signing_request("issuers.cert-manager.io/payments.aws")),
        "signing requests",
    ),
}  # fmt: skip
POLICIES = {name: policies(each) for name, each in samples.CLUSTERS.items()}


@pytest.mark.parametrize("case", ADMITTED)
def test_what_the_file_gives_is_admitted(case: str) -> None:
    which, sent = ADMITTED[case]
    assert refusals(POLICIES[which], sent) == []


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused(case: str) -> None:
    (which, sent), word = REFUSED[case]
    found = refusals(POLICIES[which], sent)
    assert any(word in message for message in found), found


def test_a_policy_without_its_binding_refuses_nothing() -> None:
    (which, sent), _ = REFUSED["an authority"]
    unbound = [each for each in POLICIES[which] if each["kind"] != "ValidatingAdmissionPolicyBinding"]
    assert refusals(unbound, sent) == []


def test_who_is_disabled_is_deployed_as_before() -> None:
    on, off = samples.cluster(samples.FULL), samples.cluster(replace(samples.FULL, disabled=True))
    assert samples.rendered(on) == samples.rendered(off)


@pytest.mark.parametrize(
    "text", ['"', "\\", '"}, "shop": {"x', "é🦊", "\n", "'", "\x00", "${a}", 'a") || true || ("']
)
def test_no_name_becomes_an_expression(text: str) -> None:
    hostile = replace(samples.workload(), identity=f"a{text}", namespace=f"n{text}")
    issuer = replace(samples.NAMESPACED, name=f"i{text}", namespace=f"n{text}")
    which = samples.cluster(hostile, issuer=issuer)
    (document,) = load(
        workload_manifests(hostile, which, samples.facts())[f"manifests/prod/n{text}/api/certificate.yaml"]
    )
    assert refusals(policies(which), Request(CERTIFICATES, document, f"n{text}")) == []
    document["spec"]["commonName"] += "x"
    (name, life) = refusals(policies(which), Request(CERTIFICATES, document, f"n{text}"))
    assert "commonName" in name
    assert "duration" in life


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('1 in [1, 2] && !(3 in {3: "a"})', False),
        ('a.b == "x" ? {"k": duration("1h30m")}["k"] > duration("89m") : false', True),
        ("has(a.b) && !has(a.c)", True),
        ("a.c == 1 || true", True),
        ("false && a.c == 1", False),
        ("[1, 2, 3].filter(n, n > 1).map(n, n == 2).exists(t, t)", True),
        (r'"\u0041\U0001f98a\"\\" == "A🦊\"\\"', True),
    ],
)
def test_expressions_mean_what_they_say(expression: str, value: Any) -> None:
    assert evaluate(expression, {"a": {"b": "x"}}) is value


@pytest.mark.parametrize(
    "expression",
    [
        "a &&",
        "a b",
        "a.all(x)",
        "has(a)",
        "(a",
        '"a',
        "a.matches(b)",
        "size(a)",
        "a = b",
        "#",
        r'"\ud83e"',
        "[1,,2]",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(CelError):
        parse(expression)({"a": {}, "b": 1})


@pytest.mark.parametrize(
    "expression", ["a.c == 1", "!a", "a && true", 'duration("1 day") > duration("0s")', "b"]
)
def test_an_error_is_no_answer(expression: str) -> None:
    with pytest.raises(CelError):
        evaluate(expression, {"a": {}})
