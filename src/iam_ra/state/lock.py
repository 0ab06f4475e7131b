"""The lock: an object that only one apply at a time can create."""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Self

from iam_ra.aws.s3 import Bucket, ConditionFailedError
from iam_ra.engine.errors import LockHeldError

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds the lock, for what, and since when (ISO 8601, by AWS's clock)."""

    id: str
    holder: str
    host: str
    operation: str
    since: str


class Lock:
    """A context manager that holds the namespace's lock, and releases it on every way out."""

    def __init__(self, bucket: Bucket, key: str, operation: str, now: datetime) -> None:
        self._bucket = bucket
        self._key = key
        self._etag: str | None = None
        self.info = LockInfo(str(uuid.uuid4()), _user(), socket.gethostname(), operation, now.isoformat())

    def __enter__(self) -> Self:
        """Take the lock; raises LockHeldError with its holder when somebody has it."""
        data = json.dumps(asdict(self.info)).encode()
        try:
            self._etag = self._bucket.put(self._key, data, if_absent=True)
        except ConditionFailedError:
            raise self._held() from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._etag is None:
            return
        try:
            self._bucket.delete(self._key, if_match=self._etag)
        except ConditionFailedError:
            # It is another's lock by now, which is not ours to release.
            return

    def forget(self) -> None:
        """Leave the lock alone from now on: it went with its bucket."""
        self._etag = None

    def _held(self) -> LockHeldError:
        stored = self._bucket.get(self._key)
        if stored is None:
            return LockHeldError("another apply held the lock a moment ago", fix="run the command again")
        try:
            found = json.loads(stored.data)
            # A newer iam-ra may say more.
            info = LockInfo(**{each.name: str(found[each.name]) for each in fields(LockInfo)})
            who = (
                f"{info.holder}@{info.host} holds it for {info.operation} since {info.since} (lock {info.id})"
            )
        except (ValueError, TypeError, KeyError):
            who = "the lock object cannot be read"
        return LockHeldError(
            "another apply holds the lock; nothing was changed",
            why=who,
            fix="wait until it is done. If you are sure that it is dead, delete the lock: "
            f"aws s3 rm s3://{self._bucket.name}/{self._key}",
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
