"""One private authority: its key, its status, what it issued and revoked.

Source: AWS Private CA user guide, "Private CA lifecycle"; API reference.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iam_ra.sandbox import loopback
from iam_ra.sandbox.acmpca import algorithms, names, validity
from iam_ra.sandbox.acmpca.errors import (
    CertificateMismatchError,
    InProgressError,
    InvalidArgsError,
    InvalidRequestError,
    InvalidStateError,
    MalformedCertificateError,
)
from iam_ra.sandbox.clock import now

if TYPE_CHECKING:
    from iam_ra.sandbox.acmpca.templates import Template

SHORT_LIVED = "SHORT_LIVED_CERTIFICATE"
SERIAL_BITS = 128


@dataclass
class Making:
    """Something that is made asynchronously, by the real clock.

    Whoever looks first finds it unfinished, however late: no client gets away with not waiting.
    """

    ready: float = field(default_factory=lambda: time.time() + loopback.settings().operation_seconds)
    seen: bool = False

    def done(self) -> bool:
        """Look whether it is finished."""
        first, self.seen = not self.seen, True
        return not first and time.time() >= self.ready


@dataclass(kw_only=True)
class Issued:
    """One certificate that an authority signed; None of a field means not (yet)."""

    certificate: x509.Certificate
    chain: str | None
    root: bool
    making: Making = field(default_factory=Making)
    revoked: tuple[datetime, str] | None = None


@dataclass(kw_only=True)
class Authority:
    """One private authority."""

    arn: str
    owner: str
    configuration: dict[str, Any]
    kind: str
    usage_mode: str
    key_standard: str
    revocation: dict[str, Any]
    tags: dict[str, str]
    key_der: bytes = field(repr=False)
    making: Making = field(default_factory=Making)
    created: datetime = field(default_factory=now)
    changed: datetime | None = None
    given_status: str = "PENDING_CERTIFICATE"
    restorable_until: datetime | None = None
    certificate: x509.Certificate | None = None
    chain: str | None = None
    issued: dict[str, Issued] = field(default_factory=dict)
    permissions: dict[tuple[str, str | None], dict[str, Any]] = field(default_factory=dict)
    crl_number: int = 0

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def key(self) -> algorithms.PrivateKey:
        """The private key."""
        return _load(self.key_der)

    @property
    def name(self) -> x509.Name:
        """The subject of the authority."""
        return names.to_name(self.configuration["Subject"])

    @property
    def status(self) -> str:
        """What DescribeCertificateAuthority says."""
        if self.restorable_until is not None:
            return "DELETED"
        if not self.making.done():
            return "CREATING"
        expires = self.given_status in {"ACTIVE", "DISABLED"}
        if expires and self.certificate is not None and self.certificate.not_valid_after_utc <= now():
            return "EXPIRED"
        return self.given_status

    @property
    def gone(self) -> bool:
        """Whether the time in which a deleted authority could be restored is over."""
        return self.restorable_until is not None and self.restorable_until <= now()

    def require(self, *statuses: str) -> None:
        """Refuse unless the authority has one of the statuses."""
        status = self.status
        if status not in statuses:
            raise InvalidStateError(
                f"The certificate authority {self.arn} is {status}: not in the correct state."
            )

    def become(self, status: str) -> None:
        """Take a status."""
        self.given_status, self.changed = status, now()

    def csr(self) -> str:
        """Return the authority's certificate signing request as PEM."""
        status = self.status
        if status == "CREATING":
            raise InProgressError(f"The certificate authority {self.arn} is being created.")
        if status == "DELETED":
            self.require()
        digest, pss = algorithms.signature(self.configuration["SigningAlgorithm"])
        builder = x509.CertificateSigningRequestBuilder().subject_name(self.name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        signed = builder.sign(self.key, digest, rsa_padding=pss)
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def sign(
        self,
        csr: x509.CertificateSigningRequest,
        template: Template,
        signing_algorithm: str,
        start: datetime,
        end: datetime,
    ) -> x509.Certificate:
        """Sign a certificate for a request's key, subject and what the template takes of its extensions."""
        algorithms.check_family(self.configuration["KeyAlgorithm"], signing_algorithm)
        issuer = None if template.root else self.certificate
        if template.root:
            self._check_own(csr)
        validity.check(start, end, now(), issuer.not_valid_after_utc if issuer else None)
        if self.usage_mode == SHORT_LIVED and not template.authority and end - now() > validity.SHORT_LIVED:
            raise InvalidArgsError("A short-lived certificate is valid for at most 7 days.")
        builder = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(self.name if issuer is None else issuer.subject)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number() >> (160 - SERIAL_BITS))
            .not_valid_before(start)
            .not_valid_after(end)
        )
        for extension, critical in template.extensions(csr, issuer, self.crl_url):
            builder = builder.add_extension(extension, critical)
        digest, pss = algorithms.signature(signing_algorithm)
        return builder.sign(self.key, digest, rsa_padding=pss)

    def _check_own(self, csr: x509.CertificateSigningRequest) -> None:
        if self.kind != "ROOT" or csr.public_key() != self.key.public_key():
            raise InvalidArgsError(
                "RootCACertificate/V1 is for a root's own certificate signing request only."
            )

    def install(self, certificate: x509.Certificate, chain: list[x509.Certificate]) -> None:
        """Take a certificate for the authority's own key."""
        self.require("PENDING_CERTIFICATE", "ACTIVE", "DISABLED", "EXPIRED")
        if certificate.public_key() != self.key.public_key():
            raise CertificateMismatchError("The certificate is not for the key of the certificate authority.")
        try:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        except x509.ExtensionNotFound:
            constraints = None
        if constraints is None or not constraints.critical or not constraints.value.ca:
            raise MalformedCertificateError("The certificate is not that of a certificate authority.")
        if certificate.not_valid_after_utc <= now():
            raise MalformedCertificateError("The certificate has expired.")
        if self.kind == "ROOT" and chain:
            raise InvalidRequestError("The certificate of a root has no chain.")
        if self.kind != "ROOT" and not chain:
            raise InvalidRequestError("The certificate of a subordinate needs its chain.")
        for issued, issuer in zip([certificate, *chain], [*chain, (chain or [certificate])[-1]], strict=True):
            try:
                issued.verify_directly_issued_by(issuer)
            except Exception as error:
                raise CertificateMismatchError("The certificate is not signed by its chain.") from error
        self.certificate = certificate
        self.chain = "".join(to_pem(each) for each in chain) or None
        if self.status in {"PENDING_CERTIFICATE", "EXPIRED"}:
            self.become("ACTIVE")

    @property
    def crl_settings(self) -> dict[str, Any] | None:
        """The revocation list's settings, if there is to be one."""
        settings = self.revocation.get("CrlConfiguration") or {}
        return settings if settings.get("Enabled") else None

    @property
    def crl_key(self) -> str:
        """Where in its bucket the revocation list lies."""
        return f"crl/{self.id}.crl"

    @property
    def crl_url(self) -> str | None:
        """What certificates say about where the list is; None where they are to say nothing."""
        settings = self.crl_settings
        if settings is None:
            return None
        if (settings.get("CrlDistributionPointExtensionConfiguration") or {}).get("OmitExtension"):
            return None
        region = self.arn.split(":")[3]
        host = settings.get("CustomCname") or f"{settings['S3BucketName']}.s3.{region}.amazonaws.com"
        return f"http://{host}/{self.crl_key}"

    def crl(self, days: int) -> bytes:
        """Return the next revocation list as DER."""
        if self.certificate is None:
            raise InvalidStateError(f"The certificate authority {self.arn} has no certificate.")
        self.crl_number += 1
        at = now()
        identifier = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + timedelta(days=days))
            .add_extension(x509.CRLNumber(self.crl_number), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
        )
        for each in self.issued.values():
            if each.revoked is not None:
                builder = builder.add_revoked_certificate(_entry(each.certificate, *each.revoked))
        digest, pss = algorithms.signature(self.configuration["SigningAlgorithm"])
        signed = builder.sign(self.key, digest, rsa_padding=pss)
        return signed.public_bytes(serialization.Encoding.DER)


def to_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


REASONS = {
    "KEY_COMPROMISE": x509.ReasonFlags.key_compromise,
    "CERTIFICATE_AUTHORITY_COMPROMISE": x509.ReasonFlags.ca_compromise,
    "AFFILIATION_CHANGED": x509.ReasonFlags.affiliation_changed,
    "SUPERSEDED": x509.ReasonFlags.superseded,
    "CESSATION_OF_OPERATION": x509.ReasonFlags.cessation_of_operation,
    "PRIVILEGE_WITHDRAWN": x509.ReasonFlags.privilege_withdrawn,
    "A_A_COMPROMISE": x509.ReasonFlags.aa_compromise,
}


def _entry(certificate: x509.Certificate, at: datetime, reason: str) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(at)
    # UNSPECIFIED is said by saying nothing (RFC 5280, 5.3.1).
    if reason in REASONS:
        builder = builder.add_extension(x509.CRLReason(REASONS[reason]), critical=False)
    return builder.build()


@lru_cache(maxsize=64)
def _load(der: bytes) -> algorithms.PrivateKey:
    key = serialization.load_der_private_key(der, password=None)
    assert isinstance(key, algorithms.PrivateKey)
    return key
