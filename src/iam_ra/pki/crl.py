"""A certificate revocation list: what an authority signed and no longer stands for.

Source: RFC 5280, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.leaf import authority_key_identifier
from iam_ra.pki.times import start_at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# Source: botocore model rolesanywhere 2018-05-10, CrlCrlDataBlob.
MAX_PEM_BYTES = 300_000
# The words of RFC 5280 5.3.1, as Python writes them.
REASONS = {
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
    "superseded": x509.ReasonFlags.superseded,
    "key_compromise": x509.ReasonFlags.key_compromise,
    "certificate_hold": x509.ReasonFlags.certificate_hold,
    "privilege_withdrawn": x509.ReasonFlags.privilege_withdrawn,
}
# DER: an entry's frame (2), a serial of 20 octets (22), a date of four-digit years (17), its reason (14).
_ENTRY_BYTES = 55
# Everything else, with a subject of 64 + 64 characters and a signature of RSA-4096.
_FRAME_BYTES = 1_200
_PEM_FRAME_BYTES = 100


@dataclass(frozen=True, slots=True)
class CrlEntry:
    """A certificate that counts no more since `when`. `reason` is a key of `REASONS`."""

    serial: int
    when: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CrlRequest:
    """What a signer is asked to revoke. `number` grows from list to list."""

    number: int
    now: datetime
    entries: tuple[CrlEntry, ...]


def revocations_in(pem: bytes) -> dict[str, tuple[str, datetime]]:
    """Return why and since when each certificate of a list is revoked, by serial (decimal)."""
    found = {}
    for each in x509.load_pem_x509_crl(pem):
        try:
            reason = each.extensions.get_extension_for_class(x509.CRLReason).value.reason
        except x509.ExtensionNotFound:
            reason = x509.ReasonFlags.unspecified
        found[str(each.serial_number)] = reason.name, each.revocation_date_utc
    return found


def crl_builder(request: CrlRequest, authority: x509.Certificate) -> x509.CertificateRevocationListBuilder:
    """Return the list that `authority` is to sign. It is good until the authority ends: what replaces it is the next one.

    Raises CertificateError when the authority has ended.
    """
    end = authority.not_valid_after_utc
    if request.now >= end:
        raise CertificateError(
            f"No revocation list can be signed by {authority.subject.rfc4514_string()!r}.",
            why=f"It ended on {end:%Y-%m-%d %H:%M:%S} UTC, and all that it signed with it.",
            fix="Correct the clock, if that is not true.",
        )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(max(start_at(request.now), authority.not_valid_before_utc))
        .next_update(end)
        .add_extension(x509.CRLNumber(request.number), critical=False)
        .add_extension(authority_key_identifier(authority), critical=False)
    )
    for entry in request.entries:
        builder = builder.add_revoked_certificate(_revoked(entry))
    return builder


def crl_pem(crl: x509.CertificateRevocationList) -> bytes:
    """Return the list as PEM, ending in a newline."""
    return crl.public_bytes(Encoding.PEM)


def largest_pem(entries: int) -> int:
    """Return the bytes that the PEM of a list with so many entries has at most, whichever key signs it."""
    der = _FRAME_BYTES + entries * _ENTRY_BYTES
    characters = -(-der // 3) * 4
    return characters + -(-characters // 64) + _PEM_FRAME_BYTES


def crl_numbers(pem: bytes) -> Iterable[int]:
    """Yield the number of a list, if it can be read and has one."""
    try:
        extensions = x509.load_pem_x509_crl(pem).extensions
        yield extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (ValueError, x509.ExtensionNotFound):
        return


def _revoked(entry: CrlEntry) -> x509.RevokedCertificate:
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(entry.serial)
        .revocation_date(entry.when)
        .add_extension(x509.CRLReason(REASONS[entry.reason]), critical=False)
        .build()
    )
