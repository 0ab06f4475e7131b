from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.engine.samples import Rules, known, only, part, plan_of, ref, said, seen, waits

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import FieldChange
from iam_ra.engine.errors import InternalError, StateError
from iam_ra.engine.part import UNKNOWN, Presence

if TYPE_CHECKING:
    from iam_ra.engine.part import Part


def test_what_is_only_in_the_file_is_created() -> None:
    change = only(plan_of([part("role/a:stack", {"size": 1})]))
    assert change.action is Action.CREATE
    assert said(change) == [(Cause.NEW, "new in the file")]
    assert change.inputs == {"size": 1}
    assert change.recorded is None


def test_what_is_the_same_everywhere_is_settled() -> None:
    plan = plan_of([part("role/a:stack", {"size": 1})], [known("role/a:stack", {"size": 1})])
    assert plan.is_empty
    assert plan.unchanged == 1


def test_an_edit_is_an_update_with_its_fields() -> None:
    before = known("role/a:stack", {"size": 1, "names": ["a", "b"], "deep": {"x": {"y": 1}}, "gone": 3})
    after = part("role/a:stack", {"size": 2, "names": ["a", "c", "b"], "deep": {"x": {"y": 2}}, "new": 4})
    change = only(plan_of([after], [before]))
    assert change.action is Action.UPDATE
    assert said(change) == [(Cause.EDITED, "changed in the file")]
    assert change.fields == (
        FieldChange("deep.x.y", 1, 2),
        FieldChange("gone", 3, None),
        FieldChange("names", None, "c"),
        FieldChange("new", None, 4),
        FieldChange("size", 1, 2),
    )


def test_a_new_input_without_a_value_changes_nothing() -> None:
    plan = plan_of([part("role/a:stack", {"boundary": None})], [known("role/a:stack")])
    assert plan.is_empty


def test_the_fields_of_a_creation_are_all_inputs_and_a_deletion_has_none() -> None:
    made = only(plan_of([part("role/a:stack", {"b": 1, "a": [2]})]))
    assert made.fields == (FieldChange("a", None, [2]), FieldChange("b", None, 1))
    assert only(plan_of([], [known("role/a:stack", {"b": 1})])).fields == ()


def test_a_reference_is_unknown_until_its_part_is_made() -> None:
    plan = plan_of([part("ca/a:stack"), part("role/a:stack", {"trust": [{"anchor": ref("ca/a:stack")}]})])
    role = plan.changes[1]
    assert role.inputs == {"trust": [{"anchor": UNKNOWN}]}
    assert waits(plan) == {"ca/a:stack": [], "role/a:stack": ["ca/a:stack"]}


@pytest.mark.parametrize("stable", [frozenset[str](), frozenset({"out"})])
def test_an_update_upstream_is_felt_downstream_unless_it_keeps_the_output(stable: frozenset[str]) -> None:
    recorded = [known("ca/a:stack", {"v": 1}, {"out": "arn"}), known("role/a:stack", {"anchor": "arn"})]
    desired = [part("ca/a:stack", {"v": 2}), part("role/a:stack", {"anchor": ref("ca/a:stack")})]
    plan = plan_of(desired, recorded, rules={"thing": Rules(stable=stable)})
    if stable:
        assert [str(change.address) for change in plan.changes] == ["ca/a:stack"]
    else:
        _, role = plan.changes
        assert role.action is Action.UPDATE
        assert said(role) == [(Cause.UPSTREAM, "follows ca/a:stack")]
        assert role.fields == (FieldChange("anchor", "arn", UNKNOWN),)


@pytest.mark.parametrize("broken", [False, True])
def test_a_replacement_keeps_no_output(broken: bool) -> None:
    recorded = [known("ca/a:stack", {}, {"out": "arn"}), known("role/a:stack", {"anchor": "arn"})]
    desired = [part("ca/a:stack"), part("role/a:stack", {"anchor": ref("ca/a:stack")})]
    stable = {"thing": Rules(stable=frozenset({"out"}))}
    observed = {"ca/a:stack": seen(Presence.BROKEN, "why") if broken else None}
    plan = plan_of(desired, recorded, observed, stable)
    assert [change.action for change in plan.changes] == [
        Action.REPLACE if broken else Action.CREATE,
        Action.UPDATE,
    ]


