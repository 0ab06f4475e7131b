"""What stands between a plan and its apply: protection, limits, and what only the user may allow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from iam_ra.anywhere.trust_policy import policy_size
from iam_ra.config.model import CLUSTERS, scope_of
from iam_ra.engine.action import Action
from iam_ra.engine.errors import (
    ProtectedError,
    RefusedError,
    ReplacementError,
    TooManyDeletionsError,
    UsageError,
)
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.role import trust_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.config.model import Limits
    from iam_ra.engine.plan import Plan

_FEW_ENTITIES = 10
_ALLOW = re.compile(r"deletes:(?P<number>\d{1,6})|replace:(?P<entity>(ca|cluster)/[A-Za-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the user agrees to beyond the limits: exactly so many lost entities, replacements of these authorities.

    `named` are the entities that the command itself names: that they go is what it is for.
    """

    deletions: int | None = None
    replacements: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str], named: Iterable[str] = ()) -> Self:
        """Read `deletes:N`, `replace:ca/NAME` and `replace:cluster/NAME`. Raises UsageError for anything else."""
        deletions, replacements = None, set()
        for text in texts:
            found = _ALLOW.fullmatch(text)
            if found is None:
                raise UsageError(
                    f"--allow {text} is not understood",
                    fix="write --allow deletes:12, with the number the plan names, or --allow replace:ca/NAME",
                )
            if found["number"]:
                deletions = int(found["number"])
            else:
                replacements.add(found["entity"])
        return cls(deletions, frozenset(replacements), frozenset(named))


NOTHING_ALLOWED = Allowed()


def refusals(plan: Plan, limits: Limits, allowed: Allowed, *, destroy: bool) -> Iterator[RefusedError]:
    """Yield the guards that the plan trips. A destroy is what it says: only protection holds it."""
    for entity in plan.protected_losses():
        yield ProtectedError(
            f"{entity} is protected and would be deleted or replaced",
            fix="set `protect: false` on it, apply, and then remove it",
        )
    yield from _single(plan, limits, allowed)
    names = [name for name in plan.lost_entities() if name not in allowed.named]
    lost, known = len(names), len({address.entity for address in plan.recorded})
    if (
        destroy
        or known < _FEW_ENTITIES
        or lost * 100 <= known * limits.max_delete_percent
        or allowed.deletions == lost
    ):
        return
    yield TooManyDeletionsError(
        f"{lost} of {known} entities would be deleted or replaced: {lost * 100 // known} %, "
        f"and limits.max_delete_percent is {limits.max_delete_percent}",
        why=f"they are {', '.join(names[:_FEW_ENTITIES])}{', …' if lost > _FEW_ENTITIES else ''}",
        fix=f"if that is meant, run the command with --allow deletes:{lost}",
    )


def unnamed_losses(plan: Plan, named: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of other entities than the named ones that the plan deletes or replaces."""
    own = set(named)
    return tuple(
        str(change.address)
        for change in plan.changes
        if change.action in {Action.DELETE, Action.REPLACE} and change.address.entity not in own
    )


def _single(plan: Plan, limits: Limits, allowed: Allowed) -> Iterator[RefusedError]:
    """Yield what is wrong with single changes."""
    for change in plan.changes:
        entity, why = change.address.entity, "; ".join(reason.text for reason in change.reasons)
        size = 0 if "trust" not in change.inputs else policy_size(trust_of(change.inputs))
        if size > limits.trust_policy_size:
            yield RefusedError(
                f"the trust policy of {entity} would have {size:,} characters; the limit is "
                f"{limits.trust_policy_size:,}",
                why="names of certificates in their overlap count too",
                fix="raise IAM's quota and limits.trust_policy_size, or change fewer hosts at a time",
            )
        if change.action is not Action.REPLACE or change.recorded is None:
            continue
        if change.address == INIT_STACK:
            yield RefusedError(
                "the base infrastructure cannot be replaced: the state is in its bucket",
                why=why,
                fix="finish what was begun with `iam-ra destroy`, or put its stack right in CloudFormation",
            )
        elif scope_of(entity) is not None and entity not in allowed.replacements:
            whose = "workload" if entity.startswith(CLUSTERS) else "host"
            yield ReplacementError(
                f"{change.address} would be replaced, and every {whose} of {entity} be locked out until it has its new files",
                why=f"{why}; a new trust anchor has another ARN, which {whose}s are configured with",
                fix=f"if that is meant, run the command with --allow replace:{entity}",
            )
