"""Sessions under a trust anchor whose authority is AWS Private CA."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from tests.e2e.clients.caller import Caller
from tests.e2e.clients.estate import HOST, REGION, Estate, key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Aws

    from iam_ra.sandbox.server import Server

TEMPLATE = "arn:aws:acm-pca:::template/{}/V1"
PACE = {"Delay": 0.02, "MaxAttempts": 200}


class PrivateAuthority:
    """A root in AWS Private CA."""

    def __init__(self, pca: Any) -> None:
        self._pca = pca
        configuration = {
            "KeyAlgorithm": "RSA_2048",
            "SigningAlgorithm": "SHA256WITHRSA",
            "Subject": {"CommonName": "company"},
        }
        made = pca.create_certificate_authority(
            CertificateAuthorityConfiguration=configuration, CertificateAuthorityType="ROOT"
        )
        self.arn = made["CertificateAuthorityArn"]

    def activate(self) -> None:
        name = {"CertificateAuthorityArn": self.arn}
        self._pca.get_waiter("certificate_authority_csr_created").wait(**name, WaiterConfig=PACE)
        csr = self._pca.get_certificate_authority_csr(CertificateAuthorityArn=self.arn)["Csr"]
        pem = self._issue(csr.encode(), "RootCACertificate", 31)
        self._pca.import_certificate_authority_certificate(CertificateAuthorityArn=self.arn, Certificate=pem)

    def sign(self, identity: str) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
        csr = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(name)
            .sign(key("ec-p256").signing_key, hashes.SHA256())
        )
        pem = self._issue(csr.public_bytes(serialization.Encoding.PEM), "EndEntityCertificate")
        return x509.load_pem_x509_certificate(pem)

    def _issue(self, csr: bytes, template: str, days: int = 30) -> bytes:
        issued = self._pca.issue_certificate(
            CertificateAuthorityArn=self.arn,
            Csr=csr,
            SigningAlgorithm="SHA256WITHRSA",
            TemplateArn=TEMPLATE.format(template),
            Validity={"Type": "DAYS", "Value": days},
        )
        name = {"CertificateAuthorityArn": self.arn, "CertificateArn": issued["CertificateArn"]}
        self._pca.get_waiter("certificate_issued").wait(**name, WaiterConfig=PACE)
        found = self._pca.get_certificate(**name)
        return str(found["Certificate"]).encode()


@pytest.fixture
def authority(aws: Aws) -> PrivateAuthority:
    return PrivateAuthority(aws("acm-pca", REGION))


@pytest.fixture
def estate(aws: Aws, tmp_path: Path) -> Estate:
    return Estate(tmp_path, lambda service: aws(service, REGION))


def anchor_of(estate: Estate, authority: PrivateAuthority) -> str:
    source = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": authority.arn}}
    made = estate.anywhere.create_trust_anchor(name="pca", source=source, enabled=True)
    return str(made["trustAnchor"]["trustAnchorArn"])


@pytest.mark.conforms(
    "Roles Anywhere sessions: Certificates of a private authority in ACM PCA open roles.",
    source="IAM Roles Anywhere User Guide: Trust model",
)
def test_its_certificates_open_roles(sandbox: Server, estate: Estate, authority: PrivateAuthority) -> None:
    authority.activate()
    anchor = anchor_of(estate, authority)
    estate.trust("reader", {anchor: [HOST]})
    leaf = authority.sign(HOST)
    assert leaf.not_valid_before_utc <= datetime.now(UTC)
    caller = Caller(sandbox, estate, leaf)
    assert caller.ask(trust_anchor_arn=anchor).status == 201
    caller.leaf = estate.authority.sign(HOST, "ec-p256")
    untrusted = (403, "AccessDeniedException", "Untrusted signing certificate")
    assert caller.ask(trust_anchor_arn=anchor).error == untrusted


@pytest.mark.conforms(
    "Roles Anywhere sessions: An authority in ACM PCA without a certificate vouches for nobody.",
    source="IAM Roles Anywhere User Guide: Trust model",
)
def test_an_authority_without_a_certificate_vouches_for_nobody(
    sandbox: Server, estate: Estate, authority: PrivateAuthority
) -> None:
    caller = Caller(sandbox, estate, estate.authority.sign(HOST, "ec-p256"))
    answer = caller.ask(trust_anchor_arn=anchor_of(estate, authority))
    assert answer.error == (403, "AccessDeniedException", "Untrusted signing certificate")
