"""The last calls that a sandbox served: what, how it ended, how long it took. Never what they carried."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iam_ra.sandbox.call import Call

KEPT = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `number` counts from 1, `time` is the real one (ISO 8601, UTC), `status` 0 means that no answer was given.

    `by` is `client`, or `cloudformation` for what a stack's resource asked of another service; `fault` is the kind of
    the fault that met the call, if one did.
    """

    number: int
    time: str
    service: str
    operation: str
    status: int
    milliseconds: float
    by: str
    fault: str


class CallLog:
    """The last calls, in the order in which they ended. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0
        self._changed = threading.Condition()

    def add(self, call: Call, status: int, milliseconds: float, *, by: str, fault: str = "") -> None:
        """Note a call that has just ended."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._changed:
            self._count += 1
            self._entries.append(
                Entry(
                    self._count,
                    time,
                    call.service,
                    call.operation,
                    status,
                    round(milliseconds, 1),
                    by,
                    fault,
                )
            )
            self._changed.notify_all()

    def last(self, count: int) -> list[Entry]:
        """Return the last `count` calls, oldest first."""
        with self._changed:
            return list(self._entries)[max(0, len(self._entries) - count) :]

    def after(self, number: int, wait_seconds: float) -> list[Entry]:
        """Return the calls after a number, waiting for the first one; none when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > number, wait_seconds)
            return [entry for entry in self._entries if entry.number > number]
