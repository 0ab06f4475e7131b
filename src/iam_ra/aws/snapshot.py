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
    from iam_ra.files.repository import Repository


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the kinds compare with.

    `stacks` are those with a name of ours, whoever made them; `role_names` every IAM role of the account;
    `objects` the ETag of each S3 object under the namespace's prefix. `bucket` is None before the first apply.
    `lineage` is the one that the init stack carries.
    """

    caller: Caller
    names: Names
    lineage: str | None
    bucket: Bucket | None
    stacks: Mapping[str, Stack]
    role_names: frozenset[str]
    secrets: Mapping[str, SecretInfo]
    objects: Mapping[str, str]
    repository: Repository

    def owns(self, stack: Stack) -> bool:
        """Tell whether a stack is ours: by its tags, never by its name."""
        same_namespace = stack.tags.get(NAMESPACE_TAG) == self.names.namespace
        return same_namespace and (self.lineage is None or stack.tags.get(LINEAGE_TAG) == self.lineage)


def take(aws: Aws, names: Names, repository: Repository) -> Snapshot:
    """Look at the world. Raises botocore's errors; translate them at the edge."""
    caller = aws.caller
    with ThreadPoolExecutor(3, thread_name_prefix="snapshot") as threads:
        roles = threads.submit(_role_names, aws)
        secrets = threads.submit(Secrets(aws.secretsmanager).list, names.secret_prefix)
        stacks = {
            stack.name: stack for stack in Stacks(aws.cloudformation).list() if names.is_ours(stack.name)
        }
        init = stacks.get(names.stack("init"))
        bucket = _bucket(aws, init)
        objects = {} if bucket is None else bucket.list(f"{names.namespace}/")
        return Snapshot(
            caller,
            names,
            None if init is None else init.tags.get(LINEAGE_TAG),
            bucket,
            stacks,
            roles.result(),
            secrets.result(),
            objects,
            repository,
        )


def _bucket(aws: Aws, init: Stack | None) -> Bucket | None:
    if init is None or "BucketName" not in init.outputs:
        return None
    return Bucket(aws.s3, init.outputs["BucketName"])


def _role_names(aws: Aws) -> frozenset[str]:
    pages = aws.iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
    return frozenset(role["RoleName"] for page in pages for role in page["Roles"])
