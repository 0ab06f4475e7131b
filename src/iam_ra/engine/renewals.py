"""What of a plan time alone has brought about, for a run that nobody watches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from iam_ra.engine.action import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change, Plan

_DATED: Final = frozenset(
    {Cause.RENEWAL, Cause.OVERLAP_OVER, Cause.EXPIRED, Cause.SESSIONS_OVER, Cause.UNDELIVERED}
)
# A certificate whose key nobody has is as good as one that has ended; and what an earlier run could not revoke, or a
# private CA has not told yet, is to be asked for until it is done.
_DUE: Final = _DATED | {Cause.KEY_LOST, Cause.COMPROMISED, Cause.PENDING}
# What comes along with something due: the world is not as recorded, or a killed apply is to be finished.
_ALONG: Final = frozenset(
    {Cause.UPSTREAM, Cause.MISSING, Cause.DRIFTED, Cause.FAILED, Cause.INTERRUPTED, Cause.UPGRADE}
)


def renewals(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of what is due and what follows from it, and a line for each entity that is due and left out.

    An entity that somebody has edited, too, is left out whole: an edit is not for an unwatched run to make.
    """
    entities: defaultdict[str, list[Change]] = defaultdict(list)
    for change in plan.changes:
        entities[change.address.entity].append(change)
    edited = {
        entity: edits
        for entity, changes in entities.items()
        if (edits := [change for change in changes if not _causes([change]) <= _DUE | _ALONG])
        and _causes(changes) & _DUE
    }
    wanted = frozenset(
        change.address for change in plan.changes if change.address.entity not in edited and _is_due(change)
    )
    narrowed = plan.selected(wanted, whole=True)
    left = {change.address.entity for change in narrowed.left_out if _causes([change]) & _DATED}
    return narrowed, tuple(_said(entity, entities[entity], edited, narrowed) for entity in sorted(left))


def _is_due(change: Change) -> bool:
    causes = _causes([change])
    return causes <= _DUE | _ALONG and bool(causes & (_DUE | {Cause.UPSTREAM}))


def _causes(changes: Iterable[Change]) -> set[Cause]:
    return {reason.cause for change in changes for reason in change.reasons}


def _said(entity: str, changes: Iterable[Change], edited: dict[str, list[Change]], plan: Plan) -> str:
    if entity in edited:
        parts = ", ".join(change.address.part for change in edited[entity])
        return f"{entity} is due, but has other changes too ({parts})"
    out = {change.address for change in plan.left_out}
    needs = sorted({str(each) for each in _needs(changes) if each in out and each.entity != entity})
    return f"{entity} is due, but needs {', '.join(needs)}, which is left out"


def _needs(changes: Iterable[Change]) -> Iterator[Address]:
    for change in changes:
        yield from change.after
