"""Putting single settings of a resource back by the service's own API.

CloudFormation does not see that a resource drifted, so an update with the same template would do nothing. Every call here
may be made again; a setting that is right is not touched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from botocore.exceptions import ClientError

from iam_ra.aws.errors import code
from iam_ra.engine.errors import AwsError
from iam_ra.kinds.drift_expected import DEFAULT_MAPPINGS, encryption_configuration, lifecycle_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_rolesanywhere import IAMRolesAnywhereClient
    from mypy_boto3_s3 import S3Client

    from iam_ra.aws.live_settings import Settings
    from iam_ra.aws.session import Aws
    from iam_ra.kinds.drift_expected import Resource

_Reverter: TypeAlias = Callable[["Aws", "Resource", frozenset[str], "Settings"], None]


def put_back(aws: Aws, resource: Resource, names: frozenset[str], live: Settings) -> None:
    """Set the settings in `names` as the template says; `live` is what is there. Raises botocore's errors."""
    _REVERTERS[resource.key.sort](aws, resource, names, live)


def _under(prefix: str, names: frozenset[str]) -> Iterator[str]:
    """Yield what stands behind `prefix.` in the names that begin with it, in order."""
    for name in sorted(names):
        if name.startswith(f"{prefix}."):
            yield name.removeprefix(f"{prefix}.")


def _tags(resource: Resource, names: frozenset[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the tags to set and the keys of those to take away."""
    keys = list(_under("tags", names))
    wanted = resource.tags
    return [(key, wanted[key]) for key in keys if key in wanted], [key for key in keys if key not in wanted]


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _role(aws: Aws, resource: Resource, names: frozenset[str], live: Settings) -> None:
    iam, wanted, role = aws.iam, resource.properties, resource.key.id
    if "trust_policy" in names:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=_text(wanted["AssumeRolePolicyDocument"]))
    if names & {"description", "max_session_duration"}:
        # What the call leaves out is set to its default.
        description = wanted["Description"] if "description" in names else live["description"]
        seconds = (
            wanted["MaxSessionDuration"] if "max_session_duration" in names else live["max_session_duration"]
        )
        iam.update_role(RoleName=role, Description=description, MaxSessionDuration=seconds)
    if "permissions_boundary" in names:
        boundary = wanted.get("PermissionsBoundary")
        if boundary:
            iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=role)
    _policies(iam, resource, names)
    changed, gone = _tags(resource, names)
    if changed:
        iam.tag_role(RoleName=role, Tags=[{"Key": key, "Value": value} for key, value in changed])
    if gone:
        iam.untag_role(RoleName=role, TagKeys=gone)


def _policies(iam: IAMClient, resource: Resource, names: frozenset[str]) -> None:
    """Embed and attach what the role must have; away with the rest first, for their number is limited."""
    wanted, role = resource.properties, resource.key.id
    documents = {each["PolicyName"]: each["PolicyDocument"] for each in wanted["Policies"]}
    for name in _under("inline_policies", names):
        if name in documents:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=_text(documents[name]))
        else:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
    for arn in sorted(_under("policies", names), key=lambda each: each in wanted["ManagedPolicyArns"]):
        if arn in wanted["ManagedPolicyArns"]:
            _attach(iam, role, arn)
        else:
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _attach(iam: IAMClient, role: str, arn: str) -> None:
    try:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    except ClientError as error:
        if code(error) != "NoSuchEntity":
            raise
        raise AwsError(
            f"the policy {arn} cannot be attached to {role} again: it is gone",
            why="somebody deleted the policy itself",
            fix="make it again, or take it out of the role's `policies` in the file",
        ) from error


def _profile(aws: Aws, resource: Resource, names: frozenset[str], _: Settings) -> None:
    client, wanted = aws.rolesanywhere, resource.properties
    profile_id = resource.key.id.rpartition("/")[2]
    members: Mapping[str, tuple[str, Any]] = {
        "name": ("name", wanted["Name"]),
        "role_arns": ("roleArns", wanted["RoleArns"]),
        "session_duration": ("durationSeconds", wanted["DurationSeconds"]),
        "session_policy": ("sessionPolicy", wanted["SessionPolicy"]),
        "accept_role_session_name": ("acceptRoleSessionName", wanted["AcceptRoleSessionName"]),
        "managed_policies": ("managedPolicyArns", []),
    }
    update: dict[str, Any] = dict(member for name, member in members.items() if name in names)
    if update:
        client.update_profile(profileId=profile_id, **update)
    if "enabled" in names:
        (client.enable_profile if wanted["Enabled"] else client.disable_profile)(profileId=profile_id)
    for field in _under("attribute_mappings", names):
        _map(client, profile_id, field)


def _map(client: IAMRolesAnywhereClient, profile_id: str, field: str) -> None:
    """Give a certificate's field its mapping by default. Putting one adds to those that are there."""
    known: Any = field
    client.delete_attribute_mapping(profileId=profile_id, certificateField=known)
    if field in DEFAULT_MAPPINGS:
        rules: Any = [{"specifier": each} for each in DEFAULT_MAPPINGS[field]]
        client.put_attribute_mapping(profileId=profile_id, certificateField=known, mappingRules=rules)


def _anchor(aws: Aws, resource: Resource, names: frozenset[str], _: Settings) -> None:
    client, wanted = aws.rolesanywhere, resource.properties
    anchor_id = resource.key.id.rpartition("/")[2]
    update: dict[str, Any] = {"name": wanted["Name"]} if "name" in names else {}
    if names & {"certificates", "private_ca"}:
        data = wanted["Source"]["SourceData"]
        update["source"] = {
            "sourceType": wanted["Source"]["SourceType"],
            "sourceData": {key[0].lower() + key[1:]: value.rstrip() for key, value in data.items()},
        }
    if update:
        client.update_trust_anchor(trustAnchorId=anchor_id, **update)
    if "enabled" in names:
        (client.enable_trust_anchor if wanted["Enabled"] else client.disable_trust_anchor)(
            trustAnchorId=anchor_id
        )
    events = {each["Event"]: each for each in wanted["NotificationSettings"]}
    settings: Any = [
        {key[0].lower() + key[1:]: value for key, value in events[event].items()}
        for event in _under("notifications", names)
        if event in events
    ]
    if settings:
        client.put_notification_settings(trustAnchorId=anchor_id, notificationSettings=settings)


def _secret(aws: Aws, resource: Resource, names: frozenset[str], _: Settings) -> None:
    manager, wanted = aws.secretsmanager, resource.properties
    members = {"description": "Description", "kms_key": "KmsKeyId"}
    update: dict[str, Any] = {member: wanted[member] for name, member in members.items() if name in names}
    if update:
        manager.update_secret(SecretId=resource.arn, **update)
    changed, gone = _tags(resource, names)
    if changed:
        manager.tag_resource(
            SecretId=resource.arn, Tags=[{"Key": key, "Value": value} for key, value in changed]
        )
    if gone:
        manager.untag_resource(SecretId=resource.arn, TagKeys=gone)


def _bucket(aws: Aws, resource: Resource, names: frozenset[str], _: Settings) -> None:
    s3, name = aws.s3, resource.key.id
    wanted: Any = resource.properties
    configuration: Any
    if "public_access_block" in names:
        configuration = wanted["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=configuration)
    if "policy" in names:
        s3.put_bucket_policy(Bucket=name, Policy=_text(wanted["Policy"]))
    if "versioning" in names:
        configuration = wanted["VersioningConfiguration"]
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=configuration)
    if "encryption" in names:
        configuration = encryption_configuration(wanted)
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=configuration)
    if "ownership" in names:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=wanted["OwnershipControls"])
    if "lifecycle" in names:
        configuration = {"Rules": lifecycle_rules(wanted)}
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=configuration)
    changed, gone = _tags(resource, names)
    if changed or gone:
        # All tags are put at once, with those that stay; AWS refuses a set without its own.
        tags = {
            key: value
            for key, value in {**_bucket_tags(s3, name), **dict(changed)}.items()
            if key not in gone
        }
        s3.put_bucket_tagging(
            Bucket=name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
        )


