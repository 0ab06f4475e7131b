"""A leaf certificate: what Roles Anywhere takes as proof of an identity."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.times import end_after, start_at

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from iam_ra.pki.keys import PublicKey

# SHA-256 for every key, P-384 included: iam-rolesanywhere-session derives the algorithm of its request signature from
# the hash in the leaf's signature, and AWS names only AWS4-X509-{RSA,ECDSA}-SHA256. Roots follow, to have one rule.
SIGNATURE_HASH = hashes.SHA256()
SERIAL_BITS = 159


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """What a signer is asked to certify. `serial` is the caller's, so that a ledger can name it before it is signed."""

    identity: str
    public_key: PublicKey
    serial: int
    now: datetime
    validity: timedelta


def new_serial() -> int:
    """Return a random serial of 159 bits: the most that is 20 octets with the sign bit clear.

    Its top bit is set, so that it always has 40 hex digits and nobody's padding matters. Source: RFC 5280 4.1.2.2.
    """
    return (1 << (SERIAL_BITS - 1)) + secrets.randbits(SERIAL_BITS - 1)


def leaf_builder(request: LeafRequest, authority: x509.Certificate) -> x509.CertificateBuilder:
    """Return the certificate that `authority` is to sign: CN alone as subject, digitalSignature, clientAuth, no CA.

    Its life lies within the authority's. Raises CertificateError when the authority's is over, or when the identity
    does not fit a common name (1 to 64 characters, X.520 ub-common-name).
    """
    not_before = max(start_at(request.now), authority.not_valid_before_utc)
    not_after = min(end_after(request.now, request.validity), authority.not_valid_after_utc)
    if request.now >= not_after or not_before >= not_after:
        raise CertificateError(
            f"No certificate can be issued for {request.identity!r}.",
            why=f"The authority {authority.subject.rfc4514_string()!r} is valid from "
            f"{authority.not_valid_before_utc:%Y-%m-%d %H:%M:%S} to {authority.not_valid_after_utc:%Y-%m-%d %H:%M:%S}"
            f" UTC; now is {request.now:%Y-%m-%d %H:%M:%S}.",
            fix="Give the authority a new certificate, or correct the clock.",
        )
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(request.identity))
        .issuer_name(authority.subject)
        .public_key(request.public_key)
        .serial_number(request.serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key), critical=False)
        .add_extension(_authority_key_identifier(authority), critical=False)
    )


def key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    """Return a key usage with these bits and no other."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(identity: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    except ValueError as error:
        raise CertificateError(
            f"No certificate can be issued for {identity!r}.",
            why="A common name has 1 to 64 characters.",
            fix="Give the host a shorter `identity`.",
        ) from error


def _authority_key_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        subject_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        # An authority made elsewhere may lack the extension.
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key)
