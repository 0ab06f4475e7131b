"""Reading certificates: what they say and whether a key belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.keys import KeyAlgorithm, PrivateKey, PublicKey, algorithm_of, fingerprint, spki_digest

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What a certificate says, ready for records and for eyes.

    `serial` is decimal (what Roles Anywhere's request signature uses), `serial_hex` lower-case hex (what its sessions
    are called). `identity` and `issuer` are the common names. `fingerprint` and `spki` are SHA-256 in lower-case hex,
    of the whole certificate and of its public key. The dates are UTC.
    """

    serial: str
    serial_hex: str
    identity: str
    issuer: str
    not_before: datetime
    not_after: datetime
    algorithm: KeyAlgorithm
    fingerprint: str
    spki: str


def load_certificate(pem: str | bytes) -> x509.Certificate:
    """Read one PEM certificate. Raises CertificateError for none, several or a damaged one."""
    certificates = load_bundle(pem)
    if len(certificates) != 1:
        raise CertificateError(
            "A certificate cannot be read.",
            why=f"The text holds {len(certificates)} certificates; one is expected.",
            fix="Keep only the first one, which is the holder's.",
        )
    return certificates[0]


def load_bundle(pem: str | bytes) -> list[x509.Certificate]:
    """Read one or more PEM certificates, in their order. Raises CertificateError for none or a damaged one."""
    data = pem.encode() if isinstance(pem, str) else pem
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise CertificateError(
            "A certificate cannot be read.",
            why=f"The text is no PEM certificate: {error}.",
            fix="Check it with: `openssl x509 -noout -text -in CERTIFICATE`",
        ) from error


def certificate_pem(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM, ending in a newline."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def describe(certificate: x509.Certificate) -> CertificateInfo:
    """Return what a certificate says. Raises CertificateError for a key that iam-ra does not use."""
    key = certificate.public_key()
    algorithm = algorithm_of(key)
    return CertificateInfo(
        serial=str(certificate.serial_number),
        serial_hex=f"{certificate.serial_number:x}",
        identity=common_name(certificate.subject),
        issuer=common_name(certificate.issuer),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        algorithm=algorithm,
        fingerprint=fingerprint(certificate),
        spki=spki_digest(cast(PublicKey, key)),
    )


def matches(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Tell whether the certificate was made for this key."""
    return key.public_key == certificate.public_key()


def common_name(name: x509.Name) -> str:
    """Return the common name, or nothing when there is none; the last one when there are several."""
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[-1].value) if values else ""
