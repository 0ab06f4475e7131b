"""What was scheduled for deletion is gone when its day has come, by the sandbox's clock, which new buckets go by too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Aws

    from iam_ra.sandbox.server import Server


@pytest.mark.conforms(
    "Secrets Manager: A secret is gone after its deletion window, and its name is free.",
    source="AWS Secrets Manager API Reference: DeleteSecret",
)
def test_a_secret_is_gone_after_its_window(sandbox: Server, aws: Aws) -> None:
    secrets = aws("secretsmanager")
    for name in ("s", "stays"):
        secrets.create_secret(Name=name, SecretString="1")
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    sandbox.turn_clock("+6d")
    assert "DeletedDate" in secrets.describe_secret(SecretId="s")
    sandbox.turn_clock("+2d")
    for call in (secrets.describe_secret, secrets.restore_secret, secrets.delete_secret):
        with pytest.raises(secrets.exceptions.ResourceNotFoundException):
            call(SecretId="s")
    listed = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert [each["Name"] for each in listed] == ["stays"]
    secrets.create_secret(Name="s", SecretString="2")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "2"


@pytest.mark.conforms(
    "KMS: A key is gone after its waiting period, with its aliases and what it encrypted.",
    source="AWS KMS API Reference: ScheduleKeyDeletion",
)
def test_a_key_is_gone_after_its_waiting_period(sandbox: Server, aws: Aws) -> None:
    kms = aws("kms")
    key, stays = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/a", TargetKeyId=key)
    secret = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.schedule_key_deletion(KeyId=stays, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=stays)
    sandbox.turn_clock("+6d")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    sandbox.turn_clock("+2d")
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.cancel_key_deletion(KeyId=key)
    with pytest.raises(kms.exceptions.ClientError):
        kms.decrypt(CiphertextBlob=secret)
    assert [each["KeyId"] for each in kms.list_keys()["Keys"]] == [stays]
    assert "alias/a" not in [each["AliasName"] for each in kms.list_aliases()["Aliases"]]
    kms.create_alias(AliasName="alias/a", TargetKeyId=stays)


def test_a_bucket_is_as_old_as_the_clock_says(sandbox: Server, aws: Aws) -> None:
    sandbox.turn_clock("+400d")
    aws("s3").create_bucket(Bucket="the-bucket")
    (bucket,) = aws("s3").list_buckets()["Buckets"]
    assert abs(bucket["CreationDate"] - datetime.now(UTC) - timedelta(days=400)) < timedelta(seconds=30)
