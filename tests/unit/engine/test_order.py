from __future__ import annotations

from tests.unit.engine.samples import NOW, at, known, part, plan_of, ref, seen, waits

from iam_ra.engine.action import Action
from iam_ra.engine.diff import make_plan
from iam_ra.engine.graph import order
from iam_ra.engine.part import Presence


def test_equals_stand_in_the_order_of_addresses_whatever_order_they_come_in() -> None:
    before = {at("c:x"): [at("z:x")], at("a:x"): [], at("z:x"): [], at("b:x"): [at("unknown:x")]}
    expected = [at("a:x"), at("b:x"), at("z:x"), at("c:x")]
    assert order(before) == expected
    assert order(dict(reversed(before.items()))) == expected


def test_a_deletion_waits_for_whatever_used_the_part() -> None:
    recorded = [known("ca/a:stack"), known("role/a:stack", needs=["ca/a:stack"])]
    assert waits(plan_of([], recorded)) == {"role/a:stack": [], "ca/a:stack": ["role/a:stack"]}


def test_a_deletion_waits_for_the_update_that_stops_using_the_part() -> None:
    recorded = [known("ca/a:stack"), known("role/a:stack", {"anchor": "arn"}, needs=["ca/a:stack"])]
    plan = plan_of([part("role/a:stack", {"anchor": None})], recorded)
    assert waits(plan) == {"role/a:stack": [], "ca/a:stack": ["role/a:stack"]}


def test_a_deletion_waits_for_what_must_release_it_even_if_it_used_that() -> None:
    recorded = [
        known("role/a:stack", {"trust": ["web"]}),
        known("host/web:sops", needs=["role/a:stack"], released_by=["role/a:stack"]),
    ]
    updated = plan_of([part("role/a:stack", {"trust": []})], recorded)
    assert waits(updated) == {"role/a:stack": [], "host/web:sops": ["role/a:stack"]}
    destroyed = plan_of([], recorded)
    assert waits(destroyed) == {"role/a:stack": [], "host/web:sops": ["role/a:stack"]}


def test_a_deletion_waits_for_the_rest_of_its_entity() -> None:
    recorded = [known("host/a:stack"), known("host/a:sops", {"path": "x"}), known("host/b:stack")]
    plan = plan_of([part("host/a:sops", {"path": "y"})], recorded)
    assert waits(plan) == {
        "host/a:sops": [],
        "host/a:stack": ["host/a:sops"],
        "host/b:stack": [],
    }


def test_deletions_of_one_entity_do_not_wait_for_each_other_without_a_reason() -> None:
    recorded = [known("host/a:certificate"), known("host/a:secrets", needs=["host/a:certificate"])]
    assert waits(plan_of([], recorded)) == {
        "host/a:secrets": [],
        "host/a:certificate": ["host/a:secrets"],
    }


def test_a_change_waits_only_for_what_changes() -> None:
    recorded = [known("init:stack", outputs={"out": "key"})]
    plan = plan_of([part("init:stack"), part("host/a:stack", {"key": ref("init:stack")})], recorded)
    assert waits(plan) == {"host/a:stack": []}


def test_a_replacement_is_waited_for_like_a_creation() -> None:
    recorded = [known("ca/a:stack"), known("role/a:stack", {"v": 1}, needs=["ca/a:stack"])]
    broken = {"ca/a:stack": seen(Presence.BROKEN)}
    plan = plan_of(
        [part("ca/a:stack"), part("role/a:stack", {"v": 2}, needs=["ca/a:stack"])], recorded, broken
    )
    assert [change.action for change in plan.changes] == [Action.REPLACE, Action.UPDATE]
    assert waits(plan) == {"ca/a:stack": [], "role/a:stack": ["ca/a:stack"]}


def test_an_empty_world_gives_an_empty_plan() -> None:
    assert make_plan([], {}, {}, {}, NOW).is_empty
