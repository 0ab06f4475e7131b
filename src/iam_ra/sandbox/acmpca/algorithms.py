"""The keys that an authority can have, and how they sign."""

from __future__ import annotations

from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from iam_ra.sandbox.acmpca.errors import InvalidArgsError

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Hash: TypeAlias = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

CURVES: dict[str, ec.EllipticCurve] = {
    "EC_prime256v1": ec.SECP256R1(),
    "EC_secp384r1": ec.SECP384R1(),
    "EC_secp521r1": ec.SECP521R1(),
}
RSA_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
HASHES: dict[str, Hash] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def generate(key_algorithm: str) -> PrivateKey:
    """Make a key of an authority, of an algorithm that `check_family` let pass."""
    if key_algorithm in CURVES:
        return ec.generate_private_key(CURVES[key_algorithm])
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS[key_algorithm])


def check_family(key_algorithm: str, signing_algorithm: str) -> None:
    """Refuse algorithms that the sandbox does not offer, and a signing algorithm of another family than the key's."""
    if key_algorithm not in CURVES.keys() | RSA_BITS:
        raise InvalidArgsError(f"The iam-ra sandbox does not offer the key algorithm {key_algorithm}.")
    digest, _, family = signing_algorithm.partition("WITH")
    if digest not in HASHES:
        raise InvalidArgsError(
            f"The iam-ra sandbox does not offer the signing algorithm {signing_algorithm}."
        )
    if (family == "ECDSA") != key_algorithm.startswith("EC_"):
        raise InvalidArgsError(
            f"The signing algorithm {signing_algorithm} does not match the algorithm family of the "
            f"certificate authority's key: {key_algorithm}."
        )


def signature(signing_algorithm: str) -> tuple[Hash, padding.PSS | None]:
    """Return the digest of a signing algorithm, and the padding where it is not the family's usual one."""
    digest = HASHES[signing_algorithm.partition("WITH")[0]]
    pss = signing_algorithm.endswith("_PSS")
    return digest, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss else None
