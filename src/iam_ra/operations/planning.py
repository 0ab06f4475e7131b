"""Planning: the file, the recorded state and what is really there, compared. Reads only.

file ─▶ kinds.desired ─┐
state ─▶ recorded ─────┼─▶ engine.make_plan ─▶ Plan
AWS ─▶ observed ───────┘
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.aws.naming import LINEAGE_TAG, NAMESPACE_TAG
from iam_ra.aws.snapshot import Doubt, confirm, with_live
from iam_ra.aws.stacks import Stack
from iam_ra.aws.subjects import let_in
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import REMOVED, make_plan
from iam_ra.engine.errors import (
    IamRaError,
    RefusedError,
    StateError,
)
from iam_ra.engine.part import Observed, Presence
from iam_ra.engine.plan import Conflict
from iam_ra.engine.renewals import renewals
from iam_ra.engine.scope import WHOLE, Scope, within
from iam_ra.files.repository import file_digest
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.cluster_born import born_conflicts, born_warnings
from iam_ra.kinds.drift import Drifted, unread_warnings, unused_warnings, with_drift
from iam_ra.kinds.generations import generation_conflicts, generation_warnings
from iam_ra.kinds.host_certificate import identity_conflicts
from iam_ra.kinds.host_export import HostExport
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.manifests import workload_conflicts
from iam_ra.kinds.memory import NO_WISHES, Wishes, remember
from iam_ra.kinds.overlap import sought, with_overlaps
from iam_ra.kinds.pca import private_ca_warnings
from iam_ra.kinds.revocation_list import revocation_warnings
from iam_ra.kinds.role import ENTITIES as ROLES
from iam_ra.kinds.role import role_doubt
from iam_ra.kinds.sessions import Loss, losses
from iam_ra.kinds.stack import ASKED, STRAY, UPDATED, StackKind
from iam_ra.operations.guards import NOTHING_ALLOWED, Allowed, refusals
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.state.ledger import issued_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.drift import Drift
    from iam_ra.engine.due import Due
    from iam_ra.engine.part import Recorded
    from iam_ra.engine.plan import Change, Plan
    from iam_ra.kinds.run import Run
    from iam_ra.state.model import State

_FEW_ENTITIES = 10
_THREADS = 10
_OBSERVED = frozenset({Cause.MISSING, Cause.DRIFTED, Cause.KEY_LOST, Cause.FAILED})
_DESTROYED = Reason(Cause.DESTROY, "destroyed with its namespace")
_UNREFRESHED = "made from the state alone: what others changed since is not seen"
_FileSets: TypeAlias = "Mapping[Address, Mapping[str, str | None]]"
_Facts: TypeAlias = "Mapping[Address, Mapping[str, Any]]"


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from.

    `next_due` is what a day after the plan's will ask for first. `ahead` is the day to come that the plan is for, if it
    is not for today. `undone` holds a line for each entity that is due and that a narrowed plan has to leave out,
    `losses` who may no longer take what, `ignored` what others changed and a rule of the file leaves alone.
    """

    plan: Plan
    snapshot: Snapshot
    state: State | None
    refusals: tuple[RefusedError, ...]
    warnings: tuple[str, ...] = ()
    next_due: Due | None = None
    ahead: datetime | None = None
    undone: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    ignored: Mapping[Address, tuple[Drift, ...]] = field(default_factory=dict)

    @property
    def is_applicable(self) -> bool:
        """Whether nothing forbids to apply the plan."""
        return not self.refusals and not self.plan.conflicts


