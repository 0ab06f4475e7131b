"""KMS: signing and verifying as AWS does it, digests included, and the specs that go with the uses.

moto hashes a digest once more, salts RSASSA-PSS at the maximal length and answers a wrong signature with a result.

Source: KMS API reference (CreateKey, GetPublicKey, Sign, Verify), developer guide "Key spec reference".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from moto.core.exceptions import JsonRESTError
from moto.kms.exceptions import NotFoundException, ValidationException
from moto.kms.responses import KmsResponse

from iam_ra.sandbox.patches.wrapping import around

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MESSAGE = 4096
TYPES = ("RAW", "DIGEST")
Hash: TypeAlias = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
HASHES: dict[str, Hash] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
NOT_OFFERED = ("SM2", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87")
# What each family of specs can be used for; with one use, it need not be said, but for RSA's and HMAC's.
USES = {
    "SYMMETRIC_DEFAULT": ("ENCRYPT_DECRYPT",),
    "RSA": ("ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    "ECC_NIST": ("SIGN_VERIFY", "KEY_AGREEMENT"),
    "ECC_SECG": ("SIGN_VERIFY",),
    "HMAC": ("GENERATE_VERIFY_MAC",),
}


def install() -> None:
    """Mend signing in moto.kms."""
    _mend_keys()
    for name, answer in (("sign", _signed), ("verify", _verified)):

        @around(KmsResponse, name)
        def call(_: Any, self: Any, answer: Callable[[Any, dict[str, Any]], dict[str, Any]] = answer) -> str:
            request = json.loads(self.body)
            key = _checked(self.kms_backend, request)
            algorithm = request["SigningAlgorithm"]
            return json.dumps({"KeyId": key.arn, "SigningAlgorithm": algorithm} | answer(key, request))


def _mend_keys() -> None:
    @around(KmsResponse, "create_key")
    def create_key(original: Any, self: Any) -> Any:
        request = json.loads(self.body)
        spec = request.get("KeySpec") or request.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"
        use = request.get("KeyUsage") or "ENCRYPT_DECRYPT"
        if spec in NOT_OFFERED:
            raise JsonRESTError(
                "UnsupportedOperationException", f"The iam-ra sandbox does not offer the key spec {spec}."
            )
        allowed = next((uses for family, uses in USES.items() if spec.startswith(family)), (use,))
        if use not in allowed:
            raise ValidationException(f"KeyUsage {use} is not compatible with KeySpec {spec}")
        made = json.loads(original(self))
        self.kms_backend.keys[made["KeyMetadata"]["KeyId"]].key_usage = use
        return json.dumps({"KeyMetadata": _metadata(made["KeyMetadata"], use)})

    @around(KmsResponse, "describe_key")
    def describe_key(original: Any, self: Any) -> Any:
        found = json.loads(original(self))["KeyMetadata"]
        return json.dumps({"KeyMetadata": _metadata(found, found["KeyUsage"])})

    @around(KmsResponse, "get_public_key")
    def get_public_key(original: Any, self: Any) -> Any:
        key = _key(self.kms_backend, json.loads(self.body)["KeyId"])
        if key.key_spec.startswith(("SYMMETRIC", "HMAC")):
            raise JsonRESTError("UnsupportedOperationException", f"{key.arn} is not an asymmetric KMS key.")
        found = json.loads(original(self)) | {"KeyId": key.arn, "KeySpec": key.key_spec}
        return json.dumps({name: value for name, value in found.items() if value is not None})


def _metadata(metadata: dict[str, Any], use: str) -> dict[str, Any]:
    """Return a key's metadata with the algorithms of its use only."""
    kept = {"ENCRYPT_DECRYPT": "EncryptionAlgorithms", "SIGN_VERIFY": "SigningAlgorithms"}
    others = {name for each, name in kept.items() if each != use}
    return {name: value for name, value in metadata.items() if name not in others} | {"KeyUsage": use}


def find(backend: Any, given: str) -> Any:
    """Return a key by id, ARN or alias, or None. moto fails on an alias that is not there."""
    name = backend.get_alias_name(given)
    if name.startswith("alias/") and backend.get_key_id_from_alias(name) is None:
        return None
    return backend.keys.get(backend.any_id_to_key_id(given))


def _key(backend: Any, given: str) -> Any:
    key = find(backend, given)
    if key is None:
        noun = "Alias" if "alias/" in given else "Key"
        raise NotFoundException(f"{noun} {given} is not found.")
    return key


def _checked(backend: Any, request: dict[str, Any]) -> Any:
    """Return the key of a call to Sign or Verify. Refuse what AWS refuses."""
    kind, algorithm = request.get("MessageType") or "RAW", request["SigningAlgorithm"]
    length = len(_message(request))
    if kind not in TYPES:
        raise ValidationException(f"The iam-ra sandbox does not offer the message type {kind}.")
    if not 1 <= length <= MAX_MESSAGE:
        bound = "less than or equal to 4096" if length else "greater than or equal to 1"
        raise ValidationException(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )
    key = _key(backend, request["KeyId"])
    if key.key_usage != "SIGN_VERIFY":
        raise JsonRESTError(
            "InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage} which is not valid."
        )
    if algorithm not in key.signing_algorithms:
        raise JsonRESTError(
            "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {key.key_spec}."
        )
    if kind == "DIGEST" and length != _hash(algorithm).digest_size:
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
    return key


def _message(request: dict[str, Any]) -> bytes:
    return base64.b64decode(request["Message"])


def _hash(algorithm: str) -> Hash:
    return HASHES[algorithm.rpartition("_")[2]]


def _padding(algorithm: str) -> padding.PSS | padding.PKCS1v15:
    if "_PSS_" not in algorithm:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(_hash(algorithm)), padding.PSS.DIGEST_LENGTH)


def _digest(request: dict[str, Any]) -> Hash | utils.Prehashed:
    digest = _hash(request["SigningAlgorithm"])
    return utils.Prehashed(digest) if request.get("MessageType") == "DIGEST" else digest


def _signed(key: Any, request: dict[str, Any]) -> dict[str, Any]:
    private, digest, message = key.private_key.private_key, _digest(request), _message(request)
    if isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(message, _padding(request["SigningAlgorithm"]), digest)
    else:
        signature = private.sign(message, ec.ECDSA(digest))
    return {"Signature": base64.b64encode(signature).decode()}


def _verified(key: Any, request: dict[str, Any]) -> dict[str, Any]:
    public, digest = key.private_key.private_key.public_key(), _digest(request)
    signature, message = base64.b64decode(request["Signature"]), _message(request)
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, message, _padding(request["SigningAlgorithm"]), digest)
        else:
            public.verify(signature, message, ec.ECDSA(digest))
    except InvalidSignature:
        raise JsonRESTError("KMSInvalidSignatureException", "") from None
    return {"SignatureValid": True}
