"""Short ways to write parts, and one kind whose rules a test can bend."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding, make_plan
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.engine.plan import Change, Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KIND = "thing"


@dataclass
class Rules:
    """A kind's rules: outputs are kept if named, drift is a fact other than the recorded output."""

    fixed_inputs: Mapping[str, str] = field(default_factory=dict)
    pool: str | None = None
    stable: frozenset[str] = frozenset()
    finding: Finding | None = None

    def kept_outputs(self, change: Change) -> frozenset[str]:  # noqa: ARG002
        return self.stable

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:  # noqa: ARG002
        return None

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        if self.finding is not None:
            return self.finding
        if seen is None:
            return Finding(Action.CREATE, (Reason(Cause.MISSING, "gone"),))
        if seen.presence is Presence.BROKEN:
            return Finding(Action.REPLACE, (Reason(Cause.FAILED, seen.note),))
        if any(recorded.outputs.get(fact) != value for fact, value in seen.facts.items() if fact != "kind"):
            return Finding(Action.UPDATE, (Reason(Cause.DRIFTED, "drifted"),))
        return None


def at(text: str) -> Address:
    return Address.parse(text)


def all_at(*texts: str) -> tuple[Address, ...]:
    return tuple(map(at, texts))


def ref(text: str, output: str = "out") -> Ref:
    return Ref(at(text), output)


def part(
    address: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    kind: str = KIND,
    needs: Iterable[str] = (),
    released_by: Iterable[str] = (),
    protect: bool = False,
) -> Part:
    return Part(at(address), kind, inputs or {}, all_at(*needs), all_at(*released_by), protect)


def known(
    address: str,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    *,
    kind: str = KIND,
    needs: Iterable[str] = (),
    released_by: Iterable[str] = (),
    protect: bool = False,
) -> Recorded:
    return Recorded(
        at(address), kind, inputs or {}, outputs or {}, all_at(*needs), all_at(*released_by), protect
    )


def seen(presence: Presence = Presence.PRESENT, note: str = "", **facts: Any) -> Observed:
    return Observed(presence, {"kind": KIND, **facts}, note)


def plan_of(
    desired: Iterable[Part] = (),
    recorded: Iterable[Recorded] = (),
    observed: Mapping[str, Observed | None] | None = None,
    rules: Mapping[str, Rules] | None = None,
) -> Plan:
    """Plan; what is recorded is also there, unless `observed` says otherwise (None: it is not shown)."""
    remembered = {each.address: each for each in recorded}
    world = {address: seen() for address in remembered}
    shown = {**world, **{at(address): each for address, each in (observed or {}).items()}}
    world = {address: each for address, each in shown.items() if each is not None}
    return make_plan(desired, remembered, world, rules or {KIND: Rules()}, NOW)


def only(plan: Plan) -> Change:
    """Return the one change of a plan."""
    (change,) = plan.changes
    return change


def waits(plan: Plan) -> dict[str, list[str]]:
    return {str(change.address): [str(each) for each in change.after] for change in plan.changes}


def said(change: Change) -> list[tuple[Cause, str]]:
    return [(reason.cause, reason.text) for reason in change.reasons]
