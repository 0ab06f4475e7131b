"""Carry out a plan: each change as soon as those before it are done, several at once, on with the rest after a failure."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Protocol

from iam_ra.engine.action import Action
from iam_ra.engine.errors import IamRaError, InternalError, LeaseLostError
from iam_ra.engine.events import Done, Failed, Listener, Skipped, Started
from iam_ra.engine.part import NOTHING, Recorded, Ref, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change, Plan

# The output that says why a part is not finished although its change is made.
_PENDING = "pending"


class Actor(Protocol):
    """Who makes one change. Called from worker threads, several at once."""

    def apply(self, change: Change, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make `change` with the fully known `inputs` and return the part's outputs (none for a delete).

        Raises IamRaError; anything else counts as a bug.
        """

    def record(self, address: Address, part: Recorded | None) -> None:
        """Remember what a part is now; None when it is gone."""


@dataclass
class Outcome:
    """How a run ended, in the order in which it happened.

    `interrupted`: nothing more was begun from some moment on. `unrecorded`: why the state could not be written at last.
    `pending`: what has to come to pass elsewhere before a later run can finish a part that is done; its output of that
    name says so.
    """

    done: list[Change] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: bool = False
    unrecorded: IamRaError | None = None
    pending: dict[Address, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every change was made and recorded."""
        return not self.failed and not self.skipped and self.unrecorded is None

    def and_then(self, later: Outcome) -> Outcome:
        """Return both as one."""
        return Outcome(
            self.done + later.done,
            self.failed + later.failed,
            self.skipped + later.skipped,
            self.interrupted or later.interrupted,
            self.unrecorded or later.unrecorded,
            {**self.pending, **later.pending},
        )


class Executor:
    """Runs a plan's changes with an actor.

    `parallelism` bounds all changes at once, `pools` those of one pool. The first interrupt (Ctrl-C) lets what is in
    flight finish and skips the rest; a second one goes through to the caller.
    """

    def __init__(
        self, actor: Actor, listen: Listener, *, parallelism: int = 10, pools: Mapping[str, int] = NOTHING
    ) -> None:
        self._actor = actor
        self._listen = listen
        self._parallelism = parallelism
        self._pools = pools

    def run(self, plan: Plan) -> Outcome:
        """Make the plan's changes and say how it went."""
        run = _Run(plan)
        # An interrupt hits the main thread, wherever it stands: there it may only wait, or the bookkeeping tears.
        scheduler = ThreadPoolExecutor(1, thread_name_prefix="scheduler")
        finished = scheduler.submit(self._schedule, run)
        scheduler.shutdown(wait=False)
        while True:
            try:
                finished.result()
            except KeyboardInterrupt:
                if run.outcome.interrupted:
                    raise
                run.outcome.interrupted = True
            else:
                return run.outcome

    def _schedule(self, run: _Run) -> None:
        with ThreadPoolExecutor(self._parallelism, thread_name_prefix="change") as threads:
            self._queue_ready(run)
            while run.flying or run.has_queued:
                self._start_queued(run, threads)
                wait(run.flying, return_when=FIRST_COMPLETED)
                for future in [each for each in run.flying if each.done()]:
                    self._land(run, future)
                self._queue_ready(run)

    @staticmethod
    def skip(plan: Plan, because: tuple[Address, ...], listen: Listener) -> Outcome:
        """Begin none of a plan's changes, and say so."""
        outcome = Outcome(skipped=[Skipped(change, because) for change in plan.changes])
        for skipped in outcome.skipped:
            listen(skipped)
        return outcome

    def _queue_ready(self, run: _Run) -> None:
        """Queue what waits for nothing any more; skip what waited for something that failed, and what waits for that."""
        while ready := run.sorter.get_ready():
            for address in sorted(ready):
                change = run.changes[address]
                lost = tuple(each for each in change.after if each in run.lost)
                if lost or run.outcome.interrupted:
                    self._skip(run, change, lost)
                else:
                    run.queues[change.pool].append(change)

    def _start_queued(self, run: _Run, threads: ThreadPoolExecutor) -> None:
        for pool, queue in run.queues.items():
            limit = self._parallelism if pool is None else self._pools.get(pool, self._parallelism)
            while queue and run.outcome.interrupted:
                self._skip(run, queue.popleft(), ())
            while queue and len(run.flying) < self._parallelism and run.in_pool[pool] < limit:
                change = queue.popleft()
                self._listen(Started(change))
                run.in_pool[pool] += 1
                run.flying[threads.submit(self._make, run, change)] = (change, time.monotonic())

    def _skip(self, run: _Run, change: Change, because: tuple[Address, ...]) -> None:
        run.lost.add(change.address)
        run.sorter.done(change.address)
        skipped = Skipped(change, because)
        run.outcome.skipped.append(skipped)
        self._listen(skipped)

    def _make(self, run: _Run, change: Change) -> Recorded | None:
        if change.action is Action.DELETE or change.desired is None:
            self._actor.apply(change, change.recorded.inputs if change.recorded else NOTHING)
            return None
        part = change.desired
        inputs = resolve(part.inputs, run.lookup)
        if change.record_only and change.recorded is not None:
            outputs = change.recorded.outputs
        else:
            outputs = self._actor.apply(change, inputs)
        return Recorded(
            part.address, part.kind, inputs, outputs, part.upstream, part.released_by, part.protect
        )

    def _land(self, run: _Run, future: Future[Recorded | None]) -> None:
        change, since = run.flying.pop(future)
        run.in_pool[change.pool] -= 1
        seconds = time.monotonic() - since
        try:
            part = future.result()
        except Exception as error:  # noqa: BLE001 - whatever went wrong with one part, the others go on
            run.outcome.interrupted |= isinstance(error, LeaseLostError)
            self._fail(run, change, error, seconds)
        else:
            self._record(run, change, part, seconds)
        run.sorter.done(change.address)

    def _record(self, run: _Run, change: Change, part: Recorded | None, seconds: float) -> None:
        try:
            self._actor.record(change.address, part)
        except Exception as error:  # noqa: BLE001 - whatever it is, more must not be made that cannot be recorded
            run.outcome.interrupted = True
            self._fail(run, change, error, seconds)
        else:
            if part is not None:
                run.outputs[change.address] = part.outputs
                if _PENDING in part.outputs:
                    run.outcome.pending[change.address] = str(part.outputs[_PENDING])
            run.outcome.done.append(change)
            self._listen(Done(change, seconds))

    def _fail(self, run: _Run, change: Change, error: Exception, seconds: float) -> None:
        failed = Failed(change, _as_ours(error, change), seconds)
        run.lost.add(change.address)
        run.outcome.failed.append(failed)
        self._listen(failed)


class _Run:
    """The moving parts of one run; touched by the scheduler's thread only, but for `lookup` and the interrupt."""

    def __init__(self, plan: Plan) -> None:
        self.outcome = Outcome()
        self.changes = {change.address: change for change in plan.changes}
        self.outputs = {address: part.outputs for address, part in plan.recorded.items()}
        self.sorter: TopologicalSorter[Address] = TopologicalSorter(
            {change.address: change.after for change in plan.changes}
        )
        self.sorter.prepare()
        self.queues: defaultdict[str | None, deque[Change]] = defaultdict(deque)
        self.flying: dict[Future[Recorded | None], tuple[Change, float]] = {}
        self.in_pool: Counter[str | None] = Counter()
        self.lost: set[Address] = set()

    @property
    def has_queued(self) -> bool:
        return any(self.queues.values())

    def lookup(self, ref: Ref) -> Any:
        try:
            return self.outputs[ref.address][ref.output]
        except KeyError:
            raise InternalError(f"{ref.address} gave no output {ref.output}") from None


def _as_ours(error: Exception, change: Change) -> IamRaError:
    if isinstance(error, IamRaError):
        return error
    ours = InternalError(
        f"{change.address}: {type(error).__name__}: {error}",
        why="this is a bug in iam-ra, not in your file",
        fix="run again with --debug and report the trace",
    )
    ours.__cause__ = error
    return ours
