"""From desired parts, recorded parts and what was seen to a plan. Pure: the same arguments give the same plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.collector import collector_paused
from iam_ra.engine.errors import InternalError, StateError
from iam_ra.engine.graph import order
from iam_ra.engine.part import NOTHING, UNKNOWN, Observed, Part, Presence, Recorded, Ref, references, resolve
from iam_ra.engine.plan import Change, Conflict, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from iam_ra.engine.address import Address


REMOVED = Reason(Cause.REMOVED, "removed from the file")


@dataclass(frozen=True, slots=True)
class Finding:
    """That a part must change, and why. `losing`: a replacement that takes something of value away."""

    action: Action
    reasons: tuple[Reason, ...]
    losing: bool = False


class Rules(Protocol):
    """What the differ asks of a kind."""

    @property
    def fixed_inputs(self) -> Mapping[str, str]:
        """The inputs that can never change, each with the reason."""

    @property
    def pool(self) -> str | None:
        """The name of a limit on how many changes of such kinds run at once."""

    def kept_outputs(self, change: Change) -> frozenset[str]:
        """Return the outputs that an update in place keeps."""

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Return why a recorded part must change although its inputs did not, or None."""

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:
        """Return why a part goes although its entity stays, where that is no edit of the file, or None."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; `before` is None for a new field, `after` for one that goes."""

    path: str
    before: Any
    after: Any


@dataclass(slots=True)
class _World:
    recorded: Mapping[Address, Recorded]
    observed: Mapping[Address, Observed]
    rules: Mapping[str, Rules]
    now: datetime
    changed: dict[Address, Change] = field(default_factory=dict)

    def lookup(self, ref: Ref) -> Any:
        known = self.recorded.get(ref.address)
        change = self.changed.get(ref.address)
        if known is None or (change is not None and not self._keeps(change, ref.output)):
            return UNKNOWN
        return known.outputs.get(ref.output, UNKNOWN)

    def _keeps(self, change: Change, output: str) -> bool:
        kept = change.record_only or output in self.rules[change.kind].kept_outputs(change)
        return change.action is Action.UPDATE and kept and not self._is_another(change, output)

    def _is_another(self, change: Change, output: str) -> bool:
        """Tell whether the world shows another output than was recorded: made again by an apply that was killed."""
        seen, known = self.observed.get(change.address), change.recorded
        return (
            seen is not None
            and known is not None
            and output in seen.facts
            and seen.facts[output] != known.outputs.get(output)
        )


@collector_paused()
def make_plan(
    desired: Iterable[Part],
    recorded: Mapping[Address, Recorded],
    observed: Mapping[Address, Observed],
    rules: Mapping[str, Rules],
    now: datetime,
    removed: Reason = REMOVED,
) -> Plan:
    """Compare the three worlds and return the plan.

    `observed` holds every part that the snapshot shows, also those that nobody wants or remembers: those are ours by
    tag and lineage (a kind observes nothing else), left by an apply that was killed, and are deleted. `removed` is why
    recorded parts that nobody wants go.
    """
    wanted = _by_address(desired)
    world = _World(recorded, observed, rules, now)
    changes: dict[Address, Change] = {}
    settled: dict[Address, Recorded] = {}
    conflicts: list[Conflict] = []
    upstream = {address: part.upstream for address, part in wanted.items()}
    for address in order(upstream):
        part = wanted[address]
        seen = observed.get(address)
        if seen is not None and seen.presence is Presence.FOREIGN:
            conflicts.append(Conflict(address, seen.note))
            continue
        conflicts.extend(_fixed(part, recorded.get(address), rules[part.kind]))
        change = _compare(part, world)
        if change is None:
            settled[address] = _rewired(recorded[address], part, upstream[address])
        else:
            changes[address] = change
            world.changed[address] = change
    staying = {address.entity for address in wanted}
    for address in sorted((recorded.keys() | observed.keys()) - wanted.keys()):
        removal = _removal(address, world, removed, losing=address.entity not in staying)
        if removal is not None:
            changes[address] = removal
    return Plan(_ordered(changes, upstream), recorded, settled, tuple(conflicts), observed=observed)


def _by_address(parts: Iterable[Part]) -> dict[Address, Part]:
    wanted: dict[Address, Part] = {}
    for part in parts:
        if wanted.setdefault(part.address, part) is not part:
            raise InternalError(f"two kinds want {part.address}: {wanted[part.address].kind} and {part.kind}")
    return wanted


def _fixed(part: Part, known: Recorded | None, rules: Rules) -> Iterable[Conflict]:
    """Yield what the file changes although it cannot change."""
    fixed = rules.fixed_inputs if known is not None else {}
    for name, why in fixed.items():
        before, after = known and known.inputs.get(name), part.inputs.get(name)
        if before != after:
            yield Conflict(part.address, f"{name} cannot change from {before} to {after}: {why}")


