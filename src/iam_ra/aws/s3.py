"""The namespace's bucket: small objects, written under conditions, listed in pages."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iam_ra.aws.errors import code
from iam_ra.engine.errors import AwsError
from iam_ra.engine.part import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

_MISSING = frozenset({"NoSuchKey", "404", "NoSuchBucket"})
_LOST = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_DELETE_BATCH = 1000


class ConditionFailedError(Exception):
    """The object is not as the condition says: somebody else was there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes, the ETag they were read under, its own metadata, and S3's clock when it was read."""

    data: bytes
    etag: str
    metadata: Mapping[str, str]
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, and when it was written."""

    id: str
    modified: datetime


class Bucket:
    """One bucket by name. Objects are encrypted by the bucket's own default key."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def exists(self) -> bool:
        """Tell whether there is such a bucket."""
        try:
            self._client.head_bucket(Bucket=self.name)
        except ClientError as error:
            if code(error) in _MISSING:
                return False
            raise
        return True

    def get(self, key: str) -> Stored | None:
        """Return the object, or None where there is none."""
        try:
            answer = self._client.get_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if code(error) in _MISSING:
                return None
            raise
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return Stored(
            answer["Body"].read(),
            answer["ETag"],
            answer.get("Metadata", {}),
            parsedate_to_datetime(date) if date else None,
        )

    def put(
        self,
        key: str,
        data: bytes,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        metadata: Mapping[str, str] = NOTHING,
    ) -> str:
        """Write the object and return its ETag; raises ConditionFailedError when the condition does not hold.

        `metadata` is ASCII.
        """
        condition: dict[str, Any] = {"Metadata": dict(metadata)} if metadata else {}
        if if_match is not None:
            condition["IfMatch"] = if_match
        if if_absent:
            condition["IfNoneMatch"] = "*"
        try:
            return self._client.put_object(Bucket=self.name, Key=key, Body=data, **condition)["ETag"]
        except ClientError as error:
            is_lost = code(error) in _LOST or (if_match is not None and code(error) in _MISSING)
            if not is_lost or not (if_absent or if_match is not None):
                raise
            # The client sends a write again when its answer got lost, and then meets what the first one wrote.
            stored = self.get(key)
            if stored is None or stored.data != data:
                raise ConditionFailedError(key) from error
            return stored.etag

    def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Delete the object; one that is gone is fine. Raises ConditionFailedError when it is another by now."""
        condition: dict[str, Any] = {} if if_match is None else {"IfMatch": if_match}
        try:
            self._client.delete_object(Bucket=self.name, Key=key, **condition)
        except ClientError as error:
            if code(error) in _LOST and if_match is not None:
                raise ConditionFailedError(key) from error
            if code(error) not in _MISSING:
                raise

    def list(self, prefix: str) -> dict[str, str]:
        """Return the ETag of each object under `prefix`, in pages of a thousand."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", [])}

    def versions(self, key: str) -> tuple[Version, ...]:
        """Return the versions of an object, the newest first; those before a deletion too."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=key)
        return tuple(
            Version(each["VersionId"], each["LastModified"])
            for page in pages
            for each in page.get("Versions", [])
            if each["Key"] == key
        )

    def get_version(self, key: str, version: str) -> bytes:
        """Return the bytes of one version of an object."""
        return self._client.get_object(Bucket=self.name, Key=key, VersionId=version)["Body"].read()

    def empty(self, last: tuple[str, ...] = ()) -> None:
        """Delete every version of every object, those with a key in `last` at the end; no bucket is fine.

        Raises AwsError when S3 refuses to delete one of them.
        """
        try:
            self._purge(version for version in self._versions() if version["Key"] not in last)
            self._purge(version for version in self._versions())
        except ClientError as error:
            if code(error) not in _MISSING:
                raise

    def _versions(self) -> Iterator[Any]:
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": each["Key"], "VersionId": each["VersionId"]}

    def _purge(self, versions: Iterator[Any]) -> None:
        doomed = list(versions)
        for start in range(0, len(doomed), _DELETE_BATCH):
            batch = doomed[start : start + _DELETE_BATCH]
            answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": batch, "Quiet": True})
            # The call succeeds even if nothing in it did.
            for error in answer.get("Errors", []):
                raise AwsError(
                    f"s3:DeleteObjectVersion failed on {error.get('Key')}: {error.get('Code')}",
                    why=error.get("Message", ""),
                    fix="put the cause right and run the command again; it picks up from here",
                )
