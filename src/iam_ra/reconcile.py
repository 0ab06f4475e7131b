"""The one road from a file to a plan, and from a plan to the world.

file ─▶ kinds.desired ─┐
state ─▶ recorded ─────┼─▶ engine.make_plan ─▶ Plan ─▶ engine.Executor ─▶ kinds.apply ─▶ state, events
AWS ─▶ observed ───────┘
"""

from __future__ import annotations

import contextlib
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from iam_ra import __version__
from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws import snapshot as snapshots
from iam_ra.aws.errors import translate
from iam_ra.aws.naming import Names
from iam_ra.aws.session import Aws
from iam_ra.aws.stacks import Stacks
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import REMOVED, make_plan
from iam_ra.engine.errors import (
    IamRaError,
    InternalError,
    ProtectedError,
    RefusedError,
    StateError,
    TooManyDeletionsError,
    WrongAccountError,
)
from iam_ra.engine.events import Progress
from iam_ra.engine.execute import Executor, Outcome
from iam_ra.engine.part import NOTHING, Observed, Presence, Recorded
from iam_ra.explain import live_situation, recorded_situation
from iam_ra.files.repository import Repository, file_digest
from iam_ra.kinds.base import Kind, all_kinds
from iam_ra.kinds.host_certificate import with_former
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.run import INIT, Run
from iam_ra.pki.certificate import load_bundle, load_certificate
from iam_ra.state import history
from iam_ra.state.lock import Lock
from iam_ra.state.model import State
from iam_ra.state.store import Recorder, StateStore
from iam_ra.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.anywhere.situation import Situation
    from iam_ra.aws.s3 import Bucket
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Limits, Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.events import Listener
    from iam_ra.engine.plan import Change, Plan

