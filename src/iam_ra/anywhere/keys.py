"""The keys that can sign a CreateSession request, and how each signs.

RSA with PKCS#1 v1.5 and SHA-256; elliptic curves with ECDSA and SHA-256 whatever the curve, as ASN.1 DER; ML-DSA over
the plain string with an empty context. Source: AWS IAM Roles Anywhere User Guide, "Signing process"; ML-DSA:
rolesanywhere-credential-helper v1.8.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

    Sign = Callable[[bytes], bytes]

RSA, ECDSA, MLDSA = "RSA", "ECDSA", "MLDSA"
MLDSA_STRENGTHS = (44, 65, 87)


def _mldsa_keys(half: str) -> tuple[type[Any], ...]:
    """Return the classes of one half of the key pairs; none when the installed cryptography has no ML-DSA."""
    try:
        module = importlib.import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
    except ImportError:
        return ()
    return tuple(getattr(module, f"MLDSA{strength}{half}Key") for strength in MLDSA_STRENGTHS)


MLDSA_PUBLIC, MLDSA_PRIVATE = _mldsa_keys("Public"), _mldsa_keys("Private")


def certificate_key(certificate: x509.Certificate) -> Any | None:
    """Return a certificate's public key, or None when it is of a kind that cannot be read."""
    try:
        return certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return None


def key_family(key: Any) -> str | None:
    """Return RSA, ECDSA or MLDSA as the algorithm's name has it; None for keys that Roles Anywhere does not take."""
    # UNCERTAIN: key-kinds: no size or curve is refused.
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return RSA
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return ECDSA
    return MLDSA if isinstance(key, (*MLDSA_PUBLIC, *MLDSA_PRIVATE)) else None


def describe_key(key: Any | None) -> str:
    """Return a key's kind and size for a reader: `RSA 2048`, `EC secp256r1`."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return "unreadable" if key is None else type(key).__name__.removesuffix("PublicKey")


def sign_with(key: Any) -> Sign:
    """Return the function that signs for a private key of `cryptography`. Raises TypeError for other kinds."""
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, MLDSA_PRIVATE):
        return lambda data: bytes(key.sign(data))
    raise TypeError("Roles Anywhere takes RSA, EC and ML-DSA keys only")


def signature_fits(key: Any, signature: bytes, data: bytes) -> bool:
    """Return whether a public key's owner signed these bytes."""
    return any(_verifies(attempt) for attempt in _attempts(key, signature, data))


def _attempts(key: Any, signature: bytes, data: bytes) -> tuple[Callable[[], object], ...]:
    sha256 = hashes.SHA256()
    if isinstance(key, rsa.RSAPublicKey):
        # UNCERTAIN: rsa-pss: accepted beside PKCS#1 v1.5, with any salt length.
        pss = padding.PSS(padding.MGF1(sha256), padding.PSS.AUTO)
        return (
            lambda: key.verify(signature, data, padding.PKCS1v15(), sha256),
            lambda: key.verify(signature, data, pss, sha256),
        )
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (lambda: key.verify(signature, data, ec.ECDSA(sha256)),)
    return (lambda: key.verify(signature, data),) if isinstance(key, MLDSA_PUBLIC) else ()


def _verifies(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except InvalidSignature:
        return False
    return True
