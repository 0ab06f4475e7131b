"""What iam-ra remembers, looked at and put back: the state and its versions, the history of applies, the lock."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from iam_ra.engine.errors import RefusedError, StateError
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.state.lock import Lock, LockInfo, held_lock, unlock
from iam_ra.state.model import State
from iam_ra.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.aws.s3 import Bucket, Version
    from iam_ra.engine.address import Address

_THREADS = 8
# More than that nobody reads, and each is a call.
MOST = 50


@dataclass(frozen=True, slots=True)
class Past:
    """A version of the state in the bucket. `state` is None for one that cannot be read."""

    version: Version
    state: State | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that is not the same in two states: `+`, `~` or `-`, and for `~` which fields differ."""

    symbol: str
    address: Address
    fields: tuple[str, ...] = ()


class Recaller:
    """One namespace's memory. Raises IamRaError only."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._names = workplace.names

    def state(self) -> State:
        """Return the recorded state. Raises StateError when there is none, or when it cannot be read."""
        return State.from_json(self.raw(), self._names.namespace)

    def raw(self) -> bytes:
        """Return the state's stored bytes."""
        with translated():
            stored = self._bucket().get(self._names.state_key)
        if stored is None:
            raise StateError(
                "the state is gone from the bucket",
                why=f"{self._names.state_key} is missing",
                fix="`iam-ra state history` shows its versions, `iam-ra state restore SERIAL` brings one back; where none can "
                "be read, `iam-ra state rebuild` makes it again",
            )
        return stored.data

    def versions(self, most: int = MOST) -> tuple[Past, ...]:
        """Return the versions of the state that the bucket keeps, the newest first, at most so many."""
        with translated():
            bucket = self._bucket()
            found = bucket.versions(self._names.state_key)[:most]

            def read(version: Version) -> Past:
                data = bucket.get_version(self._names.state_key, version.id)
                try:
                    return Past(version, State.from_json(data, self._names.namespace))
                except StateError:
                    return Past(version, None)

            with ThreadPoolExecutor(_THREADS, thread_name_prefix="versions") as threads:
                return tuple(threads.map(read, found))

    def at(self, serial: int) -> State:
        """Return the state with this serial. Raises StateError when the bucket keeps none."""
        past = self.versions(most=1000)
        for each in past:
            if each.state is not None and each.state.serial == serial:
                return each.state
        known = sorted({each.state.serial for each in past if each.state is not None})
        raise StateError(
            f"there is no state with serial {serial}",
            why=f"the bucket keeps {known[0]} to {known[-1]}" if known else "the bucket keeps none",
            fix="`iam-ra state history` shows them",
        )

    def runs(self, most: int = MOST) -> tuple[Mapping[str, Any], ...]:
        """Return the records of applies, the newest first, at most so many."""
        with translated():
            bucket = self._bucket()
            keys = sorted(bucket.list(self._names.history_prefix), reverse=True)[:most]
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="history") as threads:
                stored = threads.map(bucket.get, keys)
                return tuple(json.loads(each.data) for each in stored if each is not None)

    def restore(self, serial: int, *, lock_timeout: float = 0.0) -> State:
        """Make an earlier state the present one, under a new serial; what is in AWS is not touched.

        Raises StateError when there is no such state or somebody writes meanwhile, LockHeldError while another applies.
        """
        with translated():
            bucket = self._bucket()
            now = self._workplace.aws.now
            with Lock(bucket, self._names.lock_key, "state restore", now, timeout=lock_timeout):
                wanted = self.at(serial)
                newest = max(each.state.serial for each in self.versions() if each.state is not None)
                store = StateStore(bucket, self._names.state_key, self._names.namespace)
                store.note_present()
                return store.save(replace(wanted, serial=newest))

    def lock(self) -> LockInfo | None:
        """Return who holds the lock. Raises StateError when the lock object cannot be read."""
        with translated():
            bucket = self._workplace.bucket()
            found = None if bucket is None else held_lock(bucket, self._names.lock_key)
        if found is None:
            return None
        info, _ = found
        if info is None:
            raise StateError(
                "the lock object cannot be read", fix="`iam-ra unlock --force`, if nobody is at work"
            )
        return info

    def unlock(self, lock_id: str | None) -> LockInfo | None:
        """Take the lock away from whoever holds it; see `state.lock.unlock`."""
        with translated():
            bucket = self._workplace.bucket()
            if bucket is None:
                raise RefusedError("nobody holds the lock: nothing was applied yet")
            return unlock(bucket, self._names.lock_key, lock_id)

    def _bucket(self) -> Bucket:
        self._workplace.check_account()
        bucket = self._workplace.bucket()
        if bucket is None:
            raise StateError(
                f"there is no state of namespace {self._names.namespace}",
                why="its bucket is not there: nothing was applied yet, or everything was destroyed",
                fix="`iam-ra apply` makes it",
            )
        return bucket


def differences(before: State, after: State) -> tuple[Difference, ...]:
    """Return what differs between two states, in the order of addresses."""
    found = []
    for address in sorted(before.parts.keys() | after.parts.keys()):
        old, new = before.parts.get(address), after.parts.get(address)
        if old is None or new is None:
            found.append(Difference("+" if old is None else "-", address))
        elif old != new:
            fields = tuple(
                f"{side}.{name}"
                for side, left, right in (
                    ("inputs", old.inputs, new.inputs),
                    ("outputs", old.outputs, new.outputs),
                )
                for name in sorted(left.keys() | right.keys())
                if left.get(name) != right.get(name)
            )
            found.append(Difference("~", address, fields))
    return tuple(found)
