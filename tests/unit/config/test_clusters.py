"""Clusters and workloads: what an entry comes to, and the certificates that clusters make for themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from iam_ra.config.cluster_schema import SIDECAR_IMAGE
from iam_ra.config.diagnostics import Check
from iam_ra.config.entitlement import entitled_in
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.leaf import new_serial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.load import Loaded

    Load = Callable[[str | bytes], Loaded]
    Problems = Callable[[str | bytes], list[Diagnostic]]

ROLES = "roles: {a: {}, b: {}, c: {}}\n"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def root(key: PrivateKey) -> str:
    subject = authority_subject("default", "x")
    made = self_signed(key.signing_key, subject, serial=new_serial(), now=NOW, validity=365 * DAY)
    return certificate_pem(made)


def test_an_empty_cluster_has_every_default(load_text: Load) -> None:
    cluster = load_text("clusters: {prod: {}}").namespace.clusters["prod"]
    assert (cluster.delivery, cluster.folder, cluster.scope) == ("sops", "manifests/prod", "cluster/prod")
    assert (cluster.secret_path, cluster.secret_name) == ("manifests/prod/ca-secret.sops.yaml", "iam-ra-ca")
    assert (cluster.issuer.kind, cluster.issuer.name) == ("ClusterIssuer", "iam-ra")
    assert cluster.issuer.namespace == "cert-manager"
    assert (cluster.sidecar.image, cluster.sidecar.style, cluster.sidecar.port) == (
        SIDECAR_IMAGE,
        "native",
        9911,
    )
    assert (cluster.ca.validity, cluster.ca.renew_before, cluster.ca.overlap) == (
        365 * DAY,
        60 * DAY,
        30 * DAY,
    )
    assert cluster.admission_policy
    assert not cluster.approver_policy


def test_a_short_word_is_enough_for_a_workload(load_text: Load) -> None:
    text = f"{ROLES}clusters: {{prod: {{workloads: {{shop/api: {{role: a}}}}}}}}"
    workload = load_text(text).namespace.clusters["prod"].workloads["shop/api"]
    assert (workload.identity, workload.roles) == ("prod.shop.api", ("a",))
    assert (workload.target, workload.containers, workload.kind) == ("api", ("api",), None)
    assert (workload.duration, workload.renew_before) == (24 * HOUR, 8 * HOUR)


def test_a_workload_beats_its_cluster_and_the_default_role_comes_first(load_text: Load) -> None:
    text = f"""{ROLES}
clusters:
  prod:
    delivery: csi
    certificate: {{duration: 12h, renew_before: 6h}}
    issuer: {{kind: Issuer}}
    workloads:
      shop/api: {{roles: [c, a, b], default_role: b, certificate: {{duration: 3h}}}}
      shop/job: {{role: a, delivery: secret, containers: main, certificate: {{renew_before: 9h}}}}
