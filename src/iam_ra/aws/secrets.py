"""Secrets Manager: what there is, in bulk and without values; single values written and read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iam_ra.aws.errors import code
from iam_ra.aws.live_settings import secret_settings
from iam_ra.engine.errors import AwsError
from iam_ra.engine.part import NOTHING
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

_CURRENT = "AWSCURRENT"
_PURGE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret's metadata: `version` is the id behind AWSCURRENT, None while it has no value; `settings` what can drift."""

    name: str
    arn: str
    version: str | None
    is_deleted: bool
    tags: dict[str, str]
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


class Secrets:
    """The secrets under one prefix."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client

    def list(self, prefix: str) -> dict[str, SecretInfo]:
        """Return every secret under `prefix` by name, those in their deletion window included."""
        pages = self._client.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [prefix]}], IncludePlannedDeletion=True
        )
        found = {}
        for page in pages:
            for each in page["SecretList"]:
                found[each["Name"]] = _info(each)
        return found

    def describe(self, name: str) -> SecretInfo | None:
        """Return one secret as it is now, or None where there is none.

        What `list` returns may be minutes old. Source: Secrets Manager API Reference, ListSecrets.
        """
        try:
            answer = self._client.describe_secret(SecretId=name)
        except ClientError as error:
            if code(error) == "ResourceNotFoundException":
                return None
            raise
        return _info(answer, "VersionIdsToStages")

    def put(self, arn: str, value: Secret, token: str, *, former: str | None = None) -> str:
        """Write a value under the version id `token` (32 to 64 characters), make it the current one, return its id.

        Writing the same value under the same token again changes nothing. A secret in its deletion window is restored.
        `former` is the version that was current before, if there was one.
        """
        try:
            version = self._put(arn, value, token)
        except ClientError as error:
            if code(error) != "InvalidRequestException":
                raise
            self._client.restore_secret(SecretId=arn)
            version = self._put(arn, value, token)
        if former not in {None, version}:
            self._make_current(arn, version)
        return version

    def _make_current(self, arn: str, version: str) -> None:
        """Put the label back on a version that had lost it: AWS ignores the put of one that it knows."""
        versions = self._client.describe_secret(SecretId=arn)["VersionIdsToStages"]
        if _CURRENT in versions.get(version, ()):
            return
        (labelled,) = (each for each, stages in versions.items() if _CURRENT in stages)
        self._client.update_secret_version_stage(
            SecretId=arn, VersionStage=_CURRENT, MoveToVersionId=version, RemoveFromVersionId=labelled
        )

    def _put(self, arn: str, value: Secret, token: str) -> str:
        text = value.reveal().decode("ascii")
        answer = self._client.put_secret_value(SecretId=arn, SecretString=text, ClientRequestToken=token)
        return answer["VersionId"]

    def get(self, arn: str) -> Secret | None:
        """Return the current value, or None where there is none."""
        try:
            return Secret(self._client.get_secret_value(SecretId=arn)["SecretString"].encode())
        except ClientError as error:
            if code(error) in {"ResourceNotFoundException", "InvalidRequestException"}:
                return None
            raise

    def purge(self, name: str) -> None:
        """Delete a secret for good, also one in its deletion window, and wait until its name is free.

        AWS deletes in the background; a secret of the same name made too early is refused.
        """
        try:
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except ClientError as error:
            if code(error) != "ResourceNotFoundException":
                raise
        deadline = time.monotonic() + _PURGE_SECONDS
        while self.describe(name) is not None:
            if time.monotonic() > deadline:
                raise AwsError(f"secret {name} is still being deleted", fix="run apply again in a minute")
            time.sleep(1)


def _info(answer: Mapping[str, Any], stages_key: str = "SecretVersionsToStages") -> SecretInfo:
    versions = answer.get(stages_key, {})
    current = next((version for version, stages in versions.items() if _CURRENT in stages), None)
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
    is_deleted, settings = "DeletedDate" in answer, secret_settings(answer)
    return SecretInfo(answer["Name"], answer["ARN"], current, is_deleted, tags, settings)
