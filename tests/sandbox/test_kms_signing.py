"""KMS keys that sign, checked by cryptography."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE = b"to be signed"
HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA_ALGORITHMS = [
    f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PSS", "PKCS1_V1_5") for bits in ("256", "384", "512")
]
CASES = [
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    *(("RSA_2048", algorithm) for algorithm in RSA_ALGORITHMS),
]


@pytest.fixture
def kms(aws: Any) -> Any:
    return aws("kms")


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def make(kms: Any, spec: str, use: str = "SIGN_VERIFY") -> str:
    return str(kms.create_key(KeySpec=spec, KeyUsage=use)["KeyMetadata"]["KeyId"])


def verify(public: Any, signature: bytes, message: bytes, algorithm: str) -> None:
    digest = HASHES[algorithm[-3:]]
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(digest))
    elif "PSS" in algorithm:
        scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
        public.verify(signature, message, scheme, digest)
    else:
        public.verify(signature, message, padding.PKCS1v15(), digest)


@pytest.mark.conforms(
    "KMS: Signatures of messages and of digests are good outside and by Verify.",
    source="AWS KMS API Reference: Sign",
)
@pytest.mark.parametrize(("spec", "algorithm"), CASES)
@pytest.mark.parametrize("kind", ["RAW", "DIGEST"])
def test_a_signature_is_good_outside(kms: Any, spec: str, algorithm: str, kind: str) -> None:
    key = make(kms, spec)
    found = kms.get_public_key(KeyId=key)
    public = serialization.load_der_public_key(found["PublicKey"])
    assert algorithm in found["SigningAlgorithms"]
    digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
    call = {
        "KeyId": key,
        "Message": digest if kind == "DIGEST" else MESSAGE,
        "MessageType": kind,
        "SigningAlgorithm": algorithm,
    }
    signed = kms.sign(**call)
    assert signed["KeyId"] == found["KeyId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    verify(public, signed["Signature"], MESSAGE, algorithm)
    with pytest.raises(InvalidSignature):
        verify(public, signed["Signature"], b"another", algorithm)
    assert kms.verify(**call, Signature=signed["Signature"])["SignatureValid"] is True
    other = {"Message": hashlib.new(f"sha{algorithm[-3:]}", b"x").digest(), "MessageType": "DIGEST"}
    with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
        kms.verify(**(call | other), Signature=signed["Signature"])


@pytest.mark.conforms(
    "KMS: A public key is of the spec that was asked for.",
    source="AWS KMS API Reference: GetPublicKey",
)
def test_a_public_key_is_the_spec_s(kms: Any) -> None:
    for spec, size in (("ECC_NIST_P256", 256), ("ECC_NIST_P384", 384), ("RSA_4096", 4096)):
        key = make(kms, spec)
        found = kms.get_public_key(KeyId=key)
        assert (found["KeySpec"], found["KeyUsage"]) == (spec, "SIGN_VERIFY")
        assert "EncryptionAlgorithms" not in found
        public = serialization.load_der_public_key(found["PublicKey"])
        assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        assert public.key_size == size
        metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert metadata["SigningAlgorithms"] == found["SigningAlgorithms"]
        assert "EncryptionAlgorithms" not in metadata


@pytest.mark.conforms(
    "KMS: Algorithms of other keys and messages over 4,096 bytes are refused.",
    source="AWS KMS API Reference: Sign",
)
def test_what_cannot_be_signed_is_refused(kms: Any) -> None:
    key, rsa_key = make(kms, "ECC_NIST_P256"), make(kms, "RSA_2048")
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    good = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"SigningAlgorithm": "ECDSA_SHA_384"}, "InvalidKeyUsageException"),
        ({"SigningAlgorithm": "RSASSA_PSS_SHA_256"}, "InvalidKeyUsageException"),
        ({"KeyId": rsa_key}, "InvalidKeyUsageException"),
        ({"KeyId": symmetric}, "InvalidKeyUsageException"),
        ({"MessageType": "DIGEST"}, "ValidationException"),
        ({"MessageType": "NONSENSE"}, "ValidationException"),
        ({"Message": b"x" * 4097}, "ValidationException"),
        ({"KeyId": "alias/none"}, "NotFoundException"),
    ]
    for change, expected in wrong:
        with pytest.raises(ClientError) as raised:
            kms.sign(**(good | change))
        assert code(raised) == expected, change
    kms.sign(**(good | {"Message": b"x" * 4096}))
    with pytest.raises(kms.exceptions.UnsupportedOperationException):
        kms.get_public_key(KeyId=symmetric)


@pytest.mark.conforms(
    "KMS: A key's use goes with its spec.",
    source="AWS KMS API Reference: CreateKey",
)
def test_uses_go_with_specs(kms: Any) -> None:
    for spec, use in (
        ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"),
        ("RSA_2048", "KEY_AGREEMENT"),
    ):
        with pytest.raises(ClientError) as raised:
            make(kms, spec, use)
        assert code(raised) == "ValidationException"
    with pytest.raises(ClientError) as raised:
        kms.create_key(KeySpec="ECC_NIST_P256")
    assert code(raised) == "ValidationException"
    with pytest.raises(kms.exceptions.UnsupportedOperationException, match="ML_DSA_44"):
        make(kms, "ML_DSA_44")
    assert kms.create_key()["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"


@pytest.mark.conforms(
    "KMS: A key that is disabled or waits for deletion neither signs nor verifies.",
    source="AWS KMS Developer Guide: Key states of AWS KMS keys",
)
def test_a_disabled_key_neither_signs_nor_verifies(kms: Any) -> None:
    key = make(kms, "ECC_NIST_P256")
    call = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**call)["Signature"]
    kms.disable_key(KeyId=key)
    calls: list[Callable[[], Any]] = [
        lambda: kms.sign(**call),
        lambda: kms.verify(**call, Signature=signature),
    ]
    for each in calls:
        with pytest.raises(kms.exceptions.DisabledException):
            each()
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for each in calls:
        with pytest.raises(kms.exceptions.KMSInvalidStateException):
            each()
