"""S3: bucket policies with conditions.

moto denies whatever a Deny statement names, its conditions notwithstanding, so that a bucket that wants TLS could not be
used at all. Here a statement with conditions is passed over: calls to the sandbox count as made over TLS
(aws:SecureTransport is true), which makes the usual statement a no-op as on AWS, and no other condition key is known.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from iam_ra.sandbox.patches.wrapping import around


def install() -> None:
    """Mend moto.s3."""
    around(FakeBucket, "get_permission")(_get_permission)


def _get_permission(_: Any, bucket: Any, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    document["Statement"] = [each for each in statements if not each.get("Condition")]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
