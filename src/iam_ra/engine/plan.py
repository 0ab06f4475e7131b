"""The plan as a value: what would change, in which order, why, and what forbids it. It holds no secret."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from iam_ra.engine.action import Action
from iam_ra.engine.part import NOTHING, Observed, Part, Recorded, unknown_references

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from iam_ra.engine.action import Reason
    from iam_ra.engine.address import Address
    from iam_ra.engine.diff import FieldChange
    from iam_ra.engine.drift import Drift


@dataclass(frozen=True)
class Change:
    """One part to be created, updated, replaced or deleted.

    `inputs` are the wanted inputs as far as the plan knows them (UNKNOWN where only apply will). `after` holds the
    changes that must succeed first. `losing` marks a change that takes something of value away for good.
    `record_only` marks a change that only the state has to learn. `drift` are the settings that somebody changed and
    that this puts right; `drift_only` says that there is nothing else to it.
    """

    address: Address
    kind: str
    action: Action
    reasons: tuple[Reason, ...]
    inputs: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    desired: Part | None = None
    recorded: Recorded | None = None
    after: tuple[Address, ...] = ()
    pool: str | None = None
    losing: bool = False
    record_only: bool = False
    drift: tuple[Drift, ...] = ()
    drift_only: bool = False

    @cached_property
    def fields(self) -> tuple[FieldChange, ...]:
        """The field-level differences, worked out when somebody looks."""
        from iam_ra.engine.diff import field_changes  # noqa: PLC0415 - deepdiff is slow to import, most plans are empty

        return field_changes(self)


def _stands_alone(change: Change, kept: AbstractSet[Address], changes: Mapping[Address, Change]) -> bool:
    """Tell whether a change can be made with only `kept` before it."""
    out = [each for each in change.after if each not in kept]
    if not out:
        return True
    if change.desired is None or any(changes[each].action is not Action.UPDATE for each in out):
        return False
    unknown = {ref.address for ref in unknown_references(change.desired.inputs, change.inputs)}
    return unknown.isdisjoint(out)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that bears our name and is not ours; the plan cannot be applied.

    With `spreads` no narrower plan can either: other parts than the one at `address` would do the harm, too.
    """

    address: Address
    text: str
    spreads: bool = False


@dataclass(frozen=True)
class Plan:
    """The ordered changes from the world to the file. `changes` respects each change's `after`.

    `recorded` is what the state remembered when the plan was made; `settled` holds the parts that stay as they are,
    with their wiring brought up to date. `left_out` are the changes of the whole plan that a narrowed one does without.
    `observed` is what was seen.
    """

    changes: tuple[Change, ...]
    recorded: Mapping[Address, Recorded]
    settled: Mapping[Address, Recorded]
    conflicts: tuple[Conflict, ...] = ()
    left_out: tuple[Change, ...] = ()
    observed: Mapping[Address, Observed] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    @cached_property
    def counts(self) -> Mapping[Action, int]:
        """How many parts each action touches, those not counted that only drifted."""
        return Counter(change.action for change in self.edits)

    @cached_property
    def edits(self) -> tuple[Change, ...]:
        """The changes that do more than put back what somebody changed below a stack."""
        return tuple(change for change in self.changes if not change.drift_only)

    @cached_property
    def drifted(self) -> tuple[Change, ...]:
        """The changes that put back, among other things or alone, what somebody changed below a stack."""
        return tuple(change for change in self.changes if change.drift)

    @property
    def unchanged(self) -> int:
        """How many parts stay as they are."""
        return len(self.settled)

    def split(self, first: frozenset[Address]) -> tuple[Plan, Plan]:
        """Return the plan of the changes in `first`, and that of the others; neither waits for the other any more."""
        return self._narrowed(lambda address: address in first), self._narrowed(
            lambda address: address not in first
        )

    def _narrowed(self, keeps: Callable[[Address], bool]) -> Plan:
        kept = [change for change in self.changes if keeps(change.address)]
        changes = [
            replace(change, after=tuple(each for each in change.after if keeps(each))) for change in kept
        ]
        return replace(self, changes=tuple(changes))

    def selected(self, wanted: AbstractSet[Address], *, whole: bool = False) -> Plan:
        """Return the plan of those changes in `wanted` that can be made without the others.

        A change cannot be made without one that it waits for, unless that only updates what is there and leaves what is
        taken from it as it is. With `whole`, an entity of which something in `wanted` cannot be made is left out whole.
        """
        kept = set(wanted)
        known = {change.address: change for change in self.changes}
        while lost := {address for address in kept if not _stands_alone(known[address], kept, known)}:
            kept -= lost
            if whole:
                entities = {address.entity for address in lost}
                kept = {address for address in kept if address.entity not in entities}
        narrowed = self._narrowed(lambda address: address in kept)
        out = tuple(change for change in self.changes if change.address not in kept)
        # Wiring may name parts that are left out.
        settled = {address: self.recorded[address] for address in self.settled} if out else self.settled
        return replace(narrowed, settled=settled, left_out=out)

    def summary(self) -> frozenset[tuple[Address, Action]]:
        """Return what happens to which part: two plans with one summary ask for the same consent."""
        return frozenset((change.address, change.action) for change in self.changes)

    def lost_entities(self) -> tuple[str, ...]:
        """Return the recorded entities that the plan deletes or replaces, sorted."""
        known = {address.entity for address in self.recorded}
        return tuple(sorted({change.address.entity for change in self.changes if change.losing} & known))

    def protected_losses(self) -> tuple[str, ...]:
        """Return the entities among the lost ones whose recorded flag protects them."""
        shielded = {part.address.entity for part in self.recorded.values() if part.protect}
        return tuple(entity for entity in self.lost_entities() if entity in shielded)
