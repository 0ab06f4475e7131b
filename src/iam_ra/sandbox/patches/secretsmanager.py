"""Secrets Manager: deletion windows and their end, the size of a value, names, deprecated versions; look-ups that stay fast.

Source: Secrets Manager API reference and user guide (quotas, staging labels, deletion).
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from moto.secretsmanager import models
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    SecretNotFoundException,
    ValidationException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, SecretsStore
from moto.secretsmanager.responses import SecretsManagerResponse

from iam_ra.sandbox import clock
from iam_ra.sandbox.patches.wrapping import around

MAX_BYTES = 65_536
MAX_STAGES = 20
NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
SCHEDULED = "You can't create this secret because a secret with this name is already scheduled for deletion."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."
KEPT = "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
REFUSED_IN_WINDOW = (
    "put_secret_value",
    "update_secret",
    "update_secret_version_stage",
    "tag_resource",
    "untag_resource",
    "delete_secret",
)


class _Store(SecretsStore):
    """moto's store, which compares every secret's name and ARN at each look-up, by a direct key where there is one."""

    def _key(self, key: str) -> str | None:
        if dict.__contains__(self, key):
            return key
        name = SUFFIX.sub("", key.rpartition(":secret:")[2])
        if dict.__contains__(self, name) and dict.__getitem__(self, name).arn == key:
            return name
        return None

    def __getitem__(self, key: str) -> Any:
        found = self._key(key)
        return super().__getitem__(key) if found is None else dict.__getitem__(self, found)

    def __contains__(self, key: object) -> bool:
        return self._key(str(key)) is not None or (
            str(key).startswith("arn:") and super().__contains__(str(key))
        )


def install() -> None:
    """Mend moto.secretsmanager."""
    models.SecretsStore = _Store  # type: ignore[misc]
    _mend_values()
    _mend_window()
    _mend_versions()


def _mend_values() -> None:
    for name in ("create_secret", "put_secret_value", "update_secret"):

        @around(SecretsManagerResponse, name)
        def with_value(original: Any, self: Any) -> Any:
            text, binary = self._get_param("SecretString"), self._get_param("SecretBinary")
            if text is not None and binary is not None:
                raise InvalidParameterException(
                    "You can't specify both a binary secret value and a string secret value."
                )
            size = len((text or "").encode()) + len(base64.b64decode(binary or ""))
            if size > MAX_BYTES:
                member = "secretString" if text is not None else "secretBinary"
                raise ValidationException(
                    f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
                    f"Member must have length less than or equal to {MAX_BYTES}"
                )
            return original(self)

    @around(SecretsManagerResponse, "create_secret")
    def create_secret(original: Any, self: Any) -> Any:
        name = self._get_param("Name")
        if not NAME.fullmatch(name):
            raise ValidationException(
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
            )
        existing = self.backend.secrets.get(name)
        if existing is not None and existing.is_deleted():
            raise InvalidRequestException(SCHEDULED)
        return original(self)


def _mend_window() -> None:
    @around(SecretsManagerResponse, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        _remove_overdue(self.backend.secrets)
        return original(self)

    for name in REFUSED_IN_WINDOW:

        @around(SecretsManagerResponse, name)
        def in_window(original: Any, self: Any) -> Any:
            secret = self.backend.secrets.get(self._get_param("SecretId"))
            forced = self._get_param("ForceDeleteWithoutRecovery")
            if secret is not None and secret.is_deleted() and not forced:
                raise InvalidRequestException(MARKED)
            return original(self)

    @around(SecretsManagerBackend, "get_secret_value")
    def get_secret_value(original: Any, self: Any, secret_id: str, *more: Any, **options: Any) -> Any:
        secret = self.secrets.get(secret_id)
        if secret is not None and secret.is_deleted():
            raise InvalidRequestException(MARKED)
        return original(self, secret_id, *more, **options)


def _remove_overdue(secrets: dict[str, Any]) -> None:
    """Forget the secrets whose window is over. How soon after it AWS does so is not documented; here at once."""
    now = clock.now().timestamp()
    over = [name for name, each in secrets.items() if each.is_deleted() and each.deleted_date <= now]
    for name in over:
        dict.pop(secrets, name)


def _mend_versions() -> None:
    @around(SecretsManagerResponse, "update_secret_version_stage")
    def moved(original: Any, self: Any) -> Any:
        if self._get_param("VersionStage") == "AWSCURRENT" and not self._get_param("MoveToVersionId"):
            raise InvalidParameterException(KEPT)
        return original(self)

    @around(SecretsManagerResponse, "put_secret_value")
    def put_secret_value(original: Any, self: Any) -> Any:
        if len(self._get_param("VersionStages") or []) > MAX_STAGES:
            raise ValidationException(
                "1 validation error detected: Value at 'versionStages' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_STAGES}"
            )
        return original(self)

    @around(SecretsManagerBackend, "update_secret_version_stage")
    def update_secret_version_stage(
        original: Any, self: Any, secret_id: str, *more: Any, **options: Any
    ) -> Any:
        answer = original(self, secret_id, *more, **options)
        secret = self.secrets[secret_id]
        # What moto's GetSecretValue gives to those who name no version.
        secret.default_version_id = next(
            (each for each, version in secret.versions.items() if "AWSCURRENT" in version["version_stages"]),
            secret.default_version_id,
        )
        return answer

    @around(FakeSecret, "_form_version_ids_to_stages")
    def labelled(original: Any, self: Any) -> Any:
        return {version: stages for version, stages in original(self).items() if stages}

    @around(SecretsManagerResponse, "list_secret_version_ids")
    def list_secret_version_ids(original: Any, self: Any) -> Any:
        secret = self.backend.secrets.get(self._get_param("SecretId"))
        if secret is None:
            raise SecretNotFoundException
        answer = json.loads(original(self))
        if not self._get_param("IncludeDeprecated"):
            answer["Versions"] = [each for each in answer["Versions"] if each["VersionStages"]]
        return json.dumps(answer | {"ARN": secret.arn, "NextToken": None})
