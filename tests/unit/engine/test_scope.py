"""A part of a plan: what is named, what it needs, what is left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.engine.samples import at, known, part, plan_of, ref, seen

from iam_ra.engine.errors import UsageError
from iam_ra.engine.part import Presence
from iam_ra.engine.plan import Conflict
from iam_ra.engine.scope import WHOLE, Scope, within

if TYPE_CHECKING:
    from iam_ra.engine.plan import Plan


def chain() -> Plan:
    """Return a plan of ca ─▶ role ─▶ nothing, and ca ─▶ host ─▶ its secrets; and one host to delete."""
    return plan_of(
        [
            part("ca/a:stack"),
            part("role/r:stack", {"arn": ref("ca/a:stack")}),
            part("host/w:certificate", {"arn": ref("ca/a:stack")}),
            part("host/w:secrets", {"serial": ref("host/w:certificate")}),
            part("host/same:certificate"),
        ],
        [known("host/gone:certificate"), known("host/same:certificate")],
    )


def made(plan: Plan) -> set[str]:
    return {str(change.address) for change in plan.changes}


def test_without_names_the_plan_is_whole() -> None:
    plan = chain()
    assert within(plan, WHOLE) == (plan, ())


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ca/a", {"ca/a:stack"}),
        ("role/r", {"ca/a:stack", "role/r:stack"}),
        ("host/w:certificate", {"ca/a:stack", "host/w:certificate"}),
        ("host/w", {"ca/a:stack", "host/w:certificate", "host/w:secrets"}),
        ("host/gone", {"host/gone:certificate"}),
        ("host/same", set()),
    ],
)
def test_a_target_brings_what_it_needs_and_nothing_else(target: str, expected: set[str]) -> None:
    plan, _ = within(chain(), Scope(targets=frozenset({target})))
    assert made(plan) == expected
    assert made(plan) | {str(each.address) for each in plan.left_out} == made(chain())


def test_what_is_taken_along_and_what_is_left_behind_is_said() -> None:
    _, lines = within(chain(), Scope(targets=frozenset({"host/w:certificate"})))
    assert lines == (
        "ca/a:stack is taken along: host/w:certificate cannot do without",
        "left out although they follow from what is made: host/w:secrets, role/r:stack",
    )


def test_what_is_excluded_takes_its_dependents_with_it() -> None:
    plan, lines = within(chain(), Scope(excluded=frozenset({"host/w:certificate"})))
    assert made(plan) == {"ca/a:stack", "role/r:stack", "host/gone:certificate"}
    assert "host/w:secrets is left out, too: it cannot do without host/w:certificate" in lines
    nothing, _ = within(chain(), Scope(excluded=frozenset({"ca/a"})))
    assert made(nothing) == {"host/gone:certificate"}


def test_a_target_that_needs_what_is_excluded_is_left_out() -> None:
    plan, lines = within(chain(), Scope(frozenset({"host/w"}), frozenset({"ca/a"})))
    assert made(plan) == set()
    assert any("host/w:certificate is left out, too" in line for line in lines)


@pytest.mark.parametrize("scope", [Scope(frozenset({"host/x"})), Scope(excluded=frozenset({"w"}))])
def test_a_name_that_nobody_knows_is_refused(scope: Scope) -> None:
    with pytest.raises(UsageError, match="neither in the file nor in the state"):
        within(chain(), scope)


def test_conflicts_elsewhere_hold_a_target_up_no_more() -> None:
    plan = plan_of(
        [part("ca/a:stack"), part("role/r:stack")],
        observed={"role/r:stack": seen(Presence.FOREIGN, "not ours")},
    )
    assert len(plan.conflicts) == 1
    assert not within(plan, Scope(frozenset({"ca/a"})))[0].conflicts
    assert within(plan, Scope(frozenset({"role/r"})))[0].conflicts
    assert not within(plan, Scope(excluded=frozenset({"role/r"})))[0].conflicts


def test_a_conflict_that_spreads_holds_every_target_up() -> None:
    plan = plan_of([part("ca/a:stack"), part("role/r:stack")])
    plan = replace(plan, conflicts=(Conflict(at("host/h:certificate"), "another's name", spreads=True),))
    assert within(plan, Scope(frozenset({"role/r"})))[0].conflicts
    assert within(plan, Scope(excluded=frozenset({"ca/a"})))[0].conflicts


def test_what_everything_stands_on_is_always_taken_along() -> None:
    plan = plan_of([part("init:stack"), part("role/r:stack"), part("role/s:stack")])
    narrowed, lines = within(plan, Scope(frozenset({"role/r"}), frozenset({"init"})), at("init:stack"))
    assert made(narrowed) == {"init:stack", "role/r:stack"}
    assert not lines
    nothing, _ = within(plan, Scope(excluded=frozenset({"role/r", "role/s"})), at("init:stack"))
    assert made(nothing) == {"init:stack"}


def test_followers_of_what_is_there_already_come_along() -> None:
    desired = [
        part("role/r:stack", {"arn": "new"}),
        part("host/w:aws-config", {"role": ref("role/r:stack")}),
        part("host/new:aws-config", {"role": ref("role/r:stack")}),
        part("role/other:stack"),
        part("host/both:aws-config", {"role": ref("role/r:stack"), "more": ref("role/other:stack")}),
        part("host/w:certificate"),
        part("host/both:certificate"),
    ]
    recorded = [
        known("role/r:stack", {"arn": "old"}),
        known("host/w:certificate"),
        known("host/both:certificate"),
    ]
    whole = plan_of(desired, recorded)
    plan, lines = within(whole, Scope(targets=frozenset({"role/r"}), with_followers=True))
    assert made(plan) == {"role/r:stack", "host/w:aws-config"}
    assert lines == ()
    plan, _ = within(whole, Scope(targets=frozenset({"role/r"})))
    assert made(plan) == {"role/r:stack"}