# Roles Anywhere's control plane takes one call a second a family, and its stack handlers make several.
POOLS = {"rolesanywhere": 2}
_FEW_ENTITIES = 10
_DESTROYED = Reason(Cause.DESTROY, "destroyed with its namespace")


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from."""

    plan: Plan
    snapshot: Snapshot
    state: State | None
    refusals: tuple[RefusedError, ...]

    @property
    def is_applicable(self) -> bool:
        """Whether nothing forbids to apply the plan."""
        return not self.refusals and not self.plan.conflicts


class Reconciler:
    """One namespace and one set of credentials. Raises IamRaError only.

    `allowed_deletions` is the exact number of lost entities that the user agrees to, above the limit.
    """

    def __init__(
        self,
        namespace: Namespace,
        aws: Aws,
        environ: Mapping[str, str],
        *,
        parallelism: int = 10,
        allowed_deletions: int | None = None,
    ) -> None:
        self.namespace = namespace
        self.names = Names(namespace.name)
        self._aws = aws
        self._environ = environ
        self._listen: Listener = lambda _: None
        self._parallelism = parallelism
        self._allowed_deletions = allowed_deletions
        self._kinds = all_kinds()
        self._repository = Repository(namespace.root)
        self._lock: Lock | None = None

    def plan(self, *, destroy: bool = False) -> Planned:
        """Look at the world and compare. Writes nothing, takes no lock."""
        with _translated():
            snapshot = self._observe()
            state = None if snapshot.bucket is None else self._store_in(snapshot.bucket).load()
            recorded: Mapping[Address, Recorded] = {} if state is None else state.parts
            snapshot = replace(snapshot, files=self._files(recorded))
            run = self._run(snapshot)
            plan = self._compare(snapshot, recorded, {}, destroy=destroy)
            closer = self._look_closer(plan, run)
            if closer:
                plan = self._compare(snapshot, recorded, closer, destroy=destroy)
        refusals = _refusals(plan, self.namespace.limits, self._allowed_deletions, destroy=destroy)
        return Planned(plan, snapshot, state, tuple(refusals))

    def state(self) -> State | None:
        """Return the recorded state, or None before the first apply."""
        with _translated():
            self._check_account()
            bucket = self._bucket()
            return None if bucket is None else self._store_in(bucket).load()

    def verifier(self) -> Verifier:
        """Return who verifies what the state records. Raises StateError before the first apply."""
        with _translated():
            snapshot = self._observe()
            state = None if snapshot.bucket is None else self._store_in(snapshot.bucket).load()
        if state is None:
            raise StateError("nothing was applied yet", fix="run `iam-ra apply`")
        return Verifier(self._aws, self._run(snapshot), state.parts)

    def situation(self, host: str, role: str) -> Situation:
        """Return what the state says of a host that takes a role. Raises StateError for what was not applied."""
        with _translated():
            snapshot = self._observe()
            state = None if snapshot.bucket is None else self._store_in(snapshot.bucket).load()
            parts = {} if state is None else state.parts
            leaf = load_certificate(self._run(snapshot).certificate_of(host))
            return recorded_situation(parts, host, role, leaf, snapshot.caller.now)

    def preflight(self, planned: Planned) -> list[IamRaError]:
        """Return what would stop the plan, each cause once; nothing is written yet."""
        run = self._run(planned.snapshot)
        causes: defaultdict[tuple[str, str], list[IamRaError]] = defaultdict(list)
        with _translated():
            for change in planned.plan.changes:
                for error in self._kinds[change.kind].preflight(change, run):
                    causes[error.why, error.fix].append(error)
        return [_one_for_all(errors) for errors in causes.values()]

    @contextlib.contextmanager
    def locked(self, operation: str) -> Iterator[None]:
        """Hold the namespace's lock. Before the first apply there is none to take: `apply` takes it when there is."""
        with _translated():
            bucket = self._bucket()
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
        run = self._run(planned.snapshot)
        first, others = planned.plan.split(frozenset({INIT_STACK}))
        outcome = Executor(_Actor(self._kinds, run, kept), self._listen).run(first)
        if outcome.interrupted or not outcome.complete:
            return outcome.and_then(Executor.skip(others, (INIT_STACK,), self._listen))
        with _translated(), self._lock_in(run.bucket, "apply"):
            store = self._store_in(run.bucket)
            if store.load() is not None:
                raise RefusedError(
                    "another apply set this namespace up at the same time; nothing of it was changed",
                    fix="run the command again: it plans with what is there now",
                )
            store.save(replace(State.fresh(self.names.namespace, run.lineage), parts=kept.parts))
            again = self.plan()
            if again.plan.summary() != others.summary():
                raise RefusedError(
                    "the world changed since the plan was shown; only the base infrastructure was made",
                    fix="run the command again and read the new plan",
                )
            return outcome.and_then(self._execute(again))

    def destroy(self, planned: Planned, listen: Listener) -> Outcome:
        """Delete everything; the bucket, with state and lock in it, and its stack go last."""
        self._listen = listen
        last, others = planned.plan.split(frozenset({INIT_STACK}))
        outcome = self._execute(replace(planned, plan=others)) if others.changes else Outcome()
        if outcome.interrupted or not outcome.complete:
            return outcome.and_then(Executor.skip(last, (), self._listen))
        if self._lock is not None:
            self._lock.forget()
        actor = _Actor(self._kinds, self._run(planned.snapshot), _Keeper())
        return outcome.and_then(Executor(actor, self._listen).run(last))

    def _execute(self, planned: Planned) -> Outcome:
        if self._lock is None:
            # There was no bucket, and so no lock, when this run began; another's is in it by now.
            raise RefusedError(
                "another apply set this namespace up at the same time; nothing was changed",
                fix="run the command again: it plans with what is there now",
            )
        run = self._run(planned.snapshot)
        with _translated():
            store = self._store(planned.snapshot)
            state = store.load() or State.fresh(self.names.namespace, run.lineage)
            recorder = Recorder(store, replace(state, parts={**state.parts, **planned.plan.settled}))
            actor = _Actor(self._kinds, run, recorder)
            try:
                return Executor(actor, self._listen, parallelism=self._parallelism, pools=POOLS).run(
                    planned.plan
                )
            finally:
                recorder.flush()

    def write_history(self, operation: str, plan: Mapping[str, Any], outcome: Outcome) -> None:
        """Keep a record of what was done, if the bucket is still there."""
        with _translated():
            bucket = self._bucket()
            if bucket is None:
                return
            caller = self._aws.caller
            counts = {
                "done": len(outcome.done),
                "failed": len(outcome.failed),
                "skipped": len(outcome.skipped),
            }
            record = {
                "tool_version": __version__,
                "operation": operation,
                "who": caller.arn,
                "when": caller.now.isoformat(),
                "plan": plan,
                "counts": counts,
            }
            history.write(bucket, self.names, caller.now, uuid.uuid4().hex[:8], record)

    def _observe(self) -> Snapshot:
        self._check_account()
        return snapshots.take(self._aws, self.names)

    def _check_account(self) -> None:
        caller = self._aws.caller
        wanted = self.namespace.account_id
        if wanted is not None and caller.account_id != wanted:
            raise WrongAccountError(
                f"the credentials belong to account {caller.account_id}; the file is for {wanted}",
                why=f"they are those of {caller.arn}",
                fix="use credentials of the right account (--profile), or correct account_id in the file",
            )

    def _bucket(self) -> Bucket | None:
        return snapshots.bucket_of(self._aws, Stacks(self._aws.cloudformation).find(self.names.stack(INIT)))

    def _lock_in(self, bucket: Bucket, operation: str) -> Lock:
        self._lock = Lock(bucket, self.names.lock_key, operation, self._aws.caller.now)
        return self._lock

    def _store(self, snapshot: Snapshot) -> StateStore:
        if snapshot.bucket is None:
            raise InternalError("the state is used before its bucket is made")
        return self._store_in(snapshot.bucket)

    def _store_in(self, bucket: Bucket) -> StateStore:
        return StateStore(bucket, self.names.state_key, self.names.namespace)

    def _files(self, recorded: Mapping[Address, Recorded]) -> Mapping[Address, str | None]:
        root = self.namespace.root
        return {
            address: file_digest(root / part.inputs["path"])
            for address, part in recorded.items()
            if "path" in part.inputs
        }

    def _run(self, snapshot: Snapshot) -> Run:
        def report(address: Address, text: str) -> None:
            self._listen(Progress(address, text))

        run = Run(self._aws, self.names, self._repository, self._environ, report, snapshot.secrets)
        if snapshot.bucket is not None and snapshot.lineage is not None:
            run.use(snapshot.lineage, snapshot.bucket)
        return run

    def _compare(
        self, snapshot: Snapshot, recorded: Mapping[Address, Recorded], closer: _Facts, *, destroy: bool
    ) -> Plan:
        kinds = self._kinds.values()
        namespace = with_former(self.namespace, recorded, snapshot.caller.now)
        wanted = (part for kind in kinds for part in kind.desired(namespace, self._repository))
        desired = () if destroy else wanted
        observed = {address: seen for kind in kinds for address, seen in kind.observed(snapshot).items()}
        for address, facts in closer.items():
            seen = observed.get(address, Observed(Presence.PRESENT))
            observed[address] = replace(seen, facts={**seen.facts, **facts})
        removed = _DESTROYED if destroy else REMOVED
        return make_plan(desired, recorded, observed, self._kinds, snapshot.caller.now, removed)

    def _look_closer(self, plan: Plan, run: Run) -> _Facts:
        def look(change: Change) -> list[tuple[Address, Mapping[str, Any]]]:
            return list(self._kinds[change.kind].closer_look(change, run))

        with ThreadPoolExecutor(self._parallelism, thread_name_prefix="look") as threads:
            return {address: facts for found in threads.map(look, plan.changes) for address, facts in found}


