"""Applying and destroying: a plan's changes made under the lock, each recorded.

Plan ─▶ engine.Executor ─▶ kinds.apply ─▶ state, events
"""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iam_ra import __version__
from iam_ra.engine.action import Action
from iam_ra.engine.errors import IamRaError, RefusedError
from iam_ra.engine.events import Progress
from iam_ra.engine.execute import Executor, Outcome
from iam_ra.engine.part import NOTHING, Recorded
from iam_ra.kinds.base import Kind, all_kinds
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.sessions import open_until
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.state import history
from iam_ra.state.lock import Lock
from iam_ra.state.model import State
from iam_ra.state.store import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.s3 import Bucket
    from iam_ra.engine.address import Address
    from iam_ra.engine.events import Listener
    from iam_ra.engine.plan import Change, Plan
    from iam_ra.kinds.run import Run
    from iam_ra.operations.planning import Planned, Planner

# Roles Anywhere's control plane takes one call a second a family, and its stack handlers make several.
POOLS = {"rolesanywhere": 2}


class Applier:
    """Makes the plans of one planner come true, `parallelism` changes at once. Raises IamRaError only.

    `lock_timeout` is how many seconds it waits for another apply to finish.
    """

    def __init__(
        self,
        workplace: Workplace,
        planner: Planner,
        *,
        parallelism: int = 10,
        lock_timeout: float = 0.0,
    ) -> None:
        self._workplace = workplace
        self._planner = planner
        self._parallelism = parallelism
        self._lock_timeout = lock_timeout
        self._kinds = all_kinds()
        self._id = str(uuid.uuid4())
        self._listen: Listener = lambda _: None
        self._lock: Lock | None = None

    @contextlib.contextmanager
    def locked(self, operation: str) -> Iterator[None]:
        """Hold the namespace's lock. Before the first apply there is none to take: `apply` takes it when there is."""
        with translated():
            self._workplace.check_account()
            bucket = self._workplace.bucket()
            with contextlib.nullcontext() if bucket is None else self._lock_in(bucket, operation):
                yield

    def apply(self, planned: Planned, listen: Listener) -> Outcome:
        """Make the plan's changes, record each, and return how it went. The caller holds the lock, if there is one.

        In an account without the namespace, the init stack comes first, whoever else makes it at the same time; then
        the lock in its bucket is taken, and what is left is planned again and must be what the caller was shown.
        """
        self._listen = listen
        if planned.snapshot.bucket is not None:
            return self._execute(planned)
        kept = _Keeper()
        run = self._run(planned)
        first, others = planned.plan.split(frozenset({INIT_STACK}))
        outcome = Executor(_Actor(self._kinds, run, kept), self._listen).run(first)
        if outcome.interrupted or not outcome.complete:
            return outcome.and_then(Executor.skip(others, (INIT_STACK,), self._listen))
        with translated(), self._lock_in(run.bucket, "apply"):
            store = self._workplace.store(run.bucket)
            if store.load() is not None:
                raise RefusedError(
                    "another apply set this namespace up at the same time; nothing of it was changed",
                    fix="run the command again: it plans with what is there now",
                )
            store.save(replace(State.fresh(self._workplace.names.namespace, run.lineage), parts=kept.parts))
            again = self._planner.plan()
            different = again.plan.summary() ^ others.summary()
            if different:
                addresses = sorted({str(address) for address, _ in different})
                raise RefusedError(
                    "the world changed since the plan was shown; only the base infrastructure was made",
                    why=f"there is something else to do now about {', '.join(addresses)}",
                    fix="run the command again and read the new plan",
                )
            return outcome.and_then(self._execute(again))

    def destroy(self, planned: Planned, listen: Listener) -> Outcome:
        """Delete everything; the bucket, with state and lock in it, and its stack go last."""
        self._listen = listen
        last, others = planned.plan.split(frozenset({INIT_STACK}))
        outcome = Outcome()
        if planned.snapshot.is_bucket_lost:
            # Nothing is left to write a state or a lock into.
            outcome = self._make(others, planned, _Keeper())
        elif others.changes:
            outcome = self._execute(replace(planned, plan=others))
        if outcome.interrupted or not outcome.complete:
            failed = tuple(each.change.address for each in outcome.failed)
            return outcome.and_then(Executor.skip(last, failed, self._listen))
        if self._lock is not None:
            self._lock.forget()
        return outcome.and_then(self._make(last, planned, _Keeper()))

    def _make(self, plan: Plan, planned: Planned, recorder: Recorder | _Keeper) -> Outcome:
        run = self._run(planned)
        actor = _Actor(self._kinds, run, recorder, self._lock)
        return Executor(actor, self._listen, parallelism=self._parallelism, pools=POOLS).run(plan)

    def _execute(self, planned: Planned) -> Outcome:
        bucket = planned.snapshot.bucket
        if self._lock is None or bucket is None:
            # There was no bucket, and so no lock, when this run began; another's is in it by now.
            raise RefusedError(
                "another apply set this namespace up at the same time; nothing was changed",
                fix="run the command again: it plans with what is there now",
            )
        lineage = planned.snapshot.lineage or ""
        with translated():
            store = self._workplace.store(bucket)
            state = store.load() or State.fresh(self._workplace.names.namespace, lineage)
        recorder = Recorder(store, replace(state, parts={**state.parts, **planned.plan.settled}))
        try:
            outcome = self._make(planned.plan, planned, recorder)
        except KeyboardInterrupt:
            # Changes are still being made: nobody else may begin.
            self._lock.forget()
            self._flush(recorder)
            raise KeyboardInterrupt(
                f"stopped at once; the lock {self._lock.info.id} stays until its lease ends, for changes were still being made"
            ) from None
        outcome.unrecorded = self._flush(recorder)
        return outcome

    def _run(self, planned: Planned) -> Run:
        """Return what kinds work with. Whatever one apply writes into ledger and history bears one id."""
        run = self._workplace.run(planned.snapshot, self._report)
        run.id = self._id
        return run

    def _flush(self, recorder: Recorder) -> IamRaError | None:
        try:
            if self._lock is not None:
                self._lock.check()
            with translated():
                recorder.flush()
        except IamRaError as error:
            return error
        return None

    def open_sessions(self, planned: Planned, outcome: Outcome) -> Mapping[str, datetime]:
        """Return, by host, when the last session ends that it may have open of a role which it just lost."""
        if not planned.losses:
            return {}
        done = {change.address for change in outcome.done}
        return open_until(planned.losses, done, self._workplace.aws.now())

    def write_history(self, operation: str, plan: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep a record of what was done, if the bucket is still there."""
        with translated():
            bucket = self._workplace.bucket()
            if bucket is None:
                return
            caller = self._workplace.aws.caller
            counts = {
                "done": len(outcome.done),
                "failed": len(outcome.failed),
                "skipped": len(outcome.skipped),
            }
            record = {
                "tool_version": __version__,
                "run": self._id,
                "operation": operation,
                "who": caller.arn,
                "when": caller.now.isoformat(),
                "plan": plan,
                "counts": counts,
            }
            history.write(bucket, self._workplace.names, caller.now, self._id[:8], record)

    def _lock_in(self, bucket: Bucket, operation: str) -> Lock:
        self._lock = Lock(
            bucket,
            self._workplace.names.lock_key,
            operation,
            self._workplace.aws.now,
            timeout=self._lock_timeout,
        )
        return self._lock

    def _report(self, address: Address, text: str) -> None:
        self._listen(Progress(address, text))


class _Keeper:
    """Remembers parts in memory while there is no bucket to write the state into."""

    def __init__(self) -> None:
        self.parts: dict[Address, Recorded] = {}

    def record(self, address: Address, part: Recorded | None) -> None:
        if part is not None:
            self.parts[address] = part


class _Actor:
    """Makes the executor's changes through their kinds."""

    def __init__(
        self, kinds: Mapping[str, Kind], run: Run, recorder: Recorder | _Keeper, lock: Lock | None = None
    ) -> None:
        self._lock = lock
        self._kinds = kinds
        self._run = run
        self._recorder = recorder

    def apply(self, change: Change, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = self._kinds[change.kind]
        self._check_lease()
        with translated():
            if change.action is not Action.DELETE:
                return kind.apply(change, inputs, self._run)
            if change.recorded is not None:
                kind.delete(change.recorded, self._run)
            return NOTHING

    def record(self, address: Address, part: Recorded | None) -> None:
        self._check_lease()
        with translated():
            self._recorder.record(address, part)

    def _check_lease(self) -> None:
        if self._lock is not None:
            self._lock.check()