def test_what_changed_upstream_in_an_earlier_run_is_followed_too() -> None:
    recorded = [known("ca/a:stack", {}, {"out": "new"}), known("role/a:stack", {"anchor": "old"})]
    desired = [part("ca/a:stack"), part("role/a:stack", {"anchor": ref("ca/a:stack")})]
    change = only(plan_of(desired, recorded))
    assert said(change) == [(Cause.UPSTREAM, "follows ca/a:stack")]
    assert change.inputs == {"anchor": "new"}


def test_an_edit_beside_a_reference_is_an_edit_and_follows_nothing() -> None:
    recorded = [
        known("ca/a:stack", {}, {"out": "arn"}),
        known("role/a:stack", {"trust": [{"anchor": "arn", "names": ["x"]}]}),
    ]
    trust = [{"anchor": ref("ca/a:stack"), "names": ["x", "y"]}]
    change = only(plan_of([part("ca/a:stack"), part("role/a:stack", {"trust": trust})], recorded))
    assert said(change) == [(Cause.EDITED, "changed in the file")]
    assert change.fields == (FieldChange("trust.names", None, "y"),)


def test_entries_of_a_list_are_told_apart_by_what_they_have_in_common() -> None:
    first, second = {"anchor": "one", "names": ["x"]}, {"anchor": "two", "names": ["y"]}
    more = {"anchor": "two", "names": ["y", "z"]}
    gone = only(plan_of([part("a:x", {"trust": [second]})], [known("a:x", {"trust": [first, second]})]))
    assert gone.fields == (FieldChange("trust", first, None),)
    joined = only(plan_of([part("a:x", {"trust": [first, more]})], [known("a:x", {"trust": [second]})]))
    assert joined.fields == (FieldChange("trust", None, first), FieldChange("trust.names", None, "z"))
    # What is the same on both sides is nobody's other half.
    both = only(plan_of([part("a:x", {"trust": [second]})], [known("a:x", {"trust": [more, second]})]))
    assert both.fields == (FieldChange("trust", more, None),)
    # Without anything in common, by position.
    other = only(
        plan_of([part("a:x", {"trust": [{**first, "names": ["y"]}]})], [known("a:x", {"trust": [second]})])
    )
    assert other.fields == (FieldChange("trust.anchor", "two", "one"),)


def test_an_edit_that_brings_a_new_upstream_says_both() -> None:
    recorded = [known("ca/a:stack", {}, {"out": "arn"}), known("role/a:stack", {"trust": ["arn"]})]
    desired = [
        part("ca/a:stack"),
        part("ca/b:stack"),
        part("role/a:stack", {"trust": [ref("ca/a:stack"), ref("ca/b:stack")]}),
    ]
    _, role = plan_of(desired, recorded).changes
    assert said(role) == [(Cause.EDITED, "changed in the file"), (Cause.UPSTREAM, "follows ca/b:stack")]


def test_a_new_template_is_an_upgrade_not_an_edit() -> None:
    recorded = [known("role/a:stack", {"template": "1", "size": 1})]
    change = only(plan_of([part("role/a:stack", {"template": "2", "size": 1})], recorded))
    assert said(change) == [(Cause.UPGRADE, "this version of iam-ra makes it differently")]
    both = only(plan_of([part("role/a:stack", {"template": "2", "size": 2})], recorded))
    assert [cause for cause, _ in said(both)] == [Cause.EDITED, Cause.UPGRADE]


def test_drift_and_an_edit_are_both_said() -> None:
    plan = plan_of(
        [part("role/a:stack", {"v": 2})],
        [known("role/a:stack", {"v": 1}, {"digest": "d"})],
        {"role/a:stack": seen(digest="e")},
    )
    assert [cause for cause, _ in said(only(plan))] == [Cause.EDITED, Cause.DRIFTED]


def test_missing_is_created_and_broken_replaced() -> None:
    desired, recorded = [part("role/a:stack")], [known("role/a:stack")]
    missing = only(plan_of(desired, recorded, {"role/a:stack": None}))
    assert (missing.action, said(missing)[0][0]) == (Action.CREATE, Cause.MISSING)
    broken = only(plan_of(desired, recorded, {"role/a:stack": seen(Presence.BROKEN, "ROLLBACK_COMPLETE")}))
    assert (broken.action, said(broken)) == (Action.REPLACE, [(Cause.FAILED, "ROLLBACK_COMPLETE")])


