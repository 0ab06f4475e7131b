"""The published schemas of what `--json` writes are schemas, and tell a result from what is none."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from iam_ra.cli.envelope import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS = Path(__file__).parents[3] / "docs/schema"
ARN = "arn:aws:x"
DATA: dict[str, dict[str, Any]] = {
    "verify": {
        "right": False,
        "attempts": [
            {
                "host": "host/web",
                "role": "reader",
                "expected": True,
                "result": "refused",
                "arn": "",
                "expires": "",
                "days_left": None,
                "error": "AccessDeniedException: no",
                "right": False,
            }
        ],
    },
    "explain": {
        "allowed": True,
        "checks": [
            {
                "id": "leaf",
                "title": "t",
                "outcome": "passed",
                "compared": ["a with b"],
                "answer": None,
                "fix": "",
                "uncertain": ["key-kinds"],
            }
        ],
    },
    "export": {
        "host": "web",
        "region": "eu-central-1",
        "trust_anchor_arn": ARN,
        "certificate_path": "/c",
        "private_key_path": "/k",
        "default": "reader",
        "profiles": [{"name": "reader", "role_arn": ARN, "profile_arn": ARN, "session_duration": 900}],
    },
    "status": {
        "namespace": "default",
        "region": "eu-central-1",
        "account_id": "123456789012",
        "lineage": None,
        "serial": 0,
        "identities": [
            {
                "entity": "host/web",
                "identity": "web",
                "roles": ["reader"],
                "serial": "7",
                "not_after": "2026-03-04T05:06:07+00:00",
                "days_left": -1,
                "last_used": "",
                "disabled": False,
            }
        ],
        "roles": {"reader": ["host/web"]},
        "disabled": [],
        "pending_changes": 3,
        "pending_revocations": {"ca/default:revocations": "Run `iam-ra apply` again"},
        "next_due": {"when": "2026-03-04T05:06:07Z", "address": "host/web:certificate", "what": "is due"},
    },
    "graph": {
        "namespace": "default",
        "marked": True,
        "notes": ["The plan leaves 1 change out."],
        "nodes": [
            {
                "address": "host/web",
                "kind": "host",
                "name": "web",
                "detail": "web.example.com",
                "change": "added",
                "disabled": False,
            }
        ],
        "edges": [
            {
                "from": "host/web",
                "to": "role/reader",
                "means": "may take",
                "change": "deleted",
                "disabled": True,
            }
        ],
    },
    "fmt": {"written": True, "files": [{"file": "iam-ra.yaml", "changed": True}]},
    "host-list": {
        "hosts": [
            {
                "host": "web",
                "identity": "web",
                "ca": None,
                "roles": ["reader"],
                "default_role": None,
                "not_after": "2026-03-04T05:06:07+00:00",
                "days_left": -1,
                "last_used": "",
                "status": "to be deleted",
                "disabled": False,
            }
        ]
    },
    "role-list": {
        "roles": [
            {
                "role": "reader",
                "policies": [ARN],
                "session_duration": 900,
                "taken_by": ["host/web"],
                "status": "applied",
                "disabled": True,
            }
        ]
    },
    "ca-list": {
        "authorities": [
            {
                "ca": "default",
                "identity": "",
                "mode": "self-signed",
                "key_store": "file",
                "signs": 0,
                "not_after": None,
                "days_left": None,
                "status": "to be made",
                "disabled": False,
            }
        ]
    },
    "k8s-list": {
        "clusters": [
            {
                "cluster": "prod",
                "delivery": "sops",
                "issuer": "ClusterIssuer/iam-ra",
                "folder": "manifests/prod",
                "not_after": None,
                "days_left": None,
                "status": "to be made",
                "disabled": False,
            }
        ],
        "workloads": [
            {
                "workload": "prod/payments/api",
                "cluster": "prod",
                "identity": "prod.payments.api",
                "roles": ["reader"],
                "last_used": "",
                "status": "to be made",
                "disabled": False,
            }
        ],
    },
    "ledger": {
        "certificates": [
            {
                "serial": "255",
                "serial_hex": "0" * 38 + "ff",
                "entity": "host/web",
                "identity": "web",
                "authority": "ca/default",
                "generation": 1,
                "not_before": "2026-03-04T05:06:07+00:00",
                "not_after": "2027-03-04T05:06:07+00:00",
                "status": "valid",
                "until": "",
                "revoked": "",
                "reason": "",
                "why": "new in the file",
                "issued": "2026-03-04T05:06:07+00:00",
                "run": "0f8a8a3b",
            }
        ]
    },
    "verb": {
        "entities": ["host/web"],
        "edit": {"file": "iam-ra.yaml", "changed": True, "diff": ["+  web: {roles: [reader]}"]},
        "apply": None,
        "exit_code": 0,
        "go_on": "iam-ra apply --target host/web",
    },
}
# Where it is not the command's own name.
COMMANDS = {
    "ledger": "ca ledger",
    "verb": "host onboard",
    **{f"{name}-list": f"{name} list" for name in ("host", "role", "ca", "k8s")},
}


def schema(command: str) -> Any:
    return json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))


def validator(command: str) -> Draft202012Validator:
    return Draft202012Validator(schema(command))


def envelope(command: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": COMMANDS.get(command, command),
        "data": copy.deepcopy(DATA[command]),
    }


@pytest.mark.parametrize("command", DATA)
def test_readers_may_lean_on_it_and_must_pass_over_more(command: str) -> None:
    check = validator(command)
    check.check_schema(schema(command))
    assert schema(command)["$id"].endswith(f"/docs/schema/{command}.schema.json")
    value = envelope(command)
    assert not list(check.iter_errors(value))
    value["later"] = value["data"]["later"] = 1
    assert not list(check.iter_errors(value))
    # Every key is promised.
    for key in DATA[command]:
        short = envelope(command)
        del short["data"][key]
        assert list(check.iter_errors(short)), key


@pytest.mark.parametrize(
    ("command", "spoil"),
    [
        ("verify", lambda value: value.update(command="explain")),
        ("verify", lambda value: value.update(schema_version="2.0")),
        ("verify", lambda value: value["data"]["attempts"][0].update(result="maybe")),
        ("verify", lambda value: value["data"]["attempts"][0].update(host="web")),
        ("explain", lambda value: value["data"]["checks"][0].update(outcome="unknown")),
        ("export", lambda value: value["data"]["profiles"].clear()),
        ("host-list", lambda value: value["data"]["hosts"][0].update(status="gone")),
        ("fmt", lambda value: value["data"]["files"].clear()),
        ("ledger", lambda value: value["data"]["certificates"][0].update(serial_hex="FF")),
        ("graph", lambda value: value["data"]["nodes"][0].update(address="web")),
        ("graph", lambda value: value["data"]["edges"][0].update(change="changed")),
        ("status", lambda value: value["data"]["identities"][0].update(serial=7)),
        ("status", lambda value: value["data"]["next_due"].pop("when")),
        ("status", lambda value: value["data"]["roles"].update(admin="host/web")),
    ],
)
def test_what_is_no_result(command: str, spoil: Callable[[Any], Any]) -> None:
    value = envelope(command)
    spoil(value)
    assert list(validator(command).iter_errors(value))
