"""One poller for all stacks in flight: however many threads wait, AWS is asked once a round."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from iam_ra.aws.stacks import Stack

# DescribeStacks is throttled at about five calls a second, so the pace falls with the age of the youngest operation.
PACE = (0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 2.0, 3.0, 5.0)


class Poller:
    """Watches stacks until they settle. `describe` gives what is known of a set of stack ids, None for one unknown.

    A thread of its own asks while anybody waits and ends when nobody does. `pace` holds the seconds between rounds,
    from the last time that somebody new came to wait.
    """

    def __init__(
        self, describe: Callable[[frozenset[str]], Mapping[str, Stack | None]], pace: Sequence[float] = PACE
    ) -> None:
        self._describe = describe
        self._pace = pace
        self._changed = threading.Condition()
        self._waiting: dict[str, Future[Stack | None]] = {}
        self._round = 0
        self._running = False

    def wait(self, stack_id: str) -> Stack | None:
        """Return the stack once no operation is under way on it; None when AWS knows it no more."""
        with self._changed:
            future = self._waiting.setdefault(stack_id, Future())
            self._round = 0
            if not self._running:
                self._running = True
                threading.Thread(target=self._watch, name="stack-poller", daemon=True).start()
            self._changed.notify()
        return future.result()

    def _watch(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._running = False
                    return
                if self._changed.wait(self._pace[min(self._round, len(self._pace) - 1)]):
                    # Somebody new waits: begin the fast rounds again.
                    continue
                self._round += 1
                ids = frozenset(self._waiting)
            try:
                found = self._describe(ids)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, in their own thread
                self._fail(ids, error)
            else:
                self._settle(found)

    def _settle(self, found: Mapping[str, Stack | None]) -> None:
        with self._changed:
            for stack_id, stack in found.items():
                if stack is None or not stack.in_progress:
                    self._waiting.pop(stack_id).set_result(stack)

    def _fail(self, ids: frozenset[str], error: Exception) -> None:
        with self._changed:
            for stack_id in ids:
                self._waiting.pop(stack_id).set_exception(error)
