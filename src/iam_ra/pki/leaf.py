"""A leaf certificate: what Roles Anywhere takes as proof of an identity."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.times import end_after, start_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from iam_ra.pki.keys import PublicKey

SERIAL_BITS = 159
# Of a common name and of an organizational unit. Source: RFC 5280, appendix A.1.
MAX_ATTRIBUTE = 64


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """What a signer is asked to certify. `serial` is the caller's, so that a ledger can name it before it is signed.

    `units` are the organizational units that stand before the common name, in this order. `csr` is the signing request
    (PEM) for the key, for authorities that take nothing else.
    """

    identity: str
    public_key: PublicKey
    serial: int
    now: datetime
    validity: timedelta
    units: tuple[str, ...] = ()
    csr: bytes = b""


def new_serial() -> int:
    """Return a random serial of 159 bits: the most that is 20 octets with the sign bit clear.

    Its top bit is set, so that it always has 40 hex digits and nobody's padding matters. Source: RFC 5280 4.1.2.2.
    """
    return (1 << (SERIAL_BITS - 1)) + secrets.randbits(SERIAL_BITS - 1)


def leaf_builder(request: LeafRequest, authority: x509.Certificate) -> x509.CertificateBuilder:
    """Return the certificate that `authority` is to sign: units and CN as subject, digitalSignature, clientAuth, no CA.

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
        .subject_name(leaf_subject(request.identity, request.units))
        .issuer_name(authority.subject)
        .public_key(request.public_key)
        .serial_number(request.serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key), critical=False)
        .add_extension(authority_key_identifier(authority), critical=False)
    )


def leaf_subject(identity: str, units: Sequence[str]) -> x509.Name:
    """Return a leaf's subject: an attribute a unit, and the identity as common name after them.

    Raises CertificateError when one of them does not fit (1 to 64 characters each; X.520 ub-common-name and
    ub-organizational-unit-name).
    """
    long = next((unit for unit in units if not 1 <= len(unit) <= MAX_ATTRIBUTE), None)
    if long is not None or not 1 <= len(identity) <= MAX_ATTRIBUTE:
        raise CertificateError(
            f"No certificate can be issued for {identity!r}.",
            why=f"A common name has 1 to {MAX_ATTRIBUTE} characters."
            if long is None
            else f"{long!r} is no organizational unit: one has 1 to {MAX_ATTRIBUTE} characters.",
            fix="Give the host a shorter `identity`." if long is None else "Give the role a shorter name.",
        )
    return x509.Name([
        *(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units),
        x509.NameAttribute(NameOID.COMMON_NAME, identity),
    ])  # fmt: skip


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


def authority_key_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the extension that names the key by which `authority` signs."""
    try:
        subject_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        # An authority made elsewhere may lack the extension.
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key)
