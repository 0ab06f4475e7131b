"""An authority's certificate: a self-signed root that signs leaves only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.keys import algorithm_of, signature_hash
from iam_ra.pki.leaf import key_usage
from iam_ra.pki.times import end_after, start_at

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from iam_ra.pki.keys import SigningKey

ORGANIZATION = "iam-ra"
# X.520 ub-common-name: OpenSSL refuses, and others cut, what is longer.
MAX_COMMON_NAME = 64


def authority_subject(namespace: str, scope: str, generation: int = 1) -> x509.Name:
    """Return the subject that belongs to this authority alone, its generation included.

    A path is built by subject, so two roots with one subject would be taken for each other.
    """
    common_name = f"{ORGANIZATION} {namespace} {scope} G{generation}"
    if len(common_name) > MAX_COMMON_NAME:
        # A dot cannot be in a scope's name, so a shortened name is never another scope's full one.
        digest = hashlib.sha256(scope.encode()).hexdigest()[:16]
        kept = len(scope) - (len(common_name) - MAX_COMMON_NAME) - len(digest) - 1
        common_name = f"{ORGANIZATION} {namespace} {scope[: max(kept, 0)]}.{digest} G{generation}"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def self_signed(
    key: SigningKey, subject: x509.Name, *, serial: int, now: datetime, validity: timedelta
) -> x509.Certificate:
    """Return a root certificate for a key: version 3, path length 0, certificates and CRLs its only use.

    `serial` is the caller's, so that a ledger can name it first. Its life ends at `now + validity`, at the latest in the year 9998. Source: RFC 5280 4.2.1.
    """
    public_key = key.public_key()
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(start_at(now))
        .not_valid_after(end_after(now, validity))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(key_identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_identifier), critical=False
        )
        .sign(key, signature_hash(key))
    )


def load_root(pem: bytes) -> x509.Certificate:
    """Read the certificate (PEM) of a root that others made. Raises CertificateError for anything else.

    Source: IAM Roles Anywhere User Guide, "Trust model" (what a certificate in a trust anchor must be).
    """
    if b"PRIVATE KEY" in pem:
        raise CertificateError(
            "It holds a private key.",
            why="The authority's key never leaves the cluster; whoever reads this repository could sign.",
            fix="Take this file away, let the cluster make a new authority, and bring over its certificate only.",
        )
    certificate = load_certificate(pem)
    problem = _root_problem(certificate)
    if problem:
        raise CertificateError(
            f"It cannot be an authority: {problem}.",
            why="A trust anchor takes a self-signed certificate of an authority.",
            fix="Bring over the `tls.crt` of the Secret with the cluster's authority.",
        )
    algorithm_of(certificate.public_key())
    return certificate


def _root_problem(certificate: x509.Certificate) -> str:
    """Return why a certificate is no root, or an empty text."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return "it has no basic constraints"
    try:
        usage: x509.KeyUsage | None = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if not constraints.ca:
        return "it is no certificate of an authority (CA:FALSE)"
    if usage is not None and not usage.key_cert_sign:
        return "its key may not sign certificates"
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return "it is not signed by itself"
    return ""
