"""What was observed of the world, once and in bulk, at the start of a run. Kinds read it; they do not call.

The number of calls grows with pages, never with entities.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from iam_ra.aws.crls import CrlInfo, Crls
from iam_ra.aws.errors import code
from iam_ra.aws.live import Live, listed_role, read_bulk
from iam_ra.aws.naming import LINEAGE_TAG, NAMESPACE_TAG, Names
from iam_ra.aws.s3 import Bucket
from iam_ra.aws.secrets import SecretInfo, Secrets
from iam_ra.aws.stacks import Stack, Stacks
from iam_ra.engine.part import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from iam_ra.aws.live_settings import Settings
    from iam_ra.aws.session import Aws, Caller
    from iam_ra.engine.address import Address


_THREADS = 8


class Doubt(NamedTuple):
    """A secret, or an IAM role, that a list does not show as it should be: lists may lag behind."""

    name: str
    is_role: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the kinds compare with.

    `stacks` are those with a name of ours, whoever made them; `role_names` every IAM role of the account;
    `objects` the ETag of each S3 object under the namespace's prefix; `files` the SHA-256 of each recorded file in the
    repository, None where it is gone, and `file_sets` the same of parts with several files, by path; `crls` every revocation list of the region. `bucket` is None before the first apply; `is_bucket_lost` says that the stack names one which is
    gone.
    `lineage` is the init stack's UUID: whoever makes that stack, there is one, and none before it. `seen` is when Roles
    Anywhere let in the certificates (by serial, in decimal) that somebody asked about. `listed_roles` holds what the list
    of roles shows of those with a name of ours, `live` the settings of our resources, once somebody asked for them.
    """

    caller: Caller
    names: Names
    lineage: str | None
    bucket: Bucket | None
    stacks: Mapping[str, Stack]
    role_names: frozenset[str]
    secrets: Mapping[str, SecretInfo]
    objects: Mapping[str, str]
    files: Mapping[Address, str | None]
    is_bucket_lost: bool = False
    crls: tuple[CrlInfo, ...] = ()
    seen: Mapping[str, datetime] = field(default_factory=lambda: NOTHING)
    file_sets: Mapping[Address, Mapping[str, str | None]] = field(default_factory=dict)
    listed_roles: Mapping[str, Settings] = field(default_factory=lambda: NOTHING)
    live: Live = field(default_factory=Live)

    def owns(self, stack: Stack) -> bool:
        """Tell whether a stack is ours: by its tags, never by its name."""
        lineage = stack.uuid if stack.name == self.names.stack("init") else stack.tags.get(LINEAGE_TAG)
        is_here = stack.tags.get(NAMESPACE_TAG) == self.names.namespace
        return is_here and lineage is not None and lineage == self.lineage

    def is_stray(self, stack: Stack) -> bool:
        """Tell whether an earlier life of the namespace left a stack: its tags say another lineage."""
        is_here = stack.tags.get(NAMESPACE_TAG) == self.names.namespace
        return is_here and LINEAGE_TAG in stack.tags and not self.owns(stack)


def take(aws: Aws, names: Names, *, with_crls: bool = True, with_secrets: bool = True) -> Snapshot:
    """Look at AWS; which `files` to look at, only the state can tell. Raises botocore's errors.

    Without secrets, those of hosts that still have a stack are looked at all the same.
    """
    caller = aws.caller
    with ThreadPoolExecutor(4, thread_name_prefix="snapshot") as threads:
        roles = threads.submit(_roles, aws, names)
        crls = threads.submit(Crls(aws.rolesanywhere).list) if with_crls else None
        secrets = threads.submit(_secrets, aws, names) if with_secrets else None
        stacks = {
            stack.name: stack for stack in Stacks(aws.cloudformation).list() if names.is_ours(stack.name)
        }
        if secrets is None and any(name.startswith(names.stack("host-")) for name in stacks):
            secrets = threads.submit(_secrets, aws, names)
        init = stacks.get(names.stack("init"))
        bucket = bucket_of(aws, init)
        objects = None if bucket is None else _objects(bucket, names)
        return Snapshot(
            caller,
            names,
            None if init is None else init.uuid,
            bucket,
            stacks,
            roles.result()[0],
            {} if secrets is None else secrets.result(),
            objects or {},
            files={},
            is_bucket_lost=bucket is not None and objects is None,
            crls=() if crls is None else crls.result(),
            listed_roles=roles.result()[1],
        )


