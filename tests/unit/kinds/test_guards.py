"""What a plan may not do without being asked for in so many words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.engine.samples import Rules, known, part, plan_of, seen

from iam_ra.config.model import Limits
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import ProtectedError, TooManyDeletionsError
from iam_ra.engine.part import Presence
from iam_ra.operations import guards

if TYPE_CHECKING:
    from iam_ra.engine.errors import RefusedError
    from iam_ra.engine.plan import Plan

LOSING = Rules(finding=Finding(Action.REPLACE, (Reason(Cause.FAILED, "broken"),), losing=True))


def refusals(
    plan: Plan, percent: int = 30, allowed: int | None = None, *, destroy: bool = False
) -> list[RefusedError]:
    return list(guards.refusals(plan, Limits(percent, 2048), guards.Allowed(allowed), destroy=destroy))


def losing(lost: int, of: int) -> Plan:
    recorded = [known(f"host/{n:03}:{piece}") for n in range(of) for piece in ("certificate", "stack")]
    kept = [part(f"host/{n:03}:{piece}") for n in range(lost, of) for piece in ("certificate", "stack")]
    return plan_of(kept, recorded)


@pytest.mark.parametrize(
    ("lost", "of", "refused"),
    [
        (0, 20, False),
        (3, 10, False),
        (4, 10, True),
        (9, 9, False),
        (31, 100, True),
        (30, 100, False),
        (10, 10, True),
    ],
)
def test_too_many_deletions_are_refused_from_ten_entities_on(lost: int, of: int, refused: bool) -> None:
    found = refusals(losing(lost, of))
    assert [type(each) for each in found] == [TooManyDeletionsError] * refused


def test_the_refusal_says_how_many_and_how_to_agree() -> None:
    (found,) = refusals(losing(12, 20))
    assert found.exit_code == 4
    assert "12 of 20" in found.what
    assert "60 %" in found.what
    assert "host/000" in found.why
    assert found.why.endswith("…")
    assert "--allow deletes:12" in found.fix


@pytest.mark.parametrize(("allowed", "refused"), [(12, False), (11, True), (13, True), (0, True)])
def test_only_the_exact_number_is_consent(allowed: int, refused: bool) -> None:
    assert bool(refusals(losing(12, 20), allowed=allowed)) is refused


@pytest.mark.parametrize(("percent", "refused"), [(0, True), (4, True), (5, False), (100, False)])
def test_the_limit_is_the_files(percent: int, refused: bool) -> None:
    assert bool(refusals(losing(1, 20), percent)) is refused


def test_a_destroy_is_what_it_says() -> None:
    assert not refusals(losing(20, 20), destroy=True)


def test_creations_updates_and_what_a_killed_apply_left_are_no_losses() -> None:
    recorded = [known(f"host/{n}:x", {"v": 1}) for n in range(10)]
    desired = [part(f"host/{n}:x", {"v": 2}) for n in range(10)] + [part(f"new/{n}:x") for n in range(10)]
    left = {f"left/{n}:x": seen() for n in range(10)}
    assert not refusals(plan_of(desired, recorded, left), 0)


def test_a_part_that_goes_from_an_entity_that_stays_is_no_loss() -> None:
    recorded = [
        known(f"host/{n}:{piece}", protect=True) for n in range(10) for piece in ("certificate", "stack")
    ]
    kept = [part(f"host/{n}:certificate", protect=True) for n in range(10)]
    assert not refusals(plan_of(kept, recorded), 0)


def test_replacements_that_lose_something_count() -> None:
    recorded = [known(f"host/{n}:x") for n in range(10)]
    desired = [part(f"host/{n}:x") for n in range(10)]
    assert refusals(plan_of(desired, recorded, rules={"thing": LOSING}))
    broken = {f"host/{n}:x": seen(Presence.BROKEN) for n in range(10)}
    assert not refusals(plan_of(desired, recorded, broken))


@pytest.mark.parametrize("destroy", [True, False])
def test_what_is_protected_stays_whatever_is_allowed(destroy: bool) -> None:
    plan = plan_of([part("host/b:x")], [known("host/a:x", protect=True), known("host/b:x")])
    (found,) = refusals(plan, 100, 1, destroy=destroy)
    assert isinstance(found, ProtectedError)
    assert "host/a is protected" in found.what
    assert "protect: false" in found.fix


def test_protection_is_taken_off_first_and_then_the_entity_may_go() -> None:
    recorded = [known("host/a:x", protect=True)]
    assert not refusals(plan_of([part("host/a:x")], recorded))
    assert refusals(plan_of([], recorded))
    assert not refusals(plan_of([], [known("host/a:x")]))


def test_every_protected_entity_is_named() -> None:
    recorded = [known(f"host/{n}:x", protect=True) for n in range(3)]
    assert len(refusals(plan_of([], recorded))) == 3
