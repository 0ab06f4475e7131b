"""The settings of resources as AWS shows them, read in bulk, or one resource at a time to be sure.

Whatever the service, a resource's settings are one flat mapping from a name, such as `trust_policy` or `tags.team`, to
a value in one form: lists in order where order says nothing, policy documents in their one form, what stands only for
AWS itself left out (tags that begin with `aws:`). What is not set has no name in it.

The calls of the bulk grow with pages, and are constant for the bucket, its key and each authority's key in KMS. One that is denied is no error: the
settings that it would have shown are unread, and no drift is seen in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from botocore.exceptions import ClientError

from iam_ra.aws.documents import canonical
from iam_ra.aws.errors import DENIED, code
from iam_ra.aws.live_settings import (
    Settings,
    anchor_settings,
    encryption,
    lifecycle,
    ownership,
    profile_settings,
    secret_settings,
    tags,
)

if TYPE_CHECKING:
    from iam_ra.aws.session import Aws

# What is attached stands under its own name: there is nothing more to say of it.
ATTACHED: Final = "attached"
_THREADS = 8
_GONE: Final = frozenset({"NoSuchEntity", "ResourceNotFoundException", "NotFoundException", "NoSuchBucket"})
# Nothing is configured. Source: Amazon S3 API Reference, "Error responses".
_UNSET: Final = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)

Reader: TypeAlias = Callable[["Aws", str], Settings]


class Key(NamedTuple):
    """Which resource: its sort, and its name (roles, secrets, buckets) or its ARN (all others)."""

    sort: str
    id: str


@dataclass(frozen=True, slots=True)
class Live:
    """What was read. `unread` says, by sort and setting (all settings if empty), which action was denied.

    A sort in `listed` was listed whole: what is not in `resources` is not there.
    """

    resources: Mapping[Key, Settings] = field(default_factory=dict)
    unread: Mapping[tuple[str, str], str] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()

    def is_read(self, sort: str, name: str) -> bool:
        """Tell whether a setting of a sort of resources could be read."""
        return not any(
            kind == sort and (not setting or name == setting or name.startswith(f"{setting}."))
            for kind, setting in self.unread
        )

    def again(self, aws: Aws, keys: Iterable[Key]) -> Live:
        """Return the same with single resources read anew: lists may lag behind, IAM's and Secrets Manager's do."""
        resources = dict(self.resources)

        def ask(key: Key) -> tuple[Key, Settings | None, bool]:
            try:
                return key, read(aws, key), True
            except ClientError as error:
                if code(error) not in DENIED:
                    raise
                return key, None, False

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="again") as threads:
            for key, found, is_known in threads.map(ask, keys):
                if is_known and found is None:
                    resources.pop(key, None)
                elif found is not None:
                    resources[key] = found
        return replace(self, resources=resources)


class Collected:
    """Gathers what single calls show; each denied one is noted."""

    def __init__(self) -> None:
        self.resources: dict[Key, dict[str, Any]] = {}
        self.unread: dict[tuple[str, str], str] = {}
        self.listed: set[str] = set()

    def take(self, sort: str, setting: str, action: str, ask: Callable[[], Mapping[str, Settings]]) -> None:
        """Add the settings that `ask` returns, by the resources' names or ARNs."""
        try:
            found = ask()
        except ClientError as error:
            if code(error) in _GONE:
                return
            if code(error) not in DENIED:
                raise
            self.unread[sort, setting] = action
            return
        if not setting:
            self.listed.add(sort)
        for name, settings in found.items():
            self.resources.setdefault(Key(sort, name), {}).update(settings)

    def live(self) -> Live:
        """Return what was gathered."""
        return Live(self.resources, self.unread, frozenset(self.listed))


