"""PEM as the service takes it: the certificates of a trust anchor, the lists of a CRL.

Source: AWS IAM Roles Anywhere user guide, "Signature verification" and "Revocation".
"""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.utils import CryptographyDeprecationWarning

from iam_ra.sandbox.rolesanywhere.errors import ValidationError

MAX_CERTIFICATES = 2
CRL_BEGIN = b"-----BEGIN X509 CRL-----"


def check_anchor(pem: str) -> None:
    """Refuse anything but one or two CA certificates in PEM."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ValidationError(
            "Unable to parse x509CertificateData: it must hold PEM-encoded certificates."
        ) from None
    if len(certificates) > MAX_CERTIFICATES:
        raise ValidationError(f"A trust anchor holds at most {MAX_CERTIFICATES} certificates.")
    for certificate in certificates:
        _check_ca(certificate)


def check_crl(data: bytes) -> None:
    """Refuse anything but CRLs in PEM."""
    blocks = data.split(CRL_BEGIN)[1:]
    try:
        for block in blocks:
            x509.load_pem_x509_crl(CRL_BEGIN + block)
    except ValueError:
        blocks = []
    if not blocks:
        raise ValidationError(
            "Unable to parse crlData: it must hold PEM-encoded certificate revocation lists."
        )


def _check_ca(certificate: x509.Certificate) -> None:
    if certificate.version is not x509.Version.v3:
        raise ValidationError("A CA certificate must be of X.509 version 3.")
    if isinstance(certificate.signature_hash_algorithm, MD5 | SHA1):
        raise ValidationError("A CA certificate must be signed with SHA-256 or stronger.")
    try:
        extensions = certificate.extensions
    except ValueError:
        raise ValidationError("Unable to parse the extensions of a CA certificate.") from None
    if not any(isinstance(each.value, x509.BasicConstraints) and each.value.ca for each in extensions):
        raise ValidationError("Incorrect basic constraints for CA certificate")
    for each in extensions:
        if isinstance(each.value, x509.KeyUsage) and not each.value.key_cert_sign:
            raise ValidationError("Incorrect key usage for CA certificate")
