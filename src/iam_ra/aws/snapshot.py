"""What was observed of the world, once and in bulk, at the start of a run. Kinds read it; they do not call.

The number of calls grows with pages, never with entities.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.aws.naming import LINEAGE_TAG, NAMESPACE_TAG, Names
from iam_ra.aws.s3 import Bucket
from iam_ra.aws.secrets import SecretInfo, Secrets
from iam_ra.aws.stacks import Stack, Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.aws.session import Aws, Caller
    from iam_ra.engine.address import Address


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the kinds compare with.

    `stacks` are those with a name of ours, whoever made them; `role_names` every IAM role of the account;
    `objects` the ETag of each S3 object under the namespace's prefix; `files` the SHA-256 of each recorded file in the
    repository, None where it is gone. `bucket` is None before the first apply.
    `lineage` is the init stack's UUID: whoever makes that stack, there is one, and none before it.
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

    def owns(self, stack: Stack) -> bool:
        """Tell whether a stack is ours: by its tags, never by its name."""
        lineage = stack.uuid if stack.name == self.names.stack("init") else stack.tags.get(LINEAGE_TAG)
        is_here = stack.tags.get(NAMESPACE_TAG) == self.names.namespace
        return is_here and lineage is not None and lineage == self.lineage


def take(aws: Aws, names: Names) -> Snapshot:
    """Look at AWS; which `files` to look at, only the state can tell. Raises botocore's errors."""
    caller = aws.caller
    with ThreadPoolExecutor(3, thread_name_prefix="snapshot") as threads:
        roles = threads.submit(_role_names, aws)
        secrets = threads.submit(Secrets(aws.secretsmanager).list, names.secret_prefix)
        stacks = {
            stack.name: stack for stack in Stacks(aws.cloudformation).list() if names.is_ours(stack.name)
        }
        init = stacks.get(names.stack("init"))
        bucket = bucket_of(aws, init)
        objects = {} if bucket is None else bucket.list(f"{names.namespace}/")
        return Snapshot(
            caller,
            names,
            None if init is None else init.uuid,
            bucket,
            stacks,
            roles.result(),
            secrets.result(),
            objects,
            files={},
        )


def bucket_of(aws: Aws, init: Stack | None) -> Bucket | None:
    """Return the bucket that the init stack made, or None while there is none."""
    if init is None or "BucketName" not in init.outputs:
        return None
    bucket = Bucket(aws.s3, init.outputs["BucketName"])
    # A deletion that failed may have come as far as the bucket; the stack still names it.
    return bucket if init.status != "DELETE_FAILED" or bucket.exists() else None


def _role_names(aws: Aws) -> frozenset[str]:
    pages = aws.iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
    return frozenset(role["RoleName"] for page in pages for role in page["Roles"])