@pytest.mark.parametrize(
    ("presence", "action"), [(Presence.PRESENT, Action.UPDATE), (Presence.BROKEN, Action.REPLACE)]
)
def test_what_a_killed_apply_left_is_taken_up(presence: Presence, action: Action) -> None:
    plan = plan_of([part("role/a:stack")], observed={"role/a:stack": seen(presence)})
    change = only(plan)
    assert change.action is action
    assert said(change)[0][0] is Cause.INTERRUPTED
    assert change.recorded is None
    assert not plan.lost_entities()


@pytest.mark.parametrize("presence", [Presence.PRESENT, Presence.BROKEN])
def test_an_orphan_is_deleted_by_what_can_be_seen_of_it(presence: Presence) -> None:
    change = only(plan_of(observed={"role/a:stack": seen(presence, digest="d")}))
    assert change.action is Action.DELETE
    assert said(change) == [(Cause.INTERRUPTED, "left by an interrupted apply, not in the file")]
    assert change.recorded is not None
    assert change.recorded.outputs["digest"] == "d"


def test_what_nobody_wants_and_is_not_ours_is_left_alone() -> None:
    assert plan_of(observed={"role/a:stack": seen(Presence.FOREIGN)}).is_empty


@pytest.mark.parametrize("is_recorded", [True, False])
def test_what_is_wanted_and_not_ours_is_a_conflict_without_a_change(is_recorded: bool) -> None:
    recorded = [known("role/a:stack", {"v": 1})] if is_recorded else []
    foreign = seen(Presence.FOREIGN, "a stack of that name exists")
    plan = plan_of([part("role/a:stack", {"v": 2})], recorded, {"role/a:stack": foreign})
    assert plan.is_empty
    (conflict,) = plan.conflicts
    assert conflict.text == "a stack of that name exists"


def test_a_fixed_input_cannot_change() -> None:
    rules = {"thing": Rules(fixed_inputs={"mode": "it would lock out every host"})}
    desired = [part("ca/a:certificate", {"mode": "b", "size": 2})]
    plan = plan_of(desired, [known("ca/a:certificate", {"mode": "a", "size": 1})], rules=rules)
    (conflict,) = plan.conflicts
    assert conflict.text == "mode cannot change from a to b: it would lock out every host"
    assert not plan_of(desired, rules=rules).conflicts


def test_protection_alone_is_only_recorded() -> None:
    on = only(plan_of([part("ca/a:x", protect=True)], [known("ca/a:x")]))
    assert on.record_only
    assert said(on) == [(Cause.EDITED, "protected from now on")]
    assert on.fields == (FieldChange("protect", False, True),)
    off = only(plan_of([part("ca/a:x")], [known("ca/a:x", protect=True)]))
    assert said(off) == [(Cause.EDITED, "no longer protected")]


def test_protection_with_an_edit_is_a_real_change() -> None:
    change = only(plan_of([part("ca/a:x", {"v": 2}, protect=True)], [known("ca/a:x", {"v": 1})]))
    assert not change.record_only
    assert [each.path for each in change.fields] == ["protect", "v"]


def test_a_change_of_protection_unsettles_nothing_downstream() -> None:
    recorded = [known("ca/a:x", {}, {"out": "arn"}), known("role/a:stack", {"anchor": "arn"})]
    desired = [part("ca/a:x", protect=True), part("role/a:stack", {"anchor": ref("ca/a:x")})]
    assert [str(change.address) for change in plan_of(desired, recorded).changes] == ["ca/a:x"]


def test_settled_parts_carry_the_wiring_of_the_file() -> None:
    plan = plan_of(
        [part("host/a:x", needs=["init:stack"], released_by=["role/b:stack"])], [known("host/a:x")]
    )
    (settled,) = plan.settled.values()
    assert [str(each) for each in (*settled.depends_on, *settled.released_by)] == [
        "init:stack",
        "role/b:stack",
    ]


