"""An account with two authorities, three roles and hosts' certificates, made by boto3 and our own X.509 code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from iam_ra.anywhere.trust_policy import trust_policy
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.keys import SIGNATURE_HASH, KeyAlgorithm, PrivateKey
from iam_ra.pki.leaf import LeafRequest, key_usage, new_serial
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT = "123456789012"
REGION = "eu-central-1"
HOST, BOSS = "web.example.com", "boss.example.com"
NOW = datetime.now(UTC)
AGO = NOW - timedelta(days=30)


@cache
def key(algorithm: KeyAlgorithm) -> PrivateKey:
    """Return one key an algorithm for the whole run: RSA takes long."""
    return PrivateKey.generate(algorithm)


class Authority:
    """A root that is as old as a month, so that it can have signed what has expired since."""

    def __init__(self, scope: str, subject: x509.Name | None = None) -> None:
        self.key = PrivateKey.generate("ec-p256")
        self.subject = subject or authority_subject("default", scope)
        self.certificate = self_signed(
            self.key.signing_key, self.subject, serial=new_serial(), now=AGO, validity=timedelta(days=3650)
        )

    def sign(
        self, identity: str, algorithm: KeyAlgorithm, *, at: datetime = NOW, days: int = 90
    ) -> x509.Certificate:
        request = LeafRequest(identity, key(algorithm).public_key, new_serial(), at, timedelta(days=days))
        return KeySigner(self.certificate, self.key.signing_key).sign_leaf(request)

    def empower(self, intermediate: Authority) -> None:
        """Make another authority an intermediate under this one, which may then be of any length."""
        self.certificate = _ca(self.subject, self.key, self.subject, self.key)
        intermediate.certificate = _ca(intermediate.subject, intermediate.key, self.subject, self.key)


def _ca(subject: x509.Name, own: PrivateKey, issuer: x509.Name, issuers: PrivateKey) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own.public_key)
        .serial_number(new_serial())
        .not_valid_before(AGO)
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(issuers.signing_key, SIGNATURE_HASH)
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a client is given to try a role with: files and ARNs."""

    certificate: Path
    private_key: Path
    intermediates: Path | None
    trust_anchor_arn: str
    profile_arn: str
    role_arn: str

    @property
    def serial_hex(self) -> str:
        """What the session is to be called."""
        return f"{x509.load_pem_x509_certificate(self.certificate.read_bytes()).serial_number:x}"

    @property
    def assumed_role_arn(self) -> str:
        name = self.role_arn.rpartition("/")[2]
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{self.serial_hex}"


class Estate:
    """The account. `web` may take reader and writer, `boss` may take admin; both are the default authority's."""

    def __init__(self, folder: Path, client: Callable[[str], Any]) -> None:
        self._folder = folder
        self._iam, self.anywhere = client("iam"), client("rolesanywhere")
        self.authority, self.other = Authority("default"), Authority("other")
        self.anchor = self.anchor_of(self.authority)
        self.other_anchor = self.anchor_of(self.other)
        self.roles = {
            "reader": self._role("reader", [HOST]),
            "writer": self._role("writer", [HOST]),
            "admin": self._role("admin", [BOSS]),
        }
        self.profiles = {name: self._profile(name, arn) for name, arn in self.roles.items()}

    def anchor_of(self, authority: Authority) -> str:
        source = {
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": certificate_pem(authority.certificate)},
        }
        made = self.anywhere.create_trust_anchor(name="anchor", source=source, enabled=True)
        return str(made["trustAnchor"]["trustAnchorArn"])

    def trust(self, role: str, identities: dict[str, list[str]]) -> None:
        """Change who may take a role: identities by trust anchor."""
        self._iam.update_assume_role_policy(
            RoleName=role, PolicyDocument=json.dumps(trust_policy(identities))
        )

    def revoke(self, certificate: x509.Certificate) -> None:
        """Revoke a certificate of the default authority."""
        revoked = x509.RevokedCertificateBuilder(certificate.serial_number, AGO).build()
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.subject)
            .last_update(AGO)
            .next_update(NOW + timedelta(days=3650))
            .add_revoked_certificate(revoked)
            .sign(self.authority.key.signing_key, SIGNATURE_HASH)
        )
        pem = crl.public_bytes(serialization.Encoding.PEM)
        self.anywhere.import_crl(name="crl", crlData=pem, enabled=True, trustAnchorArn=self.anchor)

    def attempt(
        self,
        certificate: x509.Certificate,
        algorithm: KeyAlgorithm,
        *,
        role: str = "reader",
        anchor: str | None = None,
        intermediate: x509.Certificate | None = None,
    ) -> Attempt:
        """Write a host's files; by default it goes to the default authority's anchor for the role `reader`."""
        files = {name: self._folder / name for name in ("cert.pem", "key.pem", "chain.pem")}
        files["cert.pem"].write_text(certificate_pem(certificate))
        files["key.pem"].touch(0o600)
        files["key.pem"].write_bytes(key(algorithm).pem().reveal())
        if intermediate is not None:
            files["chain.pem"].write_text(certificate_pem(intermediate))
        return Attempt(
            certificate=files["cert.pem"],
            private_key=files["key.pem"],
            intermediates=None if intermediate is None else files["chain.pem"],
            trust_anchor_arn=anchor or self.anchor,
            profile_arn=self.profiles[role],
            role_arn=self.roles[role],
        )

    def _role(self, name: str, identities: list[str]) -> str:
        document = json.dumps(trust_policy({self.anchor: identities}))
        made = self._iam.create_role(
            RoleName=name, Path="/iam-ra/default/", AssumeRolePolicyDocument=document
        )
        return str(made["Role"]["Arn"])

    def _profile(self, name: str, role_arn: str) -> str:
        made = self.anywhere.create_profile(name=name, roleArns=[role_arn], enabled=True)
        return str(made["profile"]["profileArn"])


def look_alike(authority: Authority) -> tuple[Authority, Authority]:
    """Return a root that nobody trusts, and under it an intermediate that bears the authority's own name."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    root, intermediate = Authority("", name), Authority("", authority.subject)
    root.empower(intermediate)
    return root, intermediate
