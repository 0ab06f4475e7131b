from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography import x509

from iam_ra.files.aws_config import Profile
from iam_ra.files.nix_export import (
    Certificate,
    HostOutputs,
    PrivateKey,
    document,
    marked,
    marked_digest,
    marked_files,
    marked_host,
)

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs/schema/host-outputs.schema.json").read_text(encoding="utf-8"))
# What the tests of the Nix modules read.
FLEETS = sorted((ROOT / "tests/nix").glob("*/exports/nix/*.json"))
LINEAGE = "6f0c4d1e-0000-4000-8000-000000000001"
ARN = "arn:aws-cn:rolesanywhere:cn-north-1:123456789012"


def outputs(**changes: Any) -> HostOutputs:
    values: dict[str, Any] = {
        "namespace": "default",
        "host": "web",
        "region": "cn-north-1",
        "trust_anchor_arn": f"{ARN}:trust-anchor/1",
        "certificate": Certificate("-----BEGIN CERTIFICATE-----\nAA\n", "7", "2027-01-01T00:00:00+00:00"),
        "private_key": PrivateKey("/run/key", None, None),
        "default": "default",
        "profiles": [Profile("default", "arn:aws-cn:iam::123456789012:role/x", f"{ARN}:profile/2", 900)],
    }
    return HostOutputs(**{**values, **changes})


def valid(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
    return found


@pytest.mark.parametrize("path", FLEETS, ids=lambda path: f"{path.parents[2].name}/{path.stem}")
def test_what_the_modules_are_tested_with_is_what_this_writes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = valid(text)
    key = found["privateKey"]
    again = HostOutputs(
        found["fleet"],
        found["host"],
        found["region"],
        found["trustAnchorArn"],
        Certificate(*(found["certificate"][name] for name in ("pem", "serial", "notAfter"))),
        PrivateKey(key["path"], key.get("sops", {}).get("file"), key.get("age", {}).get("file")),
        found["defaultProfile"],
        [
            Profile(name, each["roleArn"], each["profileArn"], each["sessionDuration"])
            for name, each in found["profiles"].items()
        ],
    )
    assert marked(document(again), LINEAGE) == text
    certificate = x509.load_pem_x509_certificate(found["certificate"]["pem"].encode())
    assert str(certificate.serial_number) == found["certificate"]["serial"]
    assert certificate.not_valid_after_utc.isoformat() == found["certificate"]["notAfter"]


def test_there_are_hosts_to_test_the_modules_with() -> None:
    assert [path.stem for path in FLEETS] == ["age", "tpm", "web", "web"]


def test_partition_and_names_are_those_of_the_arns() -> None:
    found = valid(marked(document(outputs()), LINEAGE))
    assert found["partition"] == "aws-cn"
    assert found["profiles"]["default"]["awsProfileName"] == "role-default"
    assert found["defaultProfile"] in found["profiles"]
    assert found["privateKey"] == {"path": "/run/key"}


def test_encrypted_files_are_named() -> None:
    found = valid(
        marked(document(outputs(private_key=PrivateKey("/run/key", "a/b.yaml", "a/b.age"))), LINEAGE)
    )
    assert found["privateKey"]["sops"] == {"file": "a/b.yaml", "key": "private_key"}
    assert found["privateKey"]["age"] == {"file": "a/b.age"}


def test_the_order_of_roles_never_shows() -> None:
    one, other = (Profile(name, "arn:r", "arn:p", 900) for name in ("a", "b"))
    assert document(outputs(profiles=[one, other])) == document(outputs(profiles=[other, one]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("/run/key", "/run/mine"),
        lambda text: text.replace('"sha256": "', '"sha256": "0'),
        lambda text: text + "\n",
        lambda text: json.dumps(json.loads(text)),
        lambda text: text.replace('"host": "web"', '"host": 7'),
        lambda text: text[: len(text) // 2],
        lambda _: "[]",
        lambda _: "",
        lambda _: "\xff",
    ],
)
def test_an_edited_file_bears_no_mark(spoil: Any, tmp_path: Path) -> None:
    text = marked(document(outputs()), LINEAGE)
    path = tmp_path / "exports/nix/web.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="latin-1")
    assert marked_host(path.read_bytes(), LINEAGE) == "web"
    assert marked_files(tmp_path, LINEAGE) == {"web": marked_digest(path, "web", LINEAGE)}
    path.write_text(spoil(text), encoding="latin-1")
    assert marked_host(path.read_bytes(), LINEAGE) is None
    assert marked_files(tmp_path, LINEAGE) == {}


def test_a_mark_is_of_one_lineage_and_of_one_host(tmp_path: Path) -> None:
    path = tmp_path / "exports/nix/db.json"
    path.parent.mkdir(parents=True)
    path.write_text(marked(document(outputs()), LINEAGE))
    assert marked_host(path.read_bytes(), "another") is None
    assert marked_files(tmp_path, LINEAGE) == {}
    assert marked_digest(tmp_path / "nothing", "web", LINEAGE) is None