def read_bulk(
    aws: Aws,
    roles: Mapping[str, Settings],
    secrets: Mapping[str, Settings],
    bucket: str,
    key: str,
    signing_keys: Iterable[str] = (),
) -> Live:
    """Read what lists, the one bucket with its one key, and the authorities' keys in KMS show.

    `roles` and `secrets` are what lists have shown already; of roles that are not in it nothing else is read. Keys are ARNs.
    """
    found = Collected()
    found.resources = {Key("role", name): dict(settings) for name, settings in roles.items()}
    found.resources |= {Key("secret", name): dict(settings) for name, settings in secrets.items()}
    found.listed = {"role", "secret"}
    jobs: list[tuple[str, str, str, Callable[[], Mapping[str, Settings]]]] = [
        ("profile", "", "rolesanywhere:ListProfiles", lambda: _profiles(aws)),
        ("trust_anchor", "", "rolesanywhere:ListTrustAnchors", lambda: _anchors(aws)),
        *(
            ("bucket", name, f"s3:{action}", _of(bucket, reader, aws))
            for name, (action, reader) in _BUCKET.items()
        ),
        *(("key", name, f"kms:{action}", _of(key, reader, aws)) for name, (action, reader) in _KEY.items()),
        *(
            ("signing_key", name, f"kms:{action}", _of(each, reader, aws))
            for each in signing_keys
            for name, (action, reader) in _SIGNING_KEY.items()
        ),
    ]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="live") as threads:
        done = [threads.submit(found.take, *job) for job in jobs]
        details = threads.submit(_role_details, aws, frozenset(roles))
        for each in done:
            each.result()
        try:
            more = details.result()
        except ClientError as error:
            if code(error) not in DENIED:
                raise
            more = {}
            for setting in ("policies", "inline_policies", "permissions_boundary", "tags"):
                found.unread["role", setting] = "iam:GetAccountAuthorizationDetails"
    for name, settings in more.items():
        found.resources[Key("role", name)].update(settings)
    return found.live()


def read(aws: Aws, key: Key) -> Settings | None:
    """Read one resource as it is now; None where there is none. Raises botocore's errors."""
    try:
        return _READERS[key.sort](aws, key.id)
    except ClientError as error:
        if code(error) in _GONE:
            return None
        raise


def listed_role(role: Mapping[str, Any]) -> Settings:
    """Return what ListRoles shows of a role; GetAccountAuthorizationDetails lacks the last two."""
    return {
        "arn": role.get("Arn", ""),
        "trust_policy": canonical(role.get("AssumeRolePolicyDocument")),
        "description": role.get("Description", ""),
        "max_session_duration": role.get("MaxSessionDuration", 3600),
    }


def _role_details(aws: Aws, names: frozenset[str]) -> Mapping[str, Settings]:
    if not names:
        return {}
    pages = aws.iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["Role"], PaginationConfig={"PageSize": 1000}
    )
    return {
        role["RoleName"]: {
            "trust_policy": canonical(role.get("AssumeRolePolicyDocument")),
            **_boundary(role),
            **{f"policies.{each['PolicyArn']}": ATTACHED for each in role.get("AttachedManagedPolicies", [])},
            **{
                f"inline_policies.{each['PolicyName']}": canonical(each["PolicyDocument"])
                for each in role.get("RolePolicyList", [])
            },
            **tags(role.get("Tags", [])),
        }
        for page in pages
        for role in page["RoleDetailList"]
        if role["RoleName"] in names
    }


def _boundary(role: Mapping[str, Any]) -> Settings:
    arn = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return {"permissions_boundary": arn} if arn else {}


def _role(aws: Aws, name: str) -> Settings:
    role: Mapping[str, Any] = aws.iam.get_role(RoleName=name)["Role"]
    attached = aws.iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    embedded = aws.iam.get_paginator("list_role_policies").paginate(RoleName=name)
    return {
        **listed_role(role),
        **_boundary(role),
        **{
            f"policies.{each['PolicyArn']}": ATTACHED
            for page in attached
            for each in page["AttachedPolicies"]
        },
        **{
            f"inline_policies.{policy}": canonical(
                aws.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            )
            for page in embedded
            for policy in page["PolicyNames"]
        },
        **tags(role.get("Tags", [])),
    }


def _profiles(aws: Aws) -> Mapping[str, Settings]:
    pages = aws.rolesanywhere.get_paginator("list_profiles").paginate()
    return {each["profileArn"]: profile_settings(each) for page in pages for each in page["profiles"]}


def _anchors(aws: Aws) -> Mapping[str, Settings]:
    pages = aws.rolesanywhere.get_paginator("list_trust_anchors").paginate()
    return {each["trustAnchorArn"]: anchor_settings(each) for page in pages for each in page["trustAnchors"]}


