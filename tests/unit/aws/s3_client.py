"""S3 in memory, as the client shows it: versions, conditions, pages, and failures on order."""

# The names of arguments are the client's own, and not all of them matter here.
# ruff: noqa: ARG002, N803

from __future__ import annotations

import io
from collections import Counter
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from iam_ra.aws.s3 import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

PAGE = 3


def client_error(code: str, operation: str = "Operation", message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message or code}}, operation)


class FakeS3:
    """One bucket. `date` is its clock, which answers tell unless it is None. `before` is called with each operation's name and key first, and may change things or raise."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[str, bytes]]] = {}
        self.exists = True
        self.date: datetime | None = None
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str, str], None] = lambda *_: None
        self.loses_answers = 0
        self.refuses_to_delete: set[str] = set()
        self.purged: list[str] = []
        self._serial = 0

    def _enter(self, operation: str, key: str = "") -> None:
        self.calls[operation] += 1
        if not self.exists:
            raise client_error("NoSuchBucket", operation)
        self.before(operation, key)

    def content(self, key: str) -> bytes:
        return self.versions[key][-1][1]

    def write(self, key: str, data: bytes) -> str:
        """Write as somebody else does."""
        self._serial += 1
        etag = f'"{self._serial}"'
        self.versions.setdefault(key, []).append((etag, data))
        return etag

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._enter("get_object", Key)
        if Key not in self.versions:
            raise client_error("NoSuchKey", "GetObject")
        etag, data = self.versions[Key][-1]
        headers = {} if self.date is None else {"date": format_datetime(self.date, usegmt=True)}
        return {"Body": io.BytesIO(data), "ETag": etag, "ResponseMetadata": {"HTTPHeaders": headers}}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        Metadata: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        self._enter("put_object", Key)
        while True:
            self._check(Key, IfMatch, IfNoneMatch)
            etag = self.write(Key, Body)
            if not self.loses_answers:
                return {"ETag": etag}
            # The client hears nothing and sends the same again.
            self.loses_answers -= 1

    def _check(self, key: str, if_match: str | None, if_none_match: str | None) -> None:
        if if_none_match and key in self.versions:
            raise client_error("PreconditionFailed", "PutObject")
        if if_match is not None:
            if key not in self.versions:
                raise client_error("NoSuchKey", "PutObject")
            if self.versions[key][-1][0] != if_match:
                raise client_error("PreconditionFailed", "PutObject")

    def head_bucket(self, *, Bucket: str) -> dict[str, Any]:
        # A HEAD has no body, so the client knows the status only.
        self.calls["head_bucket"] += 1
        if not self.exists:
            raise client_error("404", "HeadBucket", "Not Found")
        return {}

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:
        self._enter("delete_object", Key)
        if IfMatch is not None:
            self._check(Key, IfMatch, None)
        self.versions.pop(Key, None)
        return {}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        self._enter("delete_objects")
        assert 0 < len(Delete["Objects"]) <= 1000
        errors = []
        for each in Delete["Objects"]:
            if each["Key"] in self.refuses_to_delete:
                errors.append({"Key": each["Key"], "Code": "AccessDenied", "Message": "no"})
                continue
            self.purged.append(each["Key"])
            left = [version for version in self.versions[each["Key"]] if version[0] != each["VersionId"]]
            self.versions[each["Key"]] = left
            if not left:
                del self.versions[each["Key"]]
        return {"Errors": errors} if errors else {}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self, operation)


class Pages:
    """A paginator; the last page has no contents at all, as S3 sometimes answers."""

    def __init__(self, s3: FakeS3, operation: str) -> None:
        self._s3 = s3
        self._operation = operation

    def paginate(self, *, Bucket: str, Prefix: str = "") -> Iterator[dict[str, Any]]:
        keys = sorted(key for key in self._s3.versions if key.startswith(Prefix))
        for start in range(0, len(keys) + 1, PAGE):
            self._s3._enter(self._operation)
            yield self._page(keys[start : start + PAGE])

    def _page(self, keys: list[str]) -> dict[str, Any]:
        if not keys:
            return {}
        if self._operation == "list_objects_v2":
            return {"Contents": [{"Key": key, "ETag": self._s3.versions[key][-1][0]} for key in keys]}
        every = [{"Key": key, "VersionId": etag} for key in keys for etag, _ in self._s3.versions[key]]
        return {"Versions": every[1:], "DeleteMarkers": every[:1]}


def bucket_on(client: FakeS3) -> Bucket:
    return Bucket(cast("S3Client", client), "the-bucket")
