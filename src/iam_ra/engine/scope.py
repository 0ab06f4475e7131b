"""A part of a plan: what the user names, or all but that, with whatever it cannot be made without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iam_ra.engine.action import Action
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change, Conflict, Plan

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a plan is to be made: entities (`host/web`) or parts (`host/web:secrets`); none named means all.

    `only_due` narrows it to what time alone has brought about. `with_followers` adds what follows from the targets on
    entities that are there already, such as revocations and exports.
    """

    targets: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    only_due: bool = False
    with_followers: bool = False


WHOLE = Scope()


def within(plan: Plan, scope: Scope, ground: Address | None = None) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of the targets and of what they need, without what is excluded, and a line for each surprise.

    Everything stands on the `ground`: its change is taken along whatever is named.

    Raises UsageError for a name that neither the file nor the state has.
    """
    if not scope.targets and not scope.excluded:
        return plan, ()
    _check_names(plan, scope)
    changes = {change.address: change for change in plan.changes}
    named = {each for each in changes if not scope.targets or _is_named(each, scope.targets)}
    base = {each for each in changes if each == ground and named}
    wanted = _with_needs(named | base, changes)
    if scope.with_followers:
        wanted |= _followers(plan, named, wanted)
    barred = {each for each in wanted if _is_named(each, scope.excluded) and each != ground}
    narrowed = plan.selected(wanted - barred)
    kept = {change.address for change in narrowed.changes}
    # With followers the plan is all that is worth to be made now: it surprises nobody.
    surprises = (
        () if scope.with_followers else (*_taken_along(narrowed, named | base), *_left_behind(narrowed, kept))
    )
    lines = (
        *surprises,
        *_impossible(changes, wanted - barred - kept),
    )
    return replace(narrowed, conflicts=_conflicts(plan, scope)), lines


def _check_names(plan: Plan, scope: Scope) -> None:
    known = {change.address for change in plan.changes} | plan.settled.keys() | plan.recorded.keys()
    known |= {conflict.address for conflict in plan.conflicts}
    names = {str(each) for each in known} | {each.entity for each in known}
    for name in sorted(scope.targets | scope.excluded):
        if name not in names:
            raise UsageError(
                f"{name} is neither in the file nor in the state",
                fix="name an entity such as host/web, or a part such as host/web:secrets, as `iam-ra plan` shows them",
            )


def _is_named(address: Address, names: frozenset[str]) -> bool:
    return str(address) in names or address.entity in names


def _with_needs(wanted: Iterable[Address], changes: dict[Address, Change]) -> set[Address]:
    found: set[Address] = set()
    queue = list(wanted)
    while queue:
        address = queue.pop()
        if address not in found:
            found.add(address)
            queue += changes[address].after
    return found


def _followers(plan: Plan, named: set[Address], wanted: set[Address]) -> set[Address]:
    """Return the changes of recorded entities that wait for a named one, or for another of these, and for nothing left out.

    What takes something away is none: it has reasons of its own.
    """
    there = {address.entity for address in plan.recorded}
    found: set[Address] = set()
    for change in plan.changes:
        waits = set(change.after)
        if (
            change.address.entity in there
            and change.action in {Action.CREATE, Action.UPDATE}
            and waits & (named | found)
            and waits <= wanted | found
        ):
            found.add(change.address)
    return found


def _conflicts(plan: Plan, scope: Scope) -> tuple[Conflict, ...]:
    return tuple(
        each
        for each in plan.conflicts
        if each.spreads
        or (
            (not scope.targets or _is_named(each.address, scope.targets))
            and not _is_named(each.address, scope.excluded)
        )
    )


def _taken_along(plan: Plan, named: set[Address]) -> Iterator[str]:
    for change in plan.changes:
        if change.address not in named:
            users = [str(each.address) for each in plan.changes if change.address in each.after]
            yield f"{change.address} is taken along: {_list(users)} cannot do without"


def _left_behind(plan: Plan, kept: set[Address]) -> Iterator[str]:
    followers = sorted(
        str(change.address) for change in plan.left_out if any(each in kept for each in change.after)
    )
    if followers:
        yield f"left out although they follow from what is made: {_list(followers)}"


def _impossible(changes: dict[Address, Change], lost: set[Address]) -> Iterator[str]:
    for address in sorted(lost):
        needs = [str(each) for each in changes[address].after]
        yield f"{address} is left out, too: it cannot do without {_list(needs)}"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