def memory(aws: Aws, names: Names, init: Stack | None) -> Snapshot:
    """Look at the bucket alone; `init` is the stack that made it, if there is one."""
    bucket = bucket_of(aws, init)
    objects = None if bucket is None else _objects(bucket, names)
    return Snapshot(
        aws.caller,
        names,
        None if init is None else init.uuid,
        bucket,
        {} if init is None else {init.name: init},
        role_names=frozenset(),
        secrets={},
        objects=objects or {},
        files={},
        is_bucket_lost=bucket is not None and objects is None,
    )


def with_live(aws: Aws, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the settings of what our stacks made. Before the base infrastructure there are none."""
    init = snapshot.stacks.get(snapshot.names.stack("init"))
    outputs = {} if init is None else init.outputs
    if snapshot.is_bucket_lost or not {"BucketName", "KMSKeyArn"} <= outputs.keys():
        return snapshot
    secrets = {secret.name: secret.settings for secret in snapshot.secrets.values() if not secret.is_deleted}
    signing_keys = sorted(
        stack.outputs["KeyArn"]
        for name, stack in snapshot.stacks.items()
        if snapshot.names.key_of_stack(name) is not None and "KeyArn" in stack.outputs
    )
    live = read_bulk(
        aws,
        snapshot.listed_roles,
        secrets,
        outputs["BucketName"],
        outputs["KMSKeyArn"],
        signing_keys,
    )
    return replace(snapshot, live=live)


def confirm(aws: Aws, snapshot: Snapshot, doubts: Iterable[Doubt]) -> Snapshot:
    """Return the snapshot with single things asked for anew, since lists may lag minutes behind."""
    manager, roles, secrets = Secrets(aws.secretsmanager), set(snapshot.role_names), dict(snapshot.secrets)

    def ask(doubt: Doubt) -> tuple[Doubt, SecretInfo | bool | None]:
        if doubt.is_role:
            return doubt, _role_exists(aws, doubt.name)
        return doubt, manager.describe(doubt.name)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="confirm") as threads:
        for doubt, found in threads.map(ask, doubts):
            if isinstance(found, SecretInfo):
                secrets[doubt.name] = found
            elif not doubt.is_role:
                secrets.pop(doubt.name, None)
            elif found:
                roles.add(doubt.name)
            else:
                roles.discard(doubt.name)
    return replace(snapshot, role_names=frozenset(roles), secrets=secrets)


def bucket_of(aws: Aws, init: Stack | None) -> Bucket | None:
    """Return the bucket that the init stack made, or None while there is none."""
    if init is None or "BucketName" not in init.outputs:
        return None
    return Bucket(aws.s3, init.outputs["BucketName"])


def _secrets(aws: Aws, names: Names) -> Mapping[str, SecretInfo]:
    return Secrets(aws.secretsmanager).list(names.secret_prefix)


def _objects(bucket: Bucket, names: Names) -> Mapping[str, str] | None:
    """Return the namespace's objects, or None where the stack names a bucket that is gone."""
    try:
        return bucket.list(f"{names.namespace}/")
    except ClientError as error:
        if code(error) == "NoSuchBucket":
            return None
        raise


def _role_exists(aws: Aws, name: str) -> bool:
    try:
        aws.iam.get_role(RoleName=name)
    except ClientError as error:
        if code(error) == "NoSuchEntity":
            return False
        raise
    return True


def _roles(aws: Aws, names: Names) -> tuple[frozenset[str], Mapping[str, Settings]]:
    """Return the names of all roles, and what is listed of those with a name of ours."""
    pages = aws.iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
    found = {role["RoleName"]: role for page in pages for role in page["Roles"]}
    ours = {name: listed_role(role) for name, role in found.items() if name.startswith(names.prefix)}
    return frozenset(found), ours