def _bucket_tags(s3: S3Client, name: str) -> dict[str, str]:
    try:
        return {each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    except ClientError as error:
        if code(error) != "NoSuchTagSet":
            raise
        return {}


def _key(aws: Aws, resource: Resource, names: frozenset[str], live: Settings) -> None:
    kms, wanted, arn = aws.kms, resource.properties, resource.key.id
    if "state" in names:
        # Nothing else can be changed while it waits for its deletion.
        if live.get("state") == "PendingDeletion":
            kms.cancel_key_deletion(KeyId=arn)
        kms.enable_key(KeyId=arn)
    if "rotation" in names:
        kms.enable_key_rotation(KeyId=arn)
    if "policy" in names:
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=_text(wanted["KeyPolicy"]))
    if "description" in names:
        kms.update_key_description(KeyId=arn, Description=wanted["Description"])
    changed, gone = _tags(resource, names)
    if changed:
        kms.tag_resource(KeyId=arn, Tags=[{"TagKey": key, "TagValue": value} for key, value in changed])
    if gone:
        kms.untag_resource(KeyId=arn, TagKeys=gone)


_REVERTERS: Final[Mapping[str, _Reverter]] = {
    "role": _role,
    "profile": _profile,
    "trust_anchor": _anchor,
    "secret": _secret,
    "bucket": _bucket,
    "key": _key,
    "signing_key": _key,
}