def _profile(aws: Aws, arn: str) -> Settings:
    return profile_settings(aws.rolesanywhere.get_profile(profileId=arn.rpartition("/")[2])["profile"])


def _anchor(aws: Aws, arn: str) -> Settings:
    answer = aws.rolesanywhere.get_trust_anchor(trustAnchorId=arn.rpartition("/")[2])
    return anchor_settings(answer["trustAnchor"])


def _secret(aws: Aws, name: str) -> Settings:
    return secret_settings(aws.secretsmanager.describe_secret(SecretId=name))


def _of(name: str, reader: Reader, aws: Aws) -> Callable[[], Mapping[str, Settings]]:
    return lambda: {name: _or_unset(reader, aws, name)}


def _or_unset(reader: Reader, aws: Aws, name: str) -> Settings:
    try:
        return reader(aws, name)
    except ClientError as error:
        if code(error) in _UNSET:
            return {}
        raise


def _versioning(aws: Aws, name: str) -> Settings:
    return {"versioning": aws.s3.get_bucket_versioning(Bucket=name).get("Status", "Off")}


def _encryption(aws: Aws, name: str) -> Settings:
    found = aws.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    return {"encryption": encryption(found)}


def _public_access(aws: Aws, name: str) -> Settings:
    found = aws.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return {"public_access_block": dict(found)}


def _bucket_policy(aws: Aws, name: str) -> Settings:
    return {"policy": canonical(aws.s3.get_bucket_policy(Bucket=name)["Policy"])}


def _lifecycle(aws: Aws, name: str) -> Settings:
    return {"lifecycle": lifecycle(aws.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])}


def _ownership(aws: Aws, name: str) -> Settings:
    return {"ownership": ownership(aws.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"])}


def _bucket_tags(aws: Aws, name: str) -> Settings:
    return tags(aws.s3.get_bucket_tagging(Bucket=name)["TagSet"])


def _key_state(aws: Aws, arn: str) -> Settings:
    found = aws.kms.describe_key(KeyId=arn)["KeyMetadata"]
    return {"state": found["KeyState"], "description": found.get("Description", "")}


def _key_rotation(aws: Aws, arn: str) -> Settings:
    return {"rotation": aws.kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]}


def _key_policy(aws: Aws, arn: str) -> Settings:
    return {"policy": canonical(aws.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])}


def _key_tags(aws: Aws, arn: str) -> Settings:
    pages = aws.kms.get_paginator("list_resource_tags").paginate(KeyId=arn)
    return tags([each for page in pages for each in page["Tags"]], "TagKey", "TagValue")


# By the setting that each call shows; where IAM calls the action by another name than the API, IAM's name.
_BUCKET: Final[Mapping[str, tuple[str, Reader]]] = {
    "versioning": ("GetBucketVersioning", _versioning),
    "encryption": ("GetEncryptionConfiguration", _encryption),
    "public_access_block": ("GetBucketPublicAccessBlock", _public_access),
    "policy": ("GetBucketPolicy", _bucket_policy),
    "lifecycle": ("GetLifecycleConfiguration", _lifecycle),
    "ownership": ("GetBucketOwnershipControls", _ownership),
    "tags": ("GetBucketTagging", _bucket_tags),
}
_KEY: Final[Mapping[str, tuple[str, Reader]]] = {
    "state": ("DescribeKey", _key_state),
    "rotation": ("GetKeyRotationStatus", _key_rotation),
    "policy": ("GetKeyPolicy", _key_policy),
    "tags": ("ListResourceTags", _key_tags),
}
# Asymmetric keys do not rotate.
_SIGNING_KEY: Final = {name: each for name, each in _KEY.items() if name != "rotation"}


def _whole(readers: Mapping[str, tuple[str, Reader]]) -> Reader:
    """Return what reads all settings of a resource that several calls show."""

    def read_all(aws: Aws, name: str) -> Settings:
        found: dict[str, Any] = {}
        for _, reader in readers.values():
            found |= _or_unset(reader, aws, name)
        return found

    return read_all


_READERS: Final[Mapping[str, Reader]] = {
    "role": _role,
    "profile": _profile,
    "trust_anchor": _anchor,
    "secret": _secret,
    "bucket": _whole(_BUCKET),
    "key": _whole(_KEY),
    "signing_key": _whole(_SIGNING_KEY),
}
