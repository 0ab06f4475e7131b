"""What is under way during an apply, and a pulse for as long as nobody says anything."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from iam_ra.engine.action import Action
from iam_ra.engine.events import Progress, Started

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from iam_ra.engine.address import Address
    from iam_ra.engine.events import Event
    from iam_ra.engine.plan import Change

PRESENT: Final = {
    Action.CREATE: "creating",
    Action.UPDATE: "updating",
    Action.REPLACE: "replacing",
    Action.DELETE: "deleting",
}


class Running:
    """What is under way, since when, and what it said last. Not safe for threads by itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.finished = 0
        self._changes: dict[Address, tuple[Change, float]] = {}
        self._said: dict[Address, str] = {}

    def note(self, event: Event) -> None:
        """Remember what an event says."""
        if isinstance(event, Started):
            self._changes[event.change.address] = (event.change, self.clock())
        elif isinstance(event, Progress):
            self._said[event.address] = event.text
        else:
            self.finished += 1
            self._changes.pop(event.change.address, None)
            self._said.pop(event.change.address, None)

    def rows(self) -> list[tuple[str, str, float]]:
        """Return address, what it does and for how many seconds, the longest first."""
        now = self.clock()
        return [
            (str(address), self._said.get(address, PRESENT[change.action]), now - since)
            for address, (change, since) in self._changes.items()
        ]


class Pulse:
    """Calls `beat`, from a thread of its own, after each `seconds` in which nothing was told, from `with` to its end."""

    def __init__(self, seconds: float, beat: Callable[[], None]) -> None:
        self._seconds = seconds
        self._beat = beat
        self._told = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def told(self) -> None:
        """Begin the silence anew."""
        self._told.set()

    def __enter__(self) -> Self:
        """Begin to beat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop beating."""
        self._over.set()
        self._told.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            if not self._told.wait(self._seconds):
                self._beat()
            self._told.clear()
