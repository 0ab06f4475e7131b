"""Certificate revocation lists as Roles Anywhere reads them: imported ones only, and only the enabled.

Source: AWS IAM Roles Anywhere User Guide, "Revocation".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from iam_ra.anywhere.chain import name_of
from iam_ra.anywhere.keys import certificate_key
from iam_ra.engine.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.anywhere.chain import Path

PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Crl:
    """A CRL resource of a trust anchor; one blob may hold several lists."""

    arn: str
    enabled: bool
    lists: tuple[x509.CertificateRevocationList, ...]


def load_crls(data: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    """Read the lists of a CRL blob, PEM or DER. Raises CertificateError when there is none that can be read."""
    blocks = PEM_LIST.findall(data)
    try:
        # UNCERTAIN: crl-der: the API asks for PEM, live users send DER.
        return tuple(map(x509.load_pem_x509_crl, blocks)) if blocks else (x509.load_der_x509_crl(data),)
    except ValueError as error:
        raise CertificateError(
            "The revocation list cannot be read.",
            why="It is neither PEM nor DER of an X.509 certificate revocation list.",
            fix="Export the list again: `openssl crl -in LIST -noout -text` must show it.",
        ) from error


def revoked(path: Path, crls: Iterable[Crl]) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a path that an enabled list of their issuer names; the anchor's own is not asked."""
    enabled = [each for crl in crls if crl.enabled for each in crl.lists]
    certificates = path.certificates
    return tuple(
        certificate
        for certificate, issuer in pairwise(certificates)
        if any(_names(crl, certificate, issuer) for crl in enabled)
    )


def describe_lists(crls: Iterable[Crl]) -> Iterator[str]:
    """Yield each CRL for a reader: its ARN, whether it is enabled, how many serials it lists."""
    for crl in crls:
        count = sum(len(each) for each in crl.lists)
        yield f"{crl.arn}: {'enabled' if crl.enabled else 'disabled'}, {count} serial numbers"


def _names(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate
) -> bool:
    # UNCERTAIN: crl-expired: nextUpdate is not looked at.
    if crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is None:
        return False
    return _signed_by(crl, issuer)


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    # UNCERTAIN: crl-issuer: a list that the certificate's own issuer did not sign is passed over.
    usages = (each.value for each in issuer.extensions if isinstance(each.value, x509.KeyUsage))
    if crl.issuer != issuer.subject or not all(usage.crl_sign for usage in usages):
        return False
    key = certificate_key(issuer)
    try:
        return key is not None and crl.is_signature_valid(key)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def describe_revoked(certificate: x509.Certificate) -> str:
    """Return a revoked certificate for a reader."""
    return f"{name_of(certificate)}, serial number {certificate.serial_number:x}"
