"""The lock: an object that only one apply at a time can create, held by a lease that must be renewed.

Whoever stops renewing (killed, asleep, cut off) loses it two minutes later, judged by S3's own clock; another may then
take it over. The holder counts the same two minutes on its monotonic clock, half a minute short, and begins nothing
after that: two writers never overlap, whatever their wall clocks say.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import socket
import threading
import time
import uuid
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from iam_ra.aws.s3 import ConditionFailedError, Stored
from iam_ra.engine.errors import LeaseLostError, LockHeldError, RefusedError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from iam_ra.aws.s3 import Bucket

LEASE = timedelta(minutes=2)
RENEWAL_SECONDS = 30.0
# How much earlier than anybody else the holder takes its lease to be over.
MARGIN = timedelta(seconds=30)
_POLL_SECONDS = 2.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds the lock, for what, since when and until when (ISO 8601, by AWS's clock)."""

    id: str
    holder: str
    host: str
    operation: str
    since: str
    lease_until: str

    @classmethod
    def from_json(cls, data: bytes) -> LockInfo:
        """Read a lock object; a newer iam-ra may say more. Raises StateError when it cannot be read."""
        try:
            found = json.loads(data)
            return cls(**{each.name: str(found[each.name]) for each in fields(cls)})
        except (ValueError, TypeError, KeyError) as error:
            raise StateError("the lock object cannot be read", why=str(error)) from error

    def __str__(self) -> str:
        """Say it in a clause."""
        return (
            f"{self.holder}@{self.host} holds it for {self.operation} since {self.since} (lock {self.id}; "
            f"its lease ends at {self.lease_until} unless it is renewed)"
        )


class Lock:
    """A context manager that holds the namespace's lock, renews its lease, and releases it on every way out.

    `now` is AWS's time, `clock` monotonic seconds. With `timeout`, it waits so many seconds for another to finish.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        operation: str,
        now: Callable[[], datetime],
        *,
        timeout: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._now = now
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._etag: str | None = None
        self._deadline = 0.0
        self._is_forgotten = False
        since = now().isoformat()
        self.info = LockInfo(str(uuid.uuid4()), _user(), socket.gethostname(), operation, since, since)

    def __enter__(self) -> Self:
        """Take the lock; raises LockHeldError with its holder when somebody has it, after the timeout."""
        give_up = self._clock() + self._timeout
        while True:
            try:
                self._take()
                break
            except LockHeldError:
                if self._clock() + _POLL_SECONDS > give_up:
                    raise
                self._sleep(_POLL_SECONDS)
        threading.Thread(target=self._keep, name="lease", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._guard:
            if self._etag is None:
                return
            for _ in range(_TRIES):
                try:
                    self._bucket.delete(self._key, if_match=self._etag)
                except ConditionFailedError:
                    held = self._bucket.get(self._key)
                    # Another's lock by now is not ours to release; a conflict with nobody's work is tried again.
                    if held is None or held.etag != self._etag:
                        return
                else:
                    return

    def check(self) -> None:
        """Raise LeaseLostError when the lease is over or another has it: nothing more may be begun or written."""
        with self._guard:
            if self._etag is not None and self._clock() >= self._deadline:
                self._etag = None
            if self._etag is None and not self._is_forgotten:
                raise LeaseLostError(
                    "the lease on the lock is over; nothing more was begun",
                    why="it could not be renewed in time, and another apply may be at work",
                    fix="run the command again: what this run made is found by looking",
                )

    def renew(self) -> None:
        """Extend the lease, if it is still ours. Raises what the bucket raises when it cannot be reached."""
        with self._guard:
            if self._etag is None:
                return
            try:
                self._write(if_match=self._etag)
            except ConditionFailedError:
                self._etag = None

    def forget(self) -> None:
        """Leave the lock alone from now on: it went with its bucket, or is to end with its lease."""
        self._stop.set()
        with self._guard:
            self._etag = None
            self._is_forgotten = True

    def _keep(self) -> None:
        while not self._stop.wait(RENEWAL_SECONDS):
            # One that fails is tried again; `check` says when it is too late.
            with contextlib.suppress(Exception):
                self.renew()

    def _take(self) -> None:
        try:
            self._write(if_absent=True)
        except ConditionFailedError:
            held = self._bucket.get(self._key)
            if held is None or not _is_over(held):
                raise self._held(held) from None
            try:
                self._write(if_match=held.etag)
            except ConditionFailedError:
                raise self._held(self._bucket.get(self._key)) from None

    def _write(self, *, if_match: str | None = None, if_absent: bool = False) -> None:
        begun = self._clock()
        info = replace(self.info, lease_until=(self._now() + LEASE).isoformat())
        data = json.dumps(asdict(info)).encode()
        self._etag = self._bucket.put(self._key, data, if_match=if_match, if_absent=if_absent)
        self._deadline = begun + (LEASE - MARGIN).total_seconds()
        self.info = info

    def _held(self, held: Stored | None) -> LockHeldError:
        if held is None:
            return LockHeldError("another apply held the lock a moment ago", fix="run the command again")
        try:
            info = LockInfo.from_json(held.data)
        except StateError as error:
            why, unlock = error.what, "iam-ra unlock --force"
        else:
            why, unlock = str(info), f"iam-ra unlock {info.id}"
        return LockHeldError(
            "another apply holds the lock; nothing was changed",
            why=why,
            fix="wait until it is done (--lock-timeout 10m waits for you). If you are sure that it is dead: "
            f"`{unlock}`",
        )


def held_lock(bucket: Bucket, key: str) -> tuple[LockInfo | None, Stored] | None:
    """Return the lock that is there, with what it says as far as it can be read; None when nobody holds it."""
    stored = bucket.get(key)
    if stored is None:
        return None
    try:
        return LockInfo.from_json(stored.data), stored
    except StateError:
        return None, stored


def unlock(bucket: Bucket, key: str, lock_id: str | None) -> LockInfo | None:
    """Delete the lock with this id, whoever holds it; None as id means: one that cannot be read.

    Returns what it said. Raises RefusedError when there is no lock, or another one.
    """
    found = held_lock(bucket, key)
    if found is None:
        raise RefusedError("nobody holds the lock; nothing was changed")
    info, stored = found
    if (None if info is None else info.id) != lock_id:
        raise RefusedError(
            "that is not the lock that is held; nothing was changed",
            why="the lock object cannot be read" if info is None else str(info),
            fix="`iam-ra unlock --force`"
            if info is None
            else f"`iam-ra unlock {info.id}`, if that one is dead",
        )
    try:
        bucket.delete(key, if_match=stored.etag)
    except ConditionFailedError as error:
        raise RefusedError(
            "the lock changed a moment ago; nothing was changed", why="whoever holds it is alive"
        ) from error
    return info


def _is_over(held: Stored) -> bool:
    try:
        until = datetime.fromisoformat(LockInfo.from_json(held.data).lease_until)
    except (StateError, ValueError):
        return False
    return held.date is not None and until.tzinfo is not None and held.date > until


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
