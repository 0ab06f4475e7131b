"""sops itself, with its KMS backend, against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from iam_ra.sandbox.server import Server

SOPS = Path(sysconfig.get_path("scripts")) / "sops"
SECRET = "not in the open"


class Sops:
    """The real sops, whose KMS is the sandbox's."""

    def __init__(self, sandbox: Server, home: Path) -> None:
        self._home = home
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ENDPOINT_URL": sandbox.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __call__(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SOPS, *arguments],
            input=text,
            env=self._environ,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def sops(sandbox: Server, tmp_path: Path) -> Sops:
    return Sops(sandbox, tmp_path)


def encrypted(sops: Sops, *keys: str) -> Any:
    done = sops(
        "encrypt",
        "--kms",
        ",".join(keys),
        "--input-type",
        "json",
        "--output-type",
        "json",
        "--filename-override",
        "secret.json",
        text=json.dumps({"secret": SECRET}),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def decrypt(sops: Sops, document: Any) -> subprocess.CompletedProcess[str]:
    arguments = ("decrypt", "--input-type", "json", "--output-type", "json", "--filename-override", "x.json")
    return sops(*arguments, text=json.dumps(document))


@pytest.mark.conforms(
    "KMS: What sops encrypts it decrypts, unless the key is disabled.",
    source="AWS KMS API Reference: Decrypt",
)
def test_what_sops_encrypts_it_decrypts(sops: Sops, aws: Any) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]
    document = encrypted(sops, key["Arn"])
    assert SECRET not in json.dumps(document)
    assert [each["arn"] for each in document["sops"]["kms"]] == [key["Arn"]]
    done = decrypt(sops, document)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"secret": SECRET})
    kms.disable_key(KeyId=key["KeyId"])
    refused = decrypt(sops, document)
    assert refused.returncode != 0
    assert "DisabledException" in refused.stderr
    assert SECRET not in refused.stdout


@pytest.mark.conforms(
    "KMS: Any of several keys, also of other Regions, opens a file of sops.",
    source="AWS KMS API Reference: Decrypt",
)
def test_any_of_several_keys_opens_a_file(sops: Sops, aws: Any) -> None:
    first = aws("kms").create_key()["KeyMetadata"]
    second = aws("kms", "eu-west-1").create_key()["KeyMetadata"]
    document = encrypted(sops, first["Arn"], second["Arn"])
    aws("kms").schedule_key_deletion(KeyId=first["KeyId"], PendingWindowInDays=7)
    assert json.loads(decrypt(sops, document).stdout) == {"secret": SECRET}


@pytest.mark.conforms(
    "KMS: A key that signs encrypts nothing.",
    source="AWS KMS API Reference: Encrypt",
)
def test_a_key_that_only_signs_encrypts_nothing(sops: Sops, aws: Any) -> None:
    key = aws("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    done = sops("encrypt", "--kms", key["Arn"], "--filename-override", "s.json", text='{"secret": "x"}')
    assert done.returncode != 0
    assert "InvalidKeyUsageException" in done.stderr
