"""A plan's changes gathered by the entity they belong to, in the order in which people think of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from iam_ra.engine.action import Action, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iam_ra.engine.plan import Change, Plan

# As in the file, from the ground up. What is not listed comes after, by name.
_ORDER: Final = ("init", "ca", "role", "host", "cluster", "workload")
# More new or deleted entities than that, with the same parts for the same reason, are shown as one crowd.
_MANY: Final = 20
_PLURALS: Final = {"ca": "authorities"}

Likeness: TypeAlias = "tuple[str, Action | None, tuple[Reason, ...], tuple[str, ...]]"


@dataclass(frozen=True)
class Entity:
    """The changes of one entity. `whole` is set when all of it is created, deleted or replaced for one reason."""

    name: str
    changes: tuple[Change, ...]
    whole: Action | None

    @property
    def sort(self) -> str:
        """What it is: `host` of `host/web`."""
        return self.name.partition("/")[0]

    @property
    def likeness(self) -> Likeness:
        """What entities have in common that can be shown as one crowd."""
        return (
            self.sort,
            self.whole,
            self.changes[0].reasons,
            tuple(each.address.part for each in self.changes),
        )

    @property
    def symbol(self) -> str:
        """The mark in front of its line."""
        return (self.whole or Action.UPDATE).symbol

    @property
    def rank(self) -> tuple[int, str]:
        """Where it stands among others."""
        known = self.sort in _ORDER
        return (_ORDER.index(self.sort) if known else len(_ORDER), self.name)


def entities(plan: Plan) -> list[Entity]:
    """Return the entities that a plan changes, those left out of which others only changed settings."""
    staying = {address.entity for address in plan.settled}
    staying |= {change.address.entity for change in plan.changes if change.drift_only}
    grouped: dict[str, list[Change]] = {}
    for change in plan.edits:
        grouped.setdefault(change.address.entity, []).append(change)
    found = [
        Entity(name, tuple(changes), None if name in staying else _whole(changes))
        for name, changes in grouped.items()
    ]
    return sorted(found, key=lambda each: each.rank)


def _whole(changes: Sequence[Change]) -> Action | None:
    first = changes[0]
    alike = all(each.action is first.action and each.reasons == first.reasons for each in changes)
    return first.action if alike and first.action is not Action.UPDATE else None


def crowds(changed: Sequence[Entity]) -> Mapping[Likeness, Sequence[Entity]]:
    """Return the members of each crowd by what they have in common."""
    found: dict[Likeness, list[Entity]] = {}
    for each in changed:
        if each.whole in {Action.CREATE, Action.DELETE}:
            found.setdefault(each.likeness, []).append(each)
    return {likeness: members for likeness, members in found.items() if len(members) > _MANY}


def crowd_name(crowd: Sequence[Entity]) -> str:
    """Return what a crowd is called: `300 hosts`."""
    sort = crowd[0].sort
    return f"{len(crowd):,} {_PLURALS.get(sort, f'{sort}s')}"
