"""Where the state lives: one object in the namespace's bucket, read fresh, written only if nobody else did."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from iam_ra.aws.s3 import Bucket, ConditionFailedError
from iam_ra.engine.errors import StateError
from iam_ra.state.model import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded

_SECONDS_BETWEEN_WRITES = 5.0


class StateStore:
    """Reads and writes one namespace's state. Not for several threads at once; `Recorder` is."""

    def __init__(self, bucket: Bucket, key: str, namespace: str) -> None:
        self._bucket = bucket
        self._key = key
        self._namespace = namespace
        self._etag: str | None = None

    def load(self) -> State | None:
        """Return the state, or None before the first write. Raises StateError when it cannot be read."""
        stored = self._bucket.get(self._key)
        if stored is None:
            self._etag = None
            return None
        self._etag = stored.etag
        return State.from_json(stored.data, self._namespace)

    def note_present(self) -> None:
        """Be ready to overwrite what is there now, even if it cannot be read as a state."""
        stored = self._bucket.get(self._key)
        self._etag = None if stored is None else stored.etag

    def save(self, state: State) -> State:
        """Write the state under the next serial and return it. Raises StateError when somebody else wrote meanwhile."""
        written = replace(state, serial=state.serial + 1)
        try:
            if self._etag is None:
                self._etag = self._bucket.put(self._key, written.to_json(), if_absent=True)
            else:
                self._etag = self._bucket.put(self._key, written.to_json(), if_match=self._etag)
        except ConditionFailedError as error:
            raise StateError(
                "somebody else wrote the state meanwhile; nothing of theirs was overwritten",
                why="another apply took the lock while this one held it",
                fix="run apply again: what this run made is found by looking",
            ) from error
        return written


class Recorder:
    """Keeps the state up to date while an apply runs: at most every five seconds, and on every way out."""

    def __init__(self, store: StateStore, state: State, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._state = state
        self._clock = clock
        self._parts = dict(state.parts)
        self._last = clock()
        self._dirty = False
        self._guard = threading.Lock()

    def record(self, address: Address, part: Recorded | None) -> None:
        """Remember what a part is now; None when it is gone."""
        with self._guard:
            if part is None:
                self._parts.pop(address, None)
            else:
                self._parts[address] = part
            self._dirty = True
            if self._clock() - self._last >= _SECONDS_BETWEEN_WRITES:
                self._write()

    def flush(self) -> State:
        """Write what is not written yet and return the state."""
        with self._guard:
            if self._dirty:
                self._write()
            return self._state

    def _write(self) -> None:
        self._state = self._store.save(replace(self._state, parts=dict(self._parts)))
        self._last = self._clock()
        self._dirty = False
