"""KMS: a key that is disabled or pending deletion does nothing, and is gone in the end; a key policy is JSON.

Source: KMS developer guide, "Key states of AWS KMS keys"; KMS API reference (Encrypt, ScheduleKeyDeletion, PutKeyPolicy).
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

from iam_ra.sandbox import clock
from iam_ra.sandbox.patches import kms_signing
from iam_ra.sandbox.patches.wrapping import around

PENDING, DISABLED = "PendingDeletion", "Disabled"
# What moto puts at the head of a ciphertext.
KEY_ID_BYTES = 36
USES = ("encrypt", "generate_data_key")
SIGNING = ("sign", "verify")
CHANGES = (
    "schedule_key_deletion",
    "tag_resource",
    "untag_resource",
    "enable_key_rotation",
    "disable_key_rotation",
    "update_key_description",
    "enable_key",
    "disable_key",
)
SWITCHES = ("enable_key", "disable_key")
POLICIES = ("create_key", "put_key_policy")


def install() -> None:
    """Mend moto.kms."""
    kms_signing.install()
    _mend_uses()
    _mend_changes()

    @around(KmsResponse, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        _remove_overdue(self.kms_backend)
        return original(self)


def _mend_uses() -> None:
    for name in USES:

        @around(KmsBackend, name)
        def use(original: Any, self: Any, key_id: str, *more: Any, **options: Any) -> Any:
            _check(self, key_id, (PENDING, DISABLED))
            _check_use(self, key_id)
            return original(self, key_id, *more, **options)

    @around(KmsBackend, "decrypt")
    def decrypt(original: Any, self: Any, ciphertext_blob: bytes, *more: Any, **options: Any) -> Any:
        _check(self, ciphertext_blob[:KEY_ID_BYTES].decode("ascii", "replace"), (PENDING, DISABLED))
        return original(self, ciphertext_blob, *more, **options)

    for name in SIGNING:

        @around(KmsResponse, name)
        def signing(original: Any, self: Any) -> Any:
            _check(self.kms_backend, self._get_param("KeyId"), (PENDING, DISABLED))
            return original(self)


def _mend_changes() -> None:
    for name in CHANGES:

        @around(KmsResponse, name)
        def change(original: Any, self: Any) -> Any:
            _check(self.kms_backend, self._get_param("KeyId"), (PENDING,))
            return original(self)

    for name in SWITCHES:

        @around(KmsBackend, name)
        def switch(original: Any, self: Any, key_id: str) -> Any:
            # AWS takes an ARN here as well.
            return original(self, key_id.rpartition("/")[2])

    for name in POLICIES:

        @around(KmsResponse, name)
        def policy(original: Any, self: Any) -> Any:
            try:
                json.loads(self._get_param("Policy") or "{}")
            except ValueError:
                raise JsonRESTError(
                    "MalformedPolicyDocumentException", "Policy contains invalid JSON"
                ) from None
            return original(self)


def _remove_overdue(backend: Any) -> None:
    """Delete the keys whose waiting period is over: AWS does it within a day, here it is at once."""
    now = clock.now().replace(tzinfo=None)
    over = [each.id for each in backend.keys.values() if each.deletion_date and each.deletion_date <= now]
    for key_id in over:
        backend.delete_key(key_id)


def _check_use(backend: Any, key_id: str) -> None:
    key = kms_signing.find(backend, key_id)
    if key is not None and key.key_usage != "ENCRYPT_DECRYPT":
        message = f"{key.arn} key usage is {key.key_usage} which is not valid for encryption."
        raise JsonRESTError("InvalidKeyUsageException", message)


def _check(backend: Any, key_id: str, refused: tuple[str, ...]) -> None:
    """Refuse what a key's state does not allow; a key that does not exist is the original's to refuse."""
    key = kms_signing.find(backend, key_id)
    if key is None or key.key_state not in refused:
        return
    if key.key_state == DISABLED:
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
    raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
