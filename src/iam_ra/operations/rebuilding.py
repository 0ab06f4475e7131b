"""A state that is lost, made again from what is there: nothing in AWS changes, and no certificate is issued.

stacks, ledger, certificates, secrets' versions, mirrors, files ─▶ kinds.recover ─▶ State
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iam_ra.aws.subjects import let_in
from iam_ra.engine.errors import RefusedError, StateError
from iam_ra.engine.graph import order
from iam_ra.engine.part import UNKNOWN, Presence, Recorded, Ref, has_unknown, resolve
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_export import HostExport
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.memory import NO_WISHES, remember
from iam_ra.kinds.overlap import sought
from iam_ra.operations.recalling import Recaller
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.state.lock import Lock
from iam_ra.state.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Observed, Part
    from iam_ra.kinds.run import Run

# What is wanted depends on what is recorded, and the other way round: generations, then certificates, then overlaps.
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The parts that were found. `missing` are those that the file asks for and the world does not tell of."""

    parts: Mapping[Address, Recorded]
    missing: tuple[Address, ...]


class Rebuilder:
    """Makes one namespace's state again. Raises IamRaError only. `force`: also where a state can be read."""

    def __init__(self, workplace: Workplace, *, force: bool = False) -> None:
        self._workplace = workplace
        self._force = force
        self._kinds = all_kinds()

    def look(self) -> Rebuilt:
        """Return what can be found, and write nothing. Raises RefusedError where a state can be read."""
        with translated():
            snapshot = self._workplace.observe()
            if snapshot.bucket is None or snapshot.is_bucket_lost:
                raise StateError(
                    f"there is no state of namespace {self._workplace.names.namespace} to make again",
                    why="its bucket is not there",
                    fix="`iam-ra plan` shows what is left, `iam-ra destroy` removes that",
                )
            if not self._force:
                self._check_lost()
            return self._found(snapshot)

    def write(self, *, lock_timeout: float = 0.0) -> State:
        """Look under the lock, write what is found as the present state, and return that.

        Raises LockHeldError while another applies, RefusedError where a state can be read by now.
        """
        with translated():
            self._workplace.check_account()
            bucket, names = self._workplace.bucket(), self._workplace.names
            if bucket is None:
                raise StateError("the bucket is gone", fix="`iam-ra plan` shows what is left")
            now = self._workplace.aws.now
            with Lock(bucket, names.lock_key, "state rebuild", now, timeout=lock_timeout) as lock:
                found = self.look()
                store = self._workplace.store(bucket)
                store.note_present()
                known = [
                    each.state.serial
                    for each in Recaller(self._workplace).versions()
                    if each.state is not None
                ]
                # Greater than any serial that was ever counted: a saved plan of before must not seem to fit.
                serial = max(int(now().timestamp()), *known, 0)
                lock.check()
                lineage = str(found.parts[INIT_STACK].outputs["lineage"])
                return store.save(State(names.namespace, lineage, serial, found.parts))

    def _check_lost(self) -> None:
        readable = [each for each in Recaller(self._workplace).versions() if each.state is not None]
        if readable and readable[0].state is not None:
            raise RefusedError(
                "the state is not lost",
                why=f"the bucket has one with serial {readable[0].state.serial} that can be read",
                fix=f"use it: `iam-ra state restore {readable[0].state.serial}`; --force makes one anew nevertheless",
            )

    def _found(self, snapshot: Snapshot) -> Rebuilt:
        """Recover until a round finds what the one before it found."""
        run = self._workplace.run(snapshot)
        snapshot = replace(snapshot, files=self._files(snapshot))
        recorded: Mapping[Address, Recorded] = {}
        wanted: Mapping[Address, Part] = {}
        for _ in range(_ROUNDS):
            wanted = self._wanted(snapshot, recorded)
            found = self._round(wanted, snapshot, run)
            if found == recorded:
                break
            recorded = found
        return Rebuilt(recorded, tuple(sorted(wanted.keys() - recorded.keys())))

    def _files(self, snapshot: Snapshot) -> Mapping[Address, str | None]:
        """Return the files that bear our mark; others are found by their mirrors."""
        root, lineage = self._workplace.namespace.root, snapshot.lineage or ""
        exports = (kind for kind in self._kinds.values() if isinstance(kind, HostExport))
        return {
            address: digest for kind in exports for address, digest in kind.written(root, lineage).items()
        }

    def _wanted(self, snapshot: Snapshot, recorded: Mapping[Address, Recorded]) -> Mapping[Address, Part]:
        """Return the parts that the file asks for, by what is found so far."""
        namespace, now = self._workplace.namespace, snapshot.caller.now
        asked = sought(namespace, recorded, NO_WISHES, now)
        if asked:
            snapshot = replace(snapshot, seen=let_in(self._workplace.aws, asked))
        remembered = remember(namespace, recorded, snapshot, NO_WISHES)
        parts = (
            part
            for kind in self._kinds.values()
            for part in kind.desired(remembered, self._workplace.repository)
        )
        return {part.address: part for part in parts}

    def _round(
        self, wanted: Mapping[Address, Part], snapshot: Snapshot, run: Run
    ) -> Mapping[Address, Recorded]:
        observed = {
            address: seen
            for kind in self._kinds.values()
            for address, seen in kind.observed(snapshot).items()
            if seen.presence is Presence.PRESENT
        }
        found: dict[Address, Recorded] = {}

        def lookup(ref: Ref) -> Any:
            known = found.get(ref.address)
            return UNKNOWN if known is None else known.outputs.get(ref.output, UNKNOWN)

        upstream = {address: part.upstream for address, part in wanted.items()}
        for address in order(upstream):
            part, seen = wanted[address], observed.get(address)
            if seen is None:
                continue
            inputs = resolve(part.inputs, lookup)
            known = self._recover(address, part.kind, seen, None if has_unknown(inputs) else inputs, run)
            if known is not None:
                found[address] = replace(
                    known, depends_on=upstream[address], released_by=part.released_by, protect=part.protect
                )
        for address in sorted(observed.keys() - wanted.keys()):
            seen = observed[address]
            known = self._recover(address, str(seen.facts["kind"]), seen, None, run)
            if known is not None:
                found[address] = known
        return found

    def _recover(
        self, address: Address, kind: str, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        return self._kinds[kind].recover(address, seen, inputs, run)