def test_a_part_of_another_kind_under_the_same_address_is_a_bug() -> None:
    with pytest.raises(InternalError, match="changed its kind"):
        plan_of([part("a:x", kind="other")], [known("a:x")], rules={"other": Rules(), "thing": Rules()})


def test_two_parts_under_one_address_are_a_bug() -> None:
    with pytest.raises(InternalError, match="a:x"):
        plan_of([part("a:x", {"v": 1}), part("a:x", {"v": 2})])


def test_a_recorded_kind_that_nobody_knows_any_more_is_said() -> None:
    with pytest.raises(StateError, match="kind hologram") as error:
        plan_of([], [known("a:x", kind="hologram")])
    assert "newer" in error.value.fix


def test_parts_that_wait_for_each_other_are_a_bug() -> None:
    with pytest.raises(InternalError, match="wait for each other"):
        plan_of([part("a:x", needs=["b:x"]), part("b:x", needs=["a:x"])])


def test_a_losing_finding_makes_a_losing_change() -> None:
    plan = plan_of([], [known("role/a:stack"), known("role/b:stack")])
    assert plan.lost_entities() == ("role/a", "role/b")


def test_the_plan_does_not_depend_on_any_order() -> None:
    names = [f"host/{index}" for index in range(12)]
    desired = [part(f"{name}:{piece}", {"v": index}) for index, name in enumerate(names) for piece in "ab"]
    recorded = [known(f"host/{index}:a", {"v": 0}, needs=["host/30:a"]) for index in range(6, 18)]
    whole = plan_of(desired, recorded)
    shuffler = random.Random(7)  # noqa: S311
    for _ in range(5):
        shuffler.shuffle(desired)
        shuffler.shuffle(recorded)
        assert plan_of(desired, recorded).changes == whole.changes


DUE = Reason(Cause.RENEWAL, "its day has come")


def dated(inputs: dict[str, Any], **more: Any) -> Part:
    return replace(part("a:x", inputs), because=(DUE,), **more)


def test_a_reason_of_the_calendar_stands_in_for_an_edit() -> None:
    change = only(plan_of([dated({"v": 2})], [known("a:x", {"v": 1})]))
    assert said(change) == [(Cause.RENEWAL, DUE.text)]


@pytest.mark.parametrize(
    ("before", "causes"),
    [
        ({"names": ["old", "new"], "v": 1}, [Cause.RENEWAL]),
        ({"names": ["old"], "v": 1}, [Cause.RENEWAL, Cause.EDITED]),
        ({"names": ["old", "new"], "v": 2}, [Cause.RENEWAL, Cause.EDITED]),
        ({"names": ["new"], "v": 2}, [Cause.EDITED]),
    ],
)
def test_edits_show_beside_what_a_day_changed(before: dict[str, Any], causes: list[Cause]) -> None:
    wanted = dated({"names": ["new"], "v": 1}, undated={"names": ["old", "new"]})
    change = only(plan_of([wanted], [known("a:x", before)]))
    assert [cause for cause, _ in said(change)] == causes


def test_a_wish_changes_a_part_that_is_as_recorded() -> None:
    wish = Reason(Cause.REQUESTED, "asked for")
    wanted = replace(part("a:x", {"v": 1}), forced=(wish,))
    change = only(plan_of([wanted], [known("a:x", {"v": 1})]))
    assert (change.action, said(change)) == (Action.UPDATE, [(Cause.REQUESTED, "asked for")])
    # What is new is made anyway.
    assert said(only(plan_of([wanted]))) == [(Cause.NEW, "new in the file")]


def test_what_was_made_again_and_not_recorded_is_not_what_others_know() -> None:
    recorded = [known("a:x", outputs={"arn": "one"}), known("b:x", {"arn": "one"}, needs=["a:x"])]
    desired = [part("a:x"), part("b:x", {"arn": ref("a:x", "arn")})]
    rules = {"thing": Rules(stable=frozenset({"arn"}))}
    plan = plan_of(desired, recorded, {"a:x": seen(arn="two"), "b:x": seen()}, rules=rules)
    assert [str(change.address) for change in plan.changes] == ["a:x", "b:x"]
    assert plan.changes[1].inputs == {"arn": UNKNOWN}
