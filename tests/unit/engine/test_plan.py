from __future__ import annotations

import pytest
from tests.unit.engine.samples import at, known, part, plan_of, ref, seen, waits

from iam_ra.engine.action import Action
from iam_ra.engine.address import Address
from iam_ra.engine.part import UNKNOWN, digest, has_unknown, references, resolve


def test_a_split_waits_for_nothing_of_the_other_half() -> None:
    plan = plan_of([part("init:stack"), part("a:x", needs=["init:stack"]), part("b:x", needs=["a:x"])])
    first, others = plan.split(frozenset({at("init:stack")}))
    assert waits(first) == {"init:stack": []}
    assert waits(others) == {"a:x": [], "b:x": ["a:x"]}
    assert others.recorded is plan.recorded


def test_the_summary_is_what_happens_to_which_part() -> None:
    one = plan_of([part("a:x", {"v": 1})])
    other = plan_of([part("a:x", {"v": 2})])
    assert one.summary() == other.summary() == {(at("a:x"), Action.CREATE)}
    assert plan_of([], [known("a:x")]).summary() != one.summary()


def test_counts_and_unchanged() -> None:
    plan = plan_of(
        [part("a:x"), part("b:x", {"v": 2}), part("c:x")],
        [known("b:x", {"v": 1}), known("c:x"), known("d:x")],
    )
    assert dict(plan.counts) == {Action.CREATE: 1, Action.UPDATE: 1, Action.DELETE: 1}
    assert plan.unchanged == 1


def test_lost_are_recorded_entities_once_each() -> None:
    plan = plan_of([part("b:x")], [known("a:x"), known("a:y"), known("b:x")])
    assert plan.lost_entities() == ("a",)


def test_what_a_killed_apply_left_is_no_loss() -> None:
    plan = plan_of(observed={"a:x": seen()})
    assert [change.action for change in plan.changes] == [Action.DELETE]
    assert plan.lost_entities() == ()


def test_protection_is_judged_by_the_recorded_flag_of_any_part() -> None:
    recorded = [known("a:x", protect=True), known("a:y"), known("b:x")]
    assert plan_of([], recorded).protected_losses() == ("a",)
    kept = plan_of([part("a:x", protect=True), part("a:y"), part("b:x")], recorded)
    assert kept.protected_losses() == ()


def test_references_are_found_and_resolved_at_any_depth() -> None:
    value = {"a": [ref("x:y"), {"b": (ref("x:z"), 1)}], "c": ref("x:y")}
    assert [each.address.part for each in references(value)] == ["y", "z", "y"]
    assert resolve(value, lambda each: each.address.part) == {"a": ["y", {"b": ["z", 1]}], "c": "y"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"a": [{"b": UNKNOWN}]}, True), ({"a": ["(known after apply)"]}, False), (3, False)],
)
def test_unknown_is_found_at_any_depth(value: object, expected: bool) -> None:
    assert has_unknown(value) is expected


def test_a_digest_depends_on_values_not_on_their_order() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})


def test_addresses_are_read_as_they_are_written() -> None:
    address = Address("workload/prod/payments/api", "certificate")
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "host/a", "host/a:", ":part"])
def test_an_address_needs_both_halves(text: str) -> None:
    with pytest.raises(ValueError, match="entity:part"):
        Address.parse(text)