class Planner:
    """Makes plans of one workplace. Raises IamRaError only.

    `allowed` is what the user agrees to beyond the limits. `ahead` turns AWS's time into the day to come that plans are
    for. `scope` narrows plans, `only_drift` to what others changed. Without `refresh` the world is taken to be as
    recorded.
    """

    def __init__(
        self,
        workplace: Workplace,
        *,
        allowed: Allowed = NOTHING_ALLOWED,
        wishes: Wishes = NO_WISHES,
        ahead: Callable[[datetime], datetime] | None = None,
        scope: Scope = WHOLE,
        only_drift: bool = False,
        refresh: bool = True,
    ) -> None:
        self._workplace = workplace
        self._wishes = wishes
        self._ahead = ahead
        self._scope = scope
        self._only_drift = only_drift
        self._refresh = refresh
        self._allowed = allowed
        self._kinds = all_kinds()

    def plan(self, *, destroy: bool = False) -> Planned:
        """Look at the world and compare. Writes nothing, takes no lock."""
        with translated():
            snapshot = self._workplace.observe() if self._refresh else self._workplace.remembered()
            state = self._workplace.recorded(snapshot)
            recorded: Mapping[Address, Recorded] = {} if state is None else state.parts
            if not destroy:
                _check_memory(snapshot, state)
            if not self._refresh:
                snapshot = replace(snapshot, stacks={**snapshot.stacks, **self._stacks(recorded, snapshot)})
            snapshot = replace(
                snapshot,
                files=self._files(recorded, snapshot.lineage),
                file_sets=self._file_sets(recorded),
            )
            present = snapshot.caller
            if self._ahead is not None:
                snapshot = replace(snapshot, caller=replace(present, now=self._ahead(present.now)))
            if not destroy and self._refresh:
                snapshot = self._with_seen(snapshot, recorded)
                snapshot = with_live(self._workplace.aws, snapshot) if recorded else snapshot
            drifted = self._observed(snapshot, recorded, {})
            plan = self._compare(snapshot, recorded, drifted, destroy=destroy)
            doubts = self._doubts(plan) if self._refresh else set()
            if doubts or drifted.suspects:
                snapshot = confirm(self._workplace.aws, snapshot, doubts)
                live = snapshot.live.again(self._workplace.aws, drifted.suspects)
                snapshot = replace(snapshot, live=live)
                drifted = self._observed(snapshot, recorded, {})
                plan = self._compare(snapshot, recorded, drifted, destroy=destroy)
            closer = self._look_closer(plan, self._workplace.run(snapshot)) if self._refresh else {}
            if closer:
                drifted = self._observed(snapshot, recorded, closer)
                plan = self._compare(snapshot, recorded, drifted, destroy=destroy)
            # Found by what the file and the state say, or not wanted; the plan alone would be silent about it.
            conflicts = self._strays(snapshot) if destroy else self._conflicts(recorded, snapshot)
            plan = replace(plan, conflicts=(*plan.conflicts, *conflicts))
            private: tuple[str, ...] = ()
            if self._refresh:
                private = tuple(private_ca_warnings(plan, snapshot, self._workplace.run(snapshot)))
        undone: tuple[str, ...] = ()
        if self._scope.only_due:
            plan, undone = renewals(plan)
        if self._only_drift:
            plan = plan.selected({change.address for change in plan.changes if _is_drift(change)})
        plan, surprises = within(plan, self._scope, INIT_STACK)
        refused = refusals(plan, self._workplace.namespace.limits, self._allowed, destroy=destroy)
        now, remembered = snapshot.caller.now, self._remembered(recorded, snapshot)
        going = {change.address for change in plan.changes if change.action is Action.DELETE}
        warnings = generation_warnings(self._workplace.namespace, recorded, snapshot, self._wishes, now)
        return Planned(
            plan,
            replace(snapshot, caller=present),
            state,
            tuple(refused),
            (
                *warnings,
                *(() if destroy else born_warnings(self._workplace.namespace, recorded, now)),
                *revocation_warnings(plan.changes),
                *private,
                *(() if destroy else self._drift_warnings(snapshot, recorded, drifted)),
                *undone,
                *surprises,
            ),
            min(
                (
                    each
                    for each in self._dues(recorded, snapshot, remembered)
                    if each.when > now and each.address not in going
                ),
                key=lambda each: each.rank,
                default=None,
            ),
            None if self._ahead is None else now,
            undone,
            () if destroy else tuple(losses(remembered, recorded)),
            {} if destroy else drifted.ignored,
        )

    def _drift_warnings(
        self, snapshot: Snapshot, recorded: Mapping[Address, Recorded], drifted: Drifted
    ) -> Iterator[str]:
        if not self._refresh:
            yield _UNREFRESHED
        elif recorded:
            yield from unread_warnings(snapshot.live)
            yield from unused_warnings(self._workplace.namespace.ignore_drift, drifted.used)

    def _remembered(self, recorded: Mapping[Address, Recorded], snapshot: Snapshot) -> Namespace:
        return remember(self._workplace.namespace, recorded, snapshot, self._wishes)

    def _dues(
        self, recorded: Mapping[Address, Recorded], snapshot: Snapshot, namespace: Namespace
    ) -> Iterator[Due]:
        """Yield what time will ask for, by what is recorded."""
        known, now = self._workplace.namespace, snapshot.caller.now
        for part in with_overlaps(known, recorded, snapshot.seen, self._wishes, now).values():
            kind = self._kinds.get(part.kind)
            if kind is not None:
                yield from kind.due(part, namespace, now)

    def _with_seen(self, snapshot: Snapshot, recorded: Mapping[Address, Recorded]) -> Snapshot:
        """Ask whether hosts use their new certificates; only while some overlap is open."""
        asked = sought(self._workplace.namespace, recorded, self._wishes, snapshot.caller.now)
        return replace(snapshot, seen=let_in(self._workplace.aws, asked)) if asked else snapshot

    def preflight(self, planned: Planned) -> list[IamRaError]:
        """Return what would stop the plan, each cause once; nothing is written yet."""
        run = self._workplace.run(planned.snapshot)
        causes: defaultdict[tuple[str, str], list[IamRaError]] = defaultdict(list)
        with translated():
            for change in planned.plan.changes:
                for error in self._kinds[change.kind].preflight(change, run):
                    causes[error.why, error.fix].append(error)
        return [_one_for_all(errors) for errors in causes.values()]

    def _stacks(self, recorded: Mapping[Address, Recorded], snapshot: Snapshot) -> Mapping[str, Stack]:
        """Return the recorded stacks as if they had been seen."""
        tags = {NAMESPACE_TAG: snapshot.names.namespace, LINEAGE_TAG: snapshot.lineage or ""}
        return {
            name: Stack("", name, "CREATE_COMPLETE", "", part.outputs, tags, str(part.outputs.get(UPDATED)))
            for address, part in recorded.items()
            if isinstance(kind := self._kinds.get(part.kind), StackKind) and address != INIT_STACK
            for name in (kind.name_at(address, snapshot.names),)
        }

    def _files(
        self, recorded: Mapping[Address, Recorded], lineage: str | None
    ) -> Mapping[Address, str | None]:
        """Return the recorded files, and those that a killed apply wrote and nobody recorded."""
        root = self._workplace.namespace.root
        exports = [kind for kind in self._kinds.values() if lineage and isinstance(kind, HostExport)]
        return {
            **{
                address: digest
                for kind in exports
                for address, digest in kind.written(root, lineage or "").items()
            },
            **{
                address: file_digest(root / part.inputs["path"])
                for address, part in recorded.items()
                if "path" in part.inputs
            },
        }

    def _file_sets(self, recorded: Mapping[Address, Recorded]) -> _FileSets:
        """Return the recorded files of parts that have several."""
        root = self._workplace.namespace.root
        return {
            address: {path: file_digest(root / path) for path in part.outputs["files"]}
            for address, part in recorded.items()
            if "files" in part.outputs
        }

    def _conflicts(self, recorded: Mapping[Address, Recorded], snapshot: Snapshot) -> Iterator[Conflict]:
        """Yield what the file asks for and the certificates of before forbid."""
        namespace, now = self._workplace.namespace, snapshot.caller.now
        yield from identity_conflicts(namespace, recorded, now)
        yield from born_conflicts(namespace, recorded)
        yield from workload_conflicts(namespace, recorded)
        counted = with_overlaps(namespace, recorded, snapshot.seen, self._wishes, now)
        yield from generation_conflicts(namespace, counted, snapshot, self._wishes, now)

    def _strays(self, snapshot: Snapshot) -> Iterator[Conflict]:
        """Yield what an earlier life of the namespace left: not this one's to delete, and not to be passed over."""
        for kind in self._kinds.values():
            for address, seen in kind.observed(snapshot).items():
                if seen.facts.get(STRAY):
                    yield Conflict(address, seen.note)

    def _doubts(self, plan: Plan) -> set[Doubt]:
        names = self._workplace.names
        # A role that was deleted a moment ago may still be listed, by now as nobody's.
        conflicts = (each.address for each in plan.conflicts if each.address.entity.startswith(ROLES))
        return {role_doubt(address, names) for address in conflicts} | {
            doubt
            for change in plan.changes
            if change.action is Action.REPLACE or any(reason.cause in _OBSERVED for reason in change.reasons)
            for doubt in self._kinds[change.kind].doubts(change, names)
        }

    def _observed(self, snapshot: Snapshot, recorded: Mapping[Address, Recorded], closer: _Facts) -> Drifted:
        """Return what is there, part by part, with what somebody changed below the stacks."""
        if not self._refresh:
            known = {address: self._kinds.get(part.kind) for address, part in recorded.items()}
            return Drifted(
                {address: kind.as_recorded(recorded[address]) for address, kind in known.items() if kind}
            )
        kinds = self._kinds.values()
        observed = {address: seen for kind in kinds for address, seen in kind.observed(snapshot).items()}
        for address, facts in closer.items():
            seen = observed.get(address, Observed(Presence.PRESENT))
            observed[address] = replace(seen, facts={**seen.facts, **facts})
        for address, seen in list(observed.items()):
            if self._wishes.replace & {str(address), address.entity}:
                observed[address] = replace(seen, facts={**seen.facts, ASKED: True})
        return with_drift(observed, recorded, snapshot, self._kinds, self._workplace.run(snapshot))

    def _compare(
        self, snapshot: Snapshot, recorded: Mapping[Address, Recorded], drifted: Drifted, *, destroy: bool
    ) -> Plan:
        namespace = self._remembered(recorded, snapshot)
        wanted = (
            part
            for kind in self._kinds.values()
            for part in kind.desired(namespace, self._workplace.repository)
        )
        desired, removed = ((), _DESTROYED) if destroy else (wanted, REMOVED)
        return make_plan(desired, recorded, drifted.observed, self._kinds, snapshot.caller.now, removed)

    def _look_closer(self, plan: Plan, run: Run) -> _Facts:
        def look(change: Change) -> list[tuple[Address, Mapping[str, Any]]]:
            return list(self._kinds[change.kind].closer_look(change, run))

        remaining = [change for change in plan.changes if change.action is not Action.DELETE]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="look") as threads:
            return {address: facts for found in threads.map(look, remaining) for address, facts in found}


