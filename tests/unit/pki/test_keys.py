from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.unit.pki.samples import key_of

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.keys import ALGORITHMS, KeyAlgorithm, PrivateKey, algorithm_of, spki_digest
from iam_ra.pki.secret import Secret


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_survives_its_pem(algorithm: KeyAlgorithm) -> None:
    key = key_of(algorithm)
    assert key.algorithm == algorithm
    assert key.pem().reveal().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    again = PrivateKey.from_pem(key.pem())
    assert again.public_key == key.public_key
    assert again.algorithm == algorithm


def test_keys_differ() -> None:
    assert PrivateKey.generate("ec-p256").pem() != PrivateKey.generate("ec-p256").pem()


def test_what_is_no_key_is_refused_without_quoting_it() -> None:
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    edwards = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    damaged = PrivateKey.generate("ec-p256").pem().reveal().replace(b"M", b"N", 3)
    for pem in (b"", b"PLANTED", damaged, encrypted, edwards):
        with pytest.raises(CertificateError) as caught:
            PrivateKey.from_pem(Secret(pem))
        assert caught.value.fix
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert "PLANTED" not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP521R1()), "secp521r1"),
        (rsa.generate_private_key(65537, 3072), "3072 bits"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
    ],
)
def test_a_foreign_algorithm_is_named(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, said: str
) -> None:
    with pytest.raises(CertificateError) as caught:
        algorithm_of(key.public_key())
    assert said in caught.value.why


def test_the_spki_digest_is_that_of_the_der() -> None:
    key = PrivateKey.generate("ec-p384").public_key
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert spki_digest(key) == hashlib.sha256(der).hexdigest()
