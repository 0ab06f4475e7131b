"""Keys that sign elsewhere: what cryptography's builders make with them is what a key at hand would have made."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509 import verification
from tests.unit.pki.samples import key_of

from iam_ra.engine.errors import InternalError
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.crl import CrlEntry, CrlRequest
from iam_ra.pki.keys import ALGORITHMS, PrivateKey
from iam_ra.pki.kms_store import KEY_SPECS, KmsKeyStore
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from iam_ra.pki.keys import KeyAlgorithm, PublicKey
    from iam_ra.pki.kms_store import Algorithm

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
HOST_KEY = PrivateKey.generate("ec-p256")


class Service:
    """Signs digests as KMS does, and nothing else; each ARN is the name of an algorithm."""

    def __init__(self) -> None:
        self.asked: list[Algorithm] = []

    def public_key(self, arn: str) -> PublicKey:
        return key_of(cast("KeyAlgorithm", arn)).public_key

    def sign(self, arn: str, digest: bytes, algorithm: Algorithm) -> bytes:
        self.asked.append(algorithm)
        key = key_of(cast("KeyAlgorithm", arn)).signing_key
        kind = utils.Prehashed(hashes.SHA384() if algorithm.endswith("384") else hashes.SHA256())
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, padding.PKCS1v15(), kind)
        return key.sign(digest, ec.ECDSA(kind))


def store(service: Service | None = None) -> KmsKeyStore:
    return KmsKeyStore(
        service or Service(), lambda scope, _: scope, lambda scope, number: f"{scope} {number}"
    )


def signer(algorithm: KeyAlgorithm, service: Service) -> KeySigner:
    key = store(service).signing_key(algorithm, 1)
    subject = authority_subject("default", "default")
    return KeySigner(self_signed(key, subject, serial=new_serial(), now=NOW, validity=10 * YEAR), key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_certificates_and_lists_are_good(algorithm: KeyAlgorithm) -> None:
    service = Service()
    authority = signer(algorithm, service)
    leaf = authority.sign_leaf(LeafRequest("web", HOST_KEY.public_key, new_serial(), NOW, YEAR))
    ends = verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(
        x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
    )
    verifier = verification.PolicyBuilder().store(verification.Store([authority.certificate]))
    policy = verifier.time(NOW.replace(tzinfo=None)).extension_policies(
        ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=ends
    )
    policy.build_client_verifier().verify(leaf, [])
    revoked = authority.sign_crl(CrlRequest(1, NOW, (CrlEntry(leaf.serial_number, NOW, "superseded"),)))
    assert revoked.is_signature_valid(key_of(algorithm).public_key)
    assert revoked.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
    # P-384 goes with SHA-384 in KMS, and with nothing else. Source: KMS Developer Guide, "Key spec reference".
    expected = "RSASSA_PKCS1_V1_5_SHA_256" if algorithm.startswith("rsa") else "ECDSA_SHA_256"
    assert set(service.asked) == {"ECDSA_SHA_384" if algorithm == "ec-p384" else expected}
    assert len(service.asked) == 3


def test_there_is_a_kind_of_key_for_each_algorithm() -> None:
    assert set(KEY_SPECS) == set(ALGORITHMS)


@pytest.mark.parametrize("algorithm", ["ec-p256", "rsa-2048"])
def test_nothing_of_the_key_is_here(algorithm: str) -> None:
    key = store().signing_key(algorithm, 1)
    with pytest.raises(InternalError, match="never leaves"):
        key.private_numbers()
    with pytest.raises(InternalError, match="never leaves"):
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    assert copy.deepcopy(key) is copy.copy(key) is key
    assert key.key_size == key_of(cast("KeyAlgorithm", algorithm)).public_key.key_size


def test_another_hash_or_padding_than_kms_signs_with_is_refused() -> None:
    elliptic, modular = (store().signing_key(each, 1) for each in ("ec-p256", "rsa-2048"))
    assert isinstance(elliptic, ec.EllipticCurvePrivateKey)
    assert isinstance(modular, rsa.RSAPrivateKey)
    with pytest.raises(InternalError, match="sha256"):
        elliptic.sign(b"x", ec.ECDSA(hashes.SHA384()))
    with pytest.raises(InternalError, match="PSS"):
        modular.sign(b"x", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
