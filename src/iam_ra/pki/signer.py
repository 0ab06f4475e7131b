"""Who signs for an authority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.crl import CrlRequest, crl_builder
from iam_ra.pki.keys import signature_hash
from iam_ra.pki.leaf import LeafRequest, leaf_builder

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

    from iam_ra.pki.keys import SigningKey


class Signer(Protocol):
    """An authority that can sign: with a key in memory, a key that never leaves its home, or by asking a service."""

    @property
    def certificate(self) -> Certificate:
        """The authority's own certificate."""
        ...

    def sign_leaf(self, request: LeafRequest) -> Certificate:
        """Certify one identity. Raises CertificateError when a rule of X.509 or of the authority's life forbids it."""
        ...

    def sign_crl(self, request: CrlRequest) -> CertificateRevocationList:
        """Revoke certificates. Raises CertificateError when the authority has ended."""
        ...


class KeySigner:
    """Signs with a key object of cryptography, wherever that computes its signatures."""

    def __init__(self, certificate: Certificate, key: SigningKey) -> None:
        if key.public_key() != certificate.public_key():
            subject = certificate.subject.rfc4514_string()
            raise CertificateError(
                f"The key does not belong to the authority {subject!r}.",
                why="What it signed would be refused: the certificate was made for another key.",
                fix="Bring back the key that the certificate was made for, from the machine that made it or a backup.",
            )
        self._certificate = certificate
        self._key = key

    @property
    def certificate(self) -> Certificate:
        """The authority's own certificate."""
        return self._certificate

    def sign_leaf(self, request: LeafRequest) -> Certificate:
        """Certify one identity. Raises CertificateError when a rule of X.509 or of the authority's life forbids it."""
        return leaf_builder(request, self._certificate).sign(self._key, signature_hash(self._key))

    def sign_crl(self, request: CrlRequest) -> CertificateRevocationList:
        """Revoke certificates. Raises CertificateError when the authority has ended."""
        return crl_builder(request, self._certificate).sign(self._key, signature_hash(self._key))
