"""`exports/nix/HOST.json`: what the Nix modules read about a host. Public data only, the certificate included."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.files.aws_config import Profile, profile_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCHEMA = "iam-ra/host-outputs"
SCHEMA_VERSION = 1
FOLDER = "exports/nix"
SUFFIX = ".json"
_STAMP = "stamp"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A host's certificate: PEM, serial in decimal, and when it ends (ISO 8601)."""

    pem: str
    serial: str
    not_after: str


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Where a host's private key is: `path` on the host, and the encrypted files of the repository that hold it, if any."""

    path: str
    sops: str | None
    age: str | None


@dataclass(frozen=True, slots=True)
class HostOutputs:
    """What a host's Nix configuration needs to know. `default` names one of the profiles."""

    namespace: str
    host: str
    region: str
    trust_anchor_arn: str
    certificate: Certificate
    private_key: PrivateKey
    default: str
    profiles: Sequence[Profile]


def document(outputs: HostOutputs) -> str:
    """Return the file's text without its mark: a JSON object, keys sorted."""
    return _json(_document(outputs))


def marked(text: str, lineage: str) -> str:
    """Return the file as it lies in the repository; its stamp says whose it is, and proves that nobody edited it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return _json({**json.loads(text), _STAMP: {"lineage": lineage, "sha256": digest}})


def marked_host(data: bytes, lineage: str) -> str | None:
    """Return the host that a file was made for by this lineage, or None for anything else, an edited file included."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("host"), str):
        return None
    found.pop(_STAMP, None)
    return found["host"] if marked(_json(found), lineage).encode() == data else None


def marked_files(root: Path, lineage: str) -> dict[str, str]:
    """Return, by host, the SHA-256 of each file below `root` that this lineage made and nobody edited."""
    paths = {path.name.removesuffix(SUFFIX): path for path in sorted((root / FOLDER).glob(f"*{SUFFIX}"))}
    found = {host: marked_digest(path, host, lineage) for host, path in paths.items()}
    return {host: digest for host, digest in found.items() if digest is not None}


def marked_digest(path: Path, host: str, lineage: str) -> str | None:
    """Return the SHA-256 of a host's file, or None unless this lineage made it for the host, and nobody edited it."""
    data = path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(data).hexdigest() if marked_host(data, lineage) == host else None


def _document(outputs: HostOutputs) -> dict[str, Any]:
    key = outputs.private_key
    private_key: dict[str, Any] = {"path": key.path}
    if key.sops is not None:
        private_key["sops"] = {"file": key.sops, "key": "private_key"}
    if key.age is not None:
        private_key["age"] = {"file": key.age}
    return {
        "schema": SCHEMA,
        "schemaVersion": SCHEMA_VERSION,
        "fleet": outputs.namespace,
        "host": outputs.host,
        "partition": outputs.trust_anchor_arn.split(":")[1],
        "region": outputs.region,
        "trustAnchorArn": outputs.trust_anchor_arn,
        "certificate": {
            "pem": outputs.certificate.pem,
            "serial": outputs.certificate.serial,
            "notAfter": outputs.certificate.not_after,
        },
        "privateKey": private_key,
        "defaultProfile": outputs.default,
        "profiles": {
            each.name: {
                "awsProfileName": profile_name(each.name),
                "profileArn": each.profile_arn,
                "roleArn": each.role_arn,
                "sessionDuration": each.session_duration,
            }
            for each in outputs.profiles
        },
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