def _compare(part: Part, world: _World) -> Change | None:
    rules = world.rules[part.kind]
    known = world.recorded.get(part.address)
    seen = world.observed.get(part.address)
    inputs = resolve(part.inputs, world.lookup)
    drift = () if known is None or seen is None else seen.drift
    finding = _first_seen(part, seen) if known is None else _again(part, inputs, known, seen, world)
    drift_only = finding is None and bool(drift)
    if finding is None and drift:
        finding = Finding(Action.UPDATE, (Reason(Cause.DRIFTED, "changed outside iam-ra"),))
    if finding is None:
        return None
    return Change(
        part.address,
        part.kind,
        finding.action,
        finding.reasons,
        inputs=inputs,
        desired=part,
        recorded=known,
        pool=rules.pool,
        losing=finding.losing,
        record_only=not drift and (finding is _PROTECT_ON or finding is _PROTECT_OFF),
        drift=drift,
        drift_only=drift_only,
    )


def _first_seen(part: Part, seen: Observed | None) -> Finding:
    """Judge a part that the state does not know: new, or left half done by an apply that was killed."""
    if seen is None:
        return Finding(Action.CREATE, part.because or (Reason(Cause.NEW, "new in the file"),))
    interrupted = Reason(Cause.INTERRUPTED, seen.note or "an interrupted apply began it")
    return Finding(Action.REPLACE if seen.presence is Presence.BROKEN else Action.UPDATE, (interrupted,))


_PROTECT_ON = Finding(Action.UPDATE, (Reason(Cause.EDITED, "protected from now on"),))
_PROTECT_OFF = Finding(Action.UPDATE, (Reason(Cause.EDITED, "no longer protected"),))


def _again(part: Part, inputs: Any, known: Recorded, seen: Observed | None, world: _World) -> Finding | None:
    """Judge a part that the state knows: edited in the file, changed in the world, or due."""
    if part.kind != known.kind:
        raise InternalError(f"{part.address} changed its kind from {known.kind} to {part.kind}")
    found = world.rules[part.kind].review(known, seen, world.now)
    if found is not None and found.action is not Action.UPDATE:
        return found
    reasons = (*part.forced, *(() if found is None else found.reasons))
    if inputs != known.inputs:
        reasons = (*_edit_reasons(part, inputs, known, world), *reasons)
    if reasons:
        return Finding(Action.UPDATE, reasons)
    if part.protect != known.protect:
        return _PROTECT_ON if part.protect else _PROTECT_OFF
    return None


def _edit_reasons(part: Part, inputs: Any, known: Recorded, world: _World) -> Iterable[Reason]:
    """Tell an edit of the file from what follows from other changes, and from a newer iam-ra."""
    edited: set[str] = set()
    followed: set[Address] = set()
    for key in inputs.keys() | known.inputs.keys():
        if inputs.get(key) != known.inputs.get(key):
            wanted = part.inputs.get(key)
            refs = references(wanted)
            unknown = {ref.address for ref in refs if world.lookup(ref) is UNKNOWN}
            if _differs_beside_refs(wanted, known.inputs.get(key)):
                edited.add(key)
                followed |= unknown
            else:
                followed |= unknown or {ref.address for ref in refs}
    yield from _told(part, known, edited - {"template"})
    if "template" in edited:
        yield Reason(Cause.UPGRADE, "this version of iam-ra makes it differently")
    if followed:
        yield Reason(Cause.UPSTREAM, f"follows {', '.join(map(str, sorted(followed)))}")


def _told(part: Part, known: Recorded, edited: set[str]) -> Iterable[Reason]:
    """Tell what a day or a wish changed from what the file does."""
    undated = part.undated if part.because else NOTHING
    dated = edited & undated.keys() if undated else edited if part.because else set()
    by_file = {
        key for key in edited & undated.keys() if _differs_beside_refs(undated[key], known.inputs.get(key))
    }
    if dated:
        yield from part.because
    if edited - dated or by_file:
        yield Reason(Cause.EDITED, "changed in the file")


def _differs_beside_refs(wanted: Any, known: Any) -> bool:
    """Tell whether `wanted` differs from `known` elsewhere than where references stand."""
    if isinstance(wanted, Ref):
        return False
    if isinstance(wanted, Mapping) and isinstance(known, Mapping):
        return wanted.keys() != known.keys() or any(
            _differs_beside_refs(each, known[key]) for key, each in wanted.items()
        )
    if isinstance(wanted, list | tuple) and isinstance(known, list | tuple):
        return len(wanted) != len(known) or any(map(_differs_beside_refs, wanted, known))
    return bool(wanted != known)


