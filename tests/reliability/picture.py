"""What a world looks like when all that is random in it has a name: two runs with one end give equal pictures."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.world import World

Picture: TypeAlias = "dict[str, Any]"
INIT = "iam-ra-default-init"
_RANDOM = (
    (re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\s*", re.DOTALL), "<pem>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?"), "<time>"),
    (re.compile(r"\b\d{30,}\b"), "<serial>"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "<hash>"),
    (re.compile(r"\b(?:[0-9A-F]{2}:){19,}[0-9A-F]{2}\b"), "<fingerprint>"),
    (re.compile(r"(secret:[\w/-]+)-[A-Za-z0-9]{6}\b"), r"\1"),
)
# What the interrupted run did as well is told here; see `compare` in trials.py for what is asked of it.
_PAST = ("ledger/", "history/")


def picture(world: World) -> Picture:
    """Return everything that is there, by its name."""
    if INIT not in world.stacks:
        return {"leftovers": world.leftovers(), "keys": _keys(world)}
    named = _names(world)
    return {
        "stacks": {name: _plain(_stack(world, each), named) for name, each in world.stacks.items()},
        "roles": _plain(dict(_roles(world)), named),
        "anchors": _plain(dict(_anchors(world)), named),
        "profiles": _plain(dict(_profiles(world)), named),
        "lists": _plain(dict(_lists(world)), named),
        "secrets": _plain(dict(_secrets(world)), named),
        "parameters": [each["Name"] for each in world.aws("ssm").describe_parameters()["Parameters"]],
        "keys": _keys(world),
        "objects": _plain(dict(_objects(world)), named),
        "parts": _plain({key: _part(each) for key, each in world.state["parts"].items()}, named),
        "files": sorted(_plain(_files(world), named)),
    }


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield where two pictures differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f"{path}/{key}")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"[:400]


def _names(world: World) -> Mapping[str, str]:
    """Return the names of what has a random identifier."""
    anywhere = world.aws("rolesanywhere")
    found = {world.bucket: "<bucket>", world.state["lineage"]: "<lineage>"}
    for each in anywhere.list_trust_anchors()["trustAnchors"]:
        found[each["trustAnchorId"]] = f"<anchor {each['name']}>"
    for each in anywhere.list_profiles()["profiles"]:
        found[each["profileId"]] = f"<profile {each['name']}>"
    for stack in world.stacks.values():
        for resource in _resources(world, stack["StackName"]):
            if resource["ResourceType"] == "AWS::KMS::Key":
                found[resource["PhysicalResourceId"]] = f"<key of {stack['StackName']}>"
    return found


def _plain(value: Any, names: Mapping[str, str]) -> Any:
    text = json.dumps(value, default=str, sort_keys=True)
    for random, name in names.items():
        text = text.replace(random, name)
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    return json.loads(text)


def _resources(world: World, stack: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.aws("cloudformation").list_stack_resources(StackName=stack)[
        "StackResourceSummaries"
    ]
    return found


def _stack(world: World, stack: Mapping[str, Any]) -> dict[str, Any]:
    resources = _resources(world, stack["StackName"])
    return {
        # Made in one go, or begun and then brought to its end.
        "settled": stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"},
        "protected": stack.get("EnableTerminationProtection", False),
        "tags": {each["Key"]: each["Value"] for each in stack["Tags"]},
        "outputs": {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())},
        "resources": {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
    }


def _roles(world: World) -> Iterator[tuple[str, Any]]:
    iam = world.aws("iam")
    for each in iam.list_roles()["Roles"]:
        name = each["RoleName"]
        yield (
            name,
            {
                "path": each["Path"],
                # In the order of anchors' ARNs, which are random.
                "trust": sorted(
                    each["AssumeRolePolicyDocument"]["Statement"],
                    key=lambda one: str(one.get("Condition", {}).get("StringEquals")),
                ),
                "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
                "inline": {
                    policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
                },
            },
        )


def _anchors(world: World) -> Iterator[tuple[str, Any]]:
    for each in world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]:
        yield each["name"], {"enabled": each["enabled"], "source": each["source"]}


def _profiles(world: World) -> Iterator[tuple[str, Any]]:
    for each in world.aws("rolesanywhere").list_profiles()["profiles"]:
        yield each["name"], {key: each.get(key) for key in ("enabled", "roleArns", "durationSeconds")}


def _lists(world: World) -> Iterator[tuple[str, Any]]:
    for each in world.aws("rolesanywhere").list_crls()["crls"]:
        yield each["name"], {"enabled": each["enabled"], "anchor": each["trustAnchorArn"]}


def _secrets(world: World) -> Iterator[tuple[str, Any]]:
    secrets = world.aws("secretsmanager")
    for name in world.secrets:
        told = secrets.describe_secret(SecretId=name)
        yield name, {"going": "DeletedDate" in told, "key": told.get("KmsKeyId"), "tags": told.get("Tags")}


def _keys(world: World) -> list[str]:
    """Return the states of all KMS keys; those that are to be deleted are gone."""
    kms = world.aws("kms")
    told = (
        kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys(Limit=1000)["Keys"]
    )
    return sorted(each["Description"] for each in told if each["KeyState"] != "PendingDeletion")


def _objects(world: World) -> Iterator[tuple[str, Any]]:
    for key, body in world.objects.items():
        if key.endswith("certificate.pem"):
            yield key, x509.load_pem_x509_certificate(body).subject.rfc4514_string()
        elif not key.removeprefix("default/").startswith(_PAST):
            yield key, "there"


def _part(part: Mapping[str, Any]) -> Any:
    outputs = {**part["outputs"]}
    # A run that was killed may have issued one more; that all are in the ledger is looked at besides.
    outputs.pop("earlier", None)
    if part["kind"] == "revocation-list":
        return {"kind": part["kind"], "depends_on": part.get("depends_on")}
    return {**part, "outputs": outputs}


def _files(world: World) -> list[str]:
    roots = (world.root, world.data)
    return [
        str(path.relative_to(world.folder))
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    ]
