"""What CloudFormation asks of other services for the resources of a stack, by the permissions of whoever makes it.

Source: the CloudFormation registry's resource schemas (`handlers`, `tagging`), as cfn-lint ships them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

LOCATION = find_spec("cfnlint")
assert LOCATION is not None
assert LOCATION.origin is not None
DATA = Path(LOCATION.origin).parent / "data"
OPERATIONS = {
    "CreateStack": ("create", "read"),
    "UpdateStack": ("create", "read", "update", "delete"),
    "DeleteStack": ("read", "delete"),
}
# What handlers do only for properties that no template of ours has.
NOT_NEEDED = {
    "a private CA as the source of a trust anchor": {"acm-pca:GetCertificateAuthorityCertificate"},
    "managed policies of a profile": {"iam:GetPolicy"},
    "a generated password": {"secretsmanager:GetRandomPassword"},
    "secrets in several regions": {
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:ReplicateSecretToRegions",
    },
    "ACLs of a bucket and its objects": {"s3:PutBucketAcl", "s3:PutObjectAcl"},
    "encryption or lifecycle rules that go": {"s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle"},
}
# Words of actions on other settings of a bucket.
UNUSED_SETTINGS = [
    "Abac",
    "Accelerate",
    "Analytics",
    "Cors",
    "CORS",
    "IntelligentTiering",
    "Inventory",
    "Logging",
    "MetadataInventory",
    "MetadataJournal",
    "MetadataAnnotation",
    "MetadataTable",
    "Metrics",
    "Notification",
    "ObjectLock",
    "Replication",
    "Website",
    "DeleteBucketTagging",
    "s3tables:",
]


@cache
def handlers(kind: str) -> dict[str, frozenset[str]]:
    """Return what each handler of a type needs, where our templates use it."""
    index = json.loads((DATA / "schemas" / "providers" / "us-east-1.json").read_text())
    schema: dict[str, Any] = json.loads((DATA / "schemas" / "resources" / f"{index[kind]}.json").read_text())
    tagging = schema.get("tagging", {}).get("permissions", [])
    unneeded = frozenset().union(*NOT_NEEDED.values())
    return {
        name: frozenset(
            action
            for action in (*each["permissions"], *tagging)
            if action not in unneeded and not any(word in action for word in UNUSED_SETTINGS)
        )
        for name, each in schema["handlers"].items()
    }


def asked_for(operation: str, kinds: frozenset[str]) -> frozenset[str]:
    """Return the actions that an operation on a stack of these types may lead to."""
    return frozenset(
        action
        for kind in kinds
        for name in OPERATIONS.get(operation, ())
        for action in handlers(kind).get(name, ())
    )


def types_in(body: bytes) -> frozenset[str]:
    """Return the types of resources in the template of a CreateStack or UpdateStack."""
    return frozenset(each["Type"] for each in _resources(body))


def spared(body: bytes) -> frozenset[str]:
    """Return what handlers do not do for the roles in a template, since these have no such policies."""
    roles = [each["Properties"] for each in _resources(body) if each["Type"] == "AWS::IAM::Role"]
    wanted = {
        "iam:AttachRolePolicy": "ManagedPolicyArns",
        "iam:PutRolePolicy": "Policies",
        "iam:PutRolePermissionsBoundary": "PermissionsBoundary",
    }
    return frozenset(action for action, name in wanted.items() if not any(role.get(name) for role in roles))


def _resources(body: bytes) -> list[dict[str, Any]]:
    template = parse_qs(body.decode()).get("TemplateBody", ["{}"])[0]
    return list(json.loads(template).get("Resources", {}).values())
