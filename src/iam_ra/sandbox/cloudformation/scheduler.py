"""Runs stack operations in the background.

An operation is a generator that does a step and yields how many seconds to wait for the next. A few threads run the
steps that are due, so that thousands of stacks can wait at once.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.sandbox import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

THREADS = 8


@dataclass(eq=False)
class Task:
    """A running operation; `over` is set when its world was reset, `alive` is asked before each step, `failed` is called with an unforeseen exception, `finished` is set at the end."""

    steps: Iterator[float]
    over: threading.Event
    alive: Callable[[], bool]
    failed: Callable[[BaseException], None]
    finished: threading.Event

    def advance(self) -> float | None:
        """Do one step; return the seconds to wait for the next one, or None if there is none."""
        if self.alive() and not self.over.is_set():
            try:
                with loopback.working_for(self.over):
                    return next(self.steps)
            except (StopIteration, loopback.AbandonedError):
                pass
            except Exception as error:
                log.exception("a stack operation broke off")
                self.failed(error)
        self.finished.set()
        return None


class Scheduler:
    """A heap of tasks by due time, and the threads that serve it."""

    def __init__(self, threads: int = THREADS) -> None:
        self._count = threads
        self._threads: list[threading.Thread] = []
        self._due: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def start(self, task: Task) -> None:
        """Begin a task."""
        with self._changed:
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._serve, name=f"cloudformation-{index}", daemon=True)
                    for index in range(self._count)
                ]
                for thread in self._threads:
                    thread.start()
        self._push(task, 0)

    def _push(self, task: Task, seconds: float) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), task))
            self._changed.notify()

    def _serve(self) -> None:
        while True:
            task = self._next()
            seconds = task.advance()
            if seconds is not None:
                self._push(task, seconds)

    def _next(self) -> Task:
        with self._changed:
            while True:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
