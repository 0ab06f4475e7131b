"""An authority's certificate: a self-signed root that signs leaves only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from iam_ra.pki.keys import signature_hash
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
