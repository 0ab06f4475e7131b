"""KMS: asymmetric keys that sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import load_der_public_key

from iam_ra.engine.errors import KeyStoreError
from iam_ra.pki.keys import usable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from iam_ra.pki.keys import PublicKey
    from iam_ra.pki.kms_store import Algorithm

_FIXES = {
    "Disabled": "enable it: `aws kms enable-key --key-id {}`",
    "PendingDeletion": "keep it: `aws kms cancel-key-deletion --key-id {0} && aws kms enable-key --key-id {0}`",
}


class Kms:
    """The signing keys of one region."""

    def __init__(self, client: KMSClient) -> None:
        self._client = client

    def public_key(self, arn: str) -> PublicKey:
        """Return the public half of a key. Raises KeyStoreError when the key cannot sign now."""
        state = self._client.describe_key(KeyId=arn)["KeyMetadata"].get("KeyState", "")
        if state != "Enabled":
            raise KeyStoreError(
                f"the KMS key {arn} cannot sign",
                why=f"its state is {state}",
                fix=_FIXES.get(state, "see what happened to it: `aws kms describe-key --key-id {}`").format(
                    arn
                ),
            )
        return usable(load_der_public_key(self._client.get_public_key(KeyId=arn)["PublicKey"]))

    def sign(self, arn: str, digest: bytes, algorithm: Algorithm) -> bytes:
        """Return the signature of a digest."""
        answer = self._client.sign(
            KeyId=arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm
        )
        return answer["Signature"]