_Facts: TypeAlias = "Mapping[Address, Mapping[str, Any]]"


class _Keeper:
    """Remembers parts in memory while there is no bucket to write the state into."""

    def __init__(self) -> None:
        self.parts: dict[Address, Recorded] = {}

    def record(self, address: Address, part: Recorded | None) -> None:
        if part is not None:
            self.parts[address] = part


class _Actor:
    """Makes the executor's changes through their kinds."""

    def __init__(self, kinds: Mapping[str, Kind], run: Run, recorder: Recorder | _Keeper) -> None:
        self._kinds = kinds
        self._run = run
        self._recorder = recorder

    def apply(self, change: Change, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = self._kinds[change.kind]
        with _translated():
            if change.action is not Action.DELETE:
                return kind.apply(change, inputs, self._run)
            if change.recorded is not None:
                kind.delete(change.recorded, self._run)
            return NOTHING

    def record(self, address: Address, part: Recorded | None) -> None:
        with _translated():
            self._recorder.record(address, part)


def _one_for_all(errors: list[IamRaError]) -> IamRaError:
    """Return the first of several errors with one cause, saying how many more there are."""
    first, others = errors[0], len({error.what for error in errors}) - 1
    return (
        first
        if not others
        else type(first)(f"{first.what} (and {others} more)", why=first.why, fix=first.fix)
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what botocore raises into our own errors."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error) from error


def _refusals(plan: Plan, limits: Limits, allowed: int | None, *, destroy: bool) -> Iterator[RefusedError]:
    """Yield the guards that the plan trips. A destroy is what it says: only protection holds it."""
    for entity in plan.protected_losses():
        yield ProtectedError(
            f"{entity} is protected and would be deleted or replaced",
            fix="set `protect: false` on it, apply, and then remove it",
        )
    lost, known = len(plan.lost_entities()), len({address.entity for address in plan.recorded})
    if destroy or known < _FEW_ENTITIES or lost * 100 <= known * limits.max_delete_percent or allowed == lost:
        return
    yield TooManyDeletionsError(
        f"{lost} of {known} entities would be deleted or replaced: {lost * 100 // known} %, "
        f"and limits.max_delete_percent is {limits.max_delete_percent}",
        why=f"they are {', '.join(plan.lost_entities()[:_FEW_ENTITIES])}{', …' if lost > _FEW_ENTITIES else ''}",
        fix=f"if that is meant, run the command with --allow deletes:{lost}",
    )


def connect(
    namespace: Namespace,
    profile: str | None,
    environ: Mapping[str, str],
    *,
    parallelism: int = 10,
    allowed_deletions: int | None = None,
) -> Reconciler:
    """Return the reconciler of a namespace, in the file's region whatever the environment says."""
    with _translated():
        aws = Aws(namespace.region, profile, connections=parallelism + 4)
    return Reconciler(namespace, aws, environ, parallelism=parallelism, allowed_deletions=allowed_deletions)


def look_up(
    certificates: bytes, trust_anchor: str, profile: str, role: str, aws_profile: str | None
) -> Situation:
    """Return what AWS says of a certificate (PEM, its intermediates after it) that takes a role by these ARNs."""
    leaf, *chain = load_bundle(certificates)
    with _translated():
        aws = Aws(trust_anchor.split(":")[3], aws_profile)
        return live_situation(aws, SessionRequest(trust_anchor, profile, role), leaf, tuple(chain))
