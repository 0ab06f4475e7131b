"""S3: bucket policies with conditions, conditional writes that meet a deletion, buckets of the sandbox's time.

moto denies whatever a Deny statement names, its conditions notwithstanding, so that a bucket that wants TLS could not be
used at all. Here a statement with conditions is passed over: calls to the sandbox count as made over TLS
(aws:SecureTransport is true), which makes the usual statement a no-op as on AWS, and no other condition key is known.

A conditional write that was still arriving when its key was deleted is answered with 409, whatever its condition says,
as S3 may. Source: S3 user guide, "How to prevent object overwrites with conditional writes".
"""

from __future__ import annotations

import json
import time
from typing import Any
from weakref import WeakKeyDictionary

from flask import request
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

from iam_ra.sandbox import clock, wire
from iam_ra.sandbox.call import Call
from iam_ra.sandbox.patches import ARRIVED
from iam_ra.sandbox.patches.wrapping import around

# By bucket and key, by time.perf_counter(), which means nothing to another process.
_deleted: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()
CONFLICT = "The conditional request cannot succeed due to a conflicting operation against this resource."


def install() -> None:
    """Mend moto.s3."""
    around(FakeBucket, "get_permission")(_get_permission)
    _mend_writes()

    @around(FakeBucket, "__init__")
    def __init__(original: Any, self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
        original(self, *arguments, **options)
        self.creation_date = clock.now()


def _mend_writes() -> None:
    @around(S3Backend, "delete_object")
    def delete_object(
        original: Any, self: Any, bucket_name: str, key_name: str, *more: Any, **options: Any
    ) -> Any:
        answer = original(self, bucket_name, key_name, *more, **options)
        _deletions(self.get_bucket(bucket_name))[key_name] = time.perf_counter()
        return answer

    @around(S3Response, "put_object")
    def put_object(original: Any, self: Any) -> Any:
        conditional = self.headers.get("If-Match") or self.headers.get("If-None-Match")
        deletions = _deletions(self.backend.get_bucket(self.bucket_name))
        deleted = deletions.get(self.parse_key_name())
        if conditional and deleted is not None and deleted > request.environ.get(ARRIVED, deleted):
            call = Call("s3", "PutObject")
            headers, content = wire.serialise(call, "", "ConditionalRequestConflict", CONFLICT)
            return 409, headers, content
        return original(self)


def _deletions(bucket: Any) -> dict[str, float]:
    """Return when a bucket's keys were last deleted, for as long as the bucket lives in this process."""
    return _deleted.setdefault(bucket, {})


def _get_permission(_: Any, bucket: Any, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    document["Statement"] = [each for each in statements if not each.get("Condition")]
    return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