"""
    cluster = load_text(text).namespace.clusters["prod"]
    api, job = cluster.workloads["shop/api"], cluster.workloads["shop/job"]
    assert api.roles == ("b", "a", "c")
    assert (api.duration, api.renew_before, api.delivery) == (3 * HOUR, HOUR, "csi")
    assert (job.duration, job.renew_before, job.delivery) == (12 * HOUR, 9 * HOUR, "secret")
    assert job.containers == ("main",)
    assert cluster.issuer.namespace == "shop"


def test_the_authority_of_a_cluster_is_cut_to_its_life(load_text: Load) -> None:
    ca = load_text("clusters: {prod: {ca: {validity: 90d}}}").namespace.clusters["prod"].ca
    assert (ca.validity, ca.renew_before, ca.overlap) == (90 * DAY, 30 * DAY, 15 * DAY)


def test_an_image_with_a_digest_needs_no_warning(problems: Problems) -> None:
    digest = f"sha256:{'0' * 64}"
    for image in (f"r.example/h:1.8.5@{digest}", f"r.example:5000/a/h@{digest}"):
        assert problems(f"clusters: {{prod: {{sidecar: {{image: '{image}'}}}}}}") == []
    (found,) = problems("clusters: {prod: {sidecar: {image: 'r.example/h:1.8.5'}}}")
    assert "docker buildx imagetools inspect r.example/h:1.8.5" in found.fix


def test_a_long_name_is_offered_an_identity_that_fits(problems: Problems) -> None:
    key = f"{'n' * 30}/{'w' * 30}"
    (found,) = problems(f"{ROLES}clusters: {{prod: {{workloads: {{{key}: {{role: a}}}}}}}}")
    offered = found.fix.partition("identity: ")[2].rstrip("`.")
    fixed = f"{ROLES}clusters: {{prod: {{workloads: {{{key}: {{role: a, identity: {offered}}}}}}}}}"
    assert problems(fixed) == []


def test_clusters_count_as_trust_anchors(problems: Problems) -> None:
    (found,) = problems("limits: {trust_anchors: 2}\nclusters: {a: {}, b: {}}")
    assert found.id == Check.AUTHORITIES.code
    assert found.what.startswith("3 certificate authorities and clusters, 2")


# Certificates that clusters made


def test_a_cluster_without_its_certificate_is_no_problem_and_no_authority(load_text: Load) -> None:
    namespace = load_text("clusters: {prod: {ca: {delivery: cluster}}}").namespace
    assert namespace.clusters["prod"].certificate == ""
    assert namespace.clusters["prod"].certificate_path == "manifests/prod/ca.pem"
    assert "cluster/prod" not in namespace.authorities


def test_the_certificate_of_a_cluster_is_read(load_text: Load, tmp_path: Path) -> None:
    pem = root(PrivateKey.generate("ec-p256"))
    (tmp_path / "ca.pem").write_text(f"some text\n{pem}")
    namespace = load_text("clusters: {prod: {ca: {delivery: cluster, certificate: ca.pem}}}").namespace
    assert namespace.clusters["prod"].certificate == pem


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("nothing", "cannot be read"),
        (root(PrivateKey.generate("ec-p256")) * 2, "cannot be read"),
        ("-----BEGIN EC PRIVATE KEY-----", "holds a private key"),
    ],
)
def test_a_file_that_is_no_certificate_of_an_authority_is_refused(
    problems: Problems, tmp_path: Path, content: str, what: str
) -> None:
    (tmp_path / "ca.pem").write_text(content)
    (found,) = problems("clusters: {prod: {ca: {delivery: cluster, certificate: ca.pem}}}")
    assert (found.id, found.column) == (Check.CA_CERTIFICATE.code, 56)
    assert what in found.what


def test_two_clusters_with_one_key_are_refused(problems: Problems, tmp_path: Path) -> None:
    key = PrivateKey.generate("ec-p256")
    for name in ("a", "b"):
        (tmp_path / f"{name}.pem").write_text(root(key))
    found = problems(
        "clusters:\n  a: {ca: {delivery: cluster, certificate: a.pem}}\n  b: {ca: {delivery: cluster, certificate: b.pem}}"
    )
    assert [(each.id, each.line) for each in found] == [(Check.CA_KEY_TAKEN.code, 6)]


# Who may take what


def test_a_cluster_stands_for_its_own_workloads_alone(load_text: Load) -> None:
    text = f"""{ROLES}
hosts: {{web: {{roles: [a]}}}}
clusters:
  prod: {{workloads: {{shop/api: {{role: a}}, shop/off: {{role: a, disabled: true}}}}}}
  test: {{workloads: {{shop/api: {{role: a, identity: prod.shop.api}}}}}}
"""
    found = entitled_in(load_text(text).namespace)["a"]
    assert found == {
        "default": ["web"],
        "cluster/prod": ["prod.shop.api"],
        "cluster/test": ["prod.shop.api"],
    }


def test_what_certificates_of_a_cluster_say_never_counts(load_text: Load) -> None:
    text = "roles: {a: {bind: certificate}}\nclusters: {prod: {workloads: {shop/api: {role: a}}}}"
    assert entitled_in(load_text(text).namespace) == {"a": {"cluster/prod": ["prod.shop.api"]}}