def _is_drift(change: Change) -> bool:
    """Tell whether a change puts right what others did to AWS."""
    return bool(change.drift) or any(
        reason.cause in {Cause.DRIFTED, Cause.MISSING} for reason in change.reasons
    )


def _one_for_all(errors: list[IamRaError]) -> IamRaError:
    """Return the first of several errors with one cause, saying how many more there are."""
    first, others = errors[0], len({error.what for error in errors}) - 1
    return (
        first
        if not others
        else type(first)(f"{first.what} (and {others} more)", why=first.why, fix=first.fix)
    )


def _check_memory(snapshot: Snapshot, state: State | None) -> None:
    """Raise StateError when what was remembered is lost."""
    if snapshot.is_bucket_lost:
        raise _lost_bucket(snapshot)
    if state is None and any(issued_in(snapshot.objects, snapshot.names)):
        raise _lost_state(snapshot)


def _lost_bucket(snapshot: Snapshot) -> StateError:
    name = "" if snapshot.bucket is None else snapshot.bucket.name
    return StateError(
        f"the namespace's bucket {name} is gone, and with it the state",
        why="its stack is still there, so somebody deleted it by hand",
        fix="`iam-ra destroy` removes what is left of the namespace; `iam-ra apply` then makes it anew",
    )


def _lost_state(snapshot: Snapshot) -> StateError:
    return StateError(
        "the state is gone from the bucket",
        why=f"{snapshot.names.state_key} is missing, but certificates were issued; without it all would be issued anew",
        fix="`iam-ra state history` shows its versions, `iam-ra state restore SERIAL` brings one back; where none can be "
        "read, `iam-ra state rebuild` makes it again",
    )