def _removal(address: Address, world: _World, removed: Reason, *, losing: bool) -> Change | None:
    known = world.recorded.get(address)
    seen = world.observed.get(address)
    if known is None:
        if seen is None or seen.presence not in {Presence.PRESENT, Presence.BROKEN}:
            return None
        kind = str(seen.facts["kind"])
        reason = Reason(Cause.INTERRUPTED, "left by an interrupted apply, not in the file")
        known = Recorded(address, kind, inputs=NOTHING, outputs=seen.facts)
    else:
        kind = known.kind
        reason = removed
    rules = world.rules.get(kind)
    if rules is None:
        raise StateError(
            f"the state holds {address}, whose kind {kind} this iam-ra does not know",
            why="a newer version of iam-ra made it",
            fix="use that version of iam-ra, or a newer one",
        )
    if address in world.recorded and not losing:
        reason = rules.leaving(known, world.now) or reason
    return Change(address, kind, Action.DELETE, (reason,), recorded=known, pool=rules.pool, losing=losing)


def _rewired(known: Recorded, part: Part, upstream: tuple[Address, ...]) -> Recorded:
    if known.depends_on == upstream and known.released_by == part.released_by:
        return known
    return replace(known, depends_on=upstream, released_by=part.released_by)


def _ordered(
    changes: Mapping[Address, Change], upstream: Mapping[Address, tuple[Address, ...]]
) -> tuple[Change, ...]:
    """Give each change what it must wait for, and put them into one order that respects it.

    What is made waits for what it is made from. What is deleted waits for whatever used it, for what must release it,
    and for everything else that happens to its entity: the only copy of a key may have to move house first.
    """
    after: dict[Address, set[Address]] = {address: set() for address in changes}
    siblings: defaultdict[str, list[Address]] = defaultdict(list)
    for address, change in changes.items():
        if change.action is not Action.DELETE:
            siblings[address.entity].append(address)
            after[address].update(each for each in upstream[address] if each in changes)
    for address, change in changes.items():
        known = change.recorded
        if known is None:
            continue
        if change.action is Action.DELETE:
            after[address].update(
                each for each in (*known.released_by, *siblings[address.entity]) if each in changes
            )
        for needed in known.depends_on:
            is_released_by = change.action is Action.DELETE and needed in known.released_by
            if needed in changes and changes[needed].action is Action.DELETE and not is_released_by:
                after[needed].add(address)
    waits = {address: tuple(sorted(each)) for address, each in after.items()}
    return tuple(replace(changes[address], after=waits[address]) for address in order(waits))


def field_changes(change: Change) -> tuple[FieldChange, ...]:
    """Return the fields in which a change's inputs differ from the recorded ones, sorted by path.

    An element that joins or leaves a list is a field change of its own, under the list's path.
    """
    if change.action is Action.DELETE:
        return ()
    if change.recorded is None:
        return tuple(FieldChange(key, None, value) for key, value in sorted(change.inputs.items()))
    found = list(_differences(change.recorded.inputs, change.inputs))
    if change.desired is not None and change.desired.protect != change.recorded.protect:
        found.append(FieldChange("protect", change.recorded.protect, change.desired.protect))
    return tuple(sorted(found, key=lambda each: each.path))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[FieldChange]:
    # A tenth of a second that an empty plan need not pay.
    from deepdiff import DeepDiff  # noqa: PLC0415
    from deepdiff.helper import notpresent  # noqa: PLC0415

    paired = {
        key for key in before.keys() & after.keys() if _has_entries(before[key]) and _has_entries(after[key])
    }
    for key in paired:
        for old, new in _pairs(before[key], after[key]):
            if old is None or new is None:
                yield FieldChange(key, old, new)
            else:
                inside = _differences(old, new)
                yield from (replace(each, path=f"{key}.{each.path}") for each in inside)
    left, right = (
        {key: value for key, value in side.items() if key not in paired} for side in (before, after)
    )
    tree = DeepDiff(left, right, view="tree", threshold_to_diff_deeper=0)
    for levels in tree.values():
        for level in levels:
            steps = level.path(output_format="list")
            path = ".".join(str(step) for step in steps if isinstance(step, str))
            yield FieldChange(path, *(None if side is notpresent else side for side in (level.t1, level.t2)))


def _has_entries(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(each, Mapping) for each in value)
    )


def _pairs(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterable[tuple[Any, Any]]:
    """Pair the entries that differ and have a text in common under the same key, such as an ARN, and what is left in its order.

    By position alone, an entry that goes would look as if the next one became another.
    """
    alone, rest = [], [each for each in after if each not in before]
    for old in (each for each in before if each not in after):
        twin = next((new for new in rest if _has_common_text(old, new)), None)
        if twin is None:
            alone.append(old)
        else:
            rest.remove(twin)
            yield old, twin
    yield from zip_longest(alone, rest)


def _has_common_text(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return any(isinstance(value, str) and new.get(key) == value for key, value in old.items())
