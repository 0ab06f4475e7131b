"""Reading a certificate signing request: the key that is to be certified, and nothing else that it asks for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.keys import SIGNATURE_HASH, describe_key, spki_digest

if TYPE_CHECKING:
    from iam_ra.pki.keys import PrivateKey, PublicKey

_CURVES = ("secp256r1", "secp384r1")
_RSA_BITS = range(2048, 4097)
_KEYS = "ec-p256, ec-p384 and RSA of 2048 to 4096 bits"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What counts of a request. `digest` is the SHA-256 of its DER, `spki` that of its key, both in lower-case hex."""

    public_key: PublicKey
    digest: str
    spki: str


def load_request(pem: bytes) -> SigningRequest:
    """Read one PEM request (PKCS #10), whose signature proves that its maker has the key.

    Its name, its attributes and the extensions that it asks for are not looked at. Raises CertificateError.
    """
    if b"PRIVATE KEY" in pem:
        raise CertificateError(
            "It holds a private key.",
            why="A request holds the public key alone; the private key never leaves the host.",
            fix="Take this file away, make a new key on the host, and bring over its request only.",
        )
    try:
        request = x509.load_pem_x509_csr(pem)
        der = request.public_bytes(serialization.Encoding.DER)
        is_signed = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            "It is no certificate signing request that can be read.",
            why=f"It must be PEM, beginning with `-----BEGIN CERTIFICATE REQUEST-----`: {error}.",
            fix="Make it on the host: `openssl req -new -key KEY -subj /CN=any -out REQUEST.pem`",
        ) from error
    if not is_signed:
        raise CertificateError(
            "Its signature does not match its key.",
            why="It was changed after it was made, or somebody else's key was put into it.",
            fix="Make it anew on the host, and bring it over unchanged.",
        )
    usable = _usable(key)
    return SigningRequest(usable, hashlib.sha256(der).hexdigest(), spki_digest(usable))


def make_request(key: PrivateKey, subject: x509.Name) -> bytes:
    """Return a signing request (PEM) for a key, which says the subject and nothing else."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key.signing_key, SIGNATURE_HASH).public_bytes(serialization.Encoding.PEM)


def check_says_only(pem: bytes, subject: x509.Name) -> None:
    """Raise CertificateError unless a request asks for the subject, and for no extension.

    For an authority that certifies a request's own words.
    """
    request = x509.load_pem_x509_csr(pem)
    asks = len(request.extensions)
    if request.subject != subject or asks:
        more = f" and asks for {asks} extensions" if asks else ""
        raise CertificateError(
            f"The request says {request.subject.rfc4514_string()!r}{more}.",
            why=f"AWS Private CA certifies what a request says, and the certificate must say {subject.rfc4514_string()!r} "
            "and nothing else.",
            fix=f"Make it anew on the host: `openssl req -new -key KEY -subj {_openssl(subject)} -out REQUEST.pem`",
        )


def _openssl(subject: x509.Name) -> str:
    """Return a subject as `openssl req -subj` takes it."""
    parts = (f"/{each.rfc4514_attribute_name}={each.value!s}" for each in subject)
    return f"'{''.join(parts)}'"


def _usable(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    raise CertificateError(
        f"Its key is {describe_key(key)}.",
        why=f"Roles Anywhere and iam-ra take {_KEYS}.",
        fix="Make another key on the host: `openssl ecparam -name prime256v1 -genkey -noout -out KEY`",
    )
