"""A plan narrowed: to chosen changes, and to what time alone has brought about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.engine.samples import Rules, at, known, part, plan_of, ref, seen, waits

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import Finding
from iam_ra.engine.renewals import renewals

if TYPE_CHECKING:
    from iam_ra.engine.plan import Plan

DUE = Finding(Action.UPDATE, (Reason(Cause.RENEWAL, "due"),))
LOST = Finding(Action.UPDATE, (Reason(Cause.KEY_LOST, "lost"),))


def addresses(plan: Plan) -> set[str]:
    return {str(change.address) for change in plan.changes}


def left(plan: Plan) -> set[str]:
    return {str(change.address) for change in plan.left_out}


def world(
    *, role: int = 1, size: int = 1, mode: str = "", finding: Finding = DUE, stable: bool = True
) -> Plan:
    """Plan hosts a and b, whose files are made from their certificates and a role's ARN; all certificates are due."""
    desired, recorded = [part("role/r:stack", {"v": role})], [known("role/r:stack", {"v": 1}, {"arn": "r"})]
    for name in "ab":
        own = size if name == "a" else 1
        desired += [
            replace(part(f"host/{name}:certificate", {"size": own}), kind="leaf"),
            part(
                f"host/{name}:file",
                {
                    "serial": ref(f"host/{name}:certificate", "serial"),
                    "role": ref("role/r:stack", "arn"),
                    **({"mode": mode} if mode else {}),
                },
            ),
        ]
        recorded += [
            known(f"host/{name}:certificate", {"size": 1}, {"serial": "1"}, kind="leaf"),
            known(f"host/{name}:file", {"serial": "1", "role": "r"}),
        ]
    rules = {"leaf": Rules(finding=finding), "thing": Rules(stable=frozenset({"arn"} if stable else ()))}
    return plan_of(desired, recorded, rules=rules)


ALL = {f"host/{name}:{piece}" for name in "ab" for piece in ("certificate", "file")}


def test_what_is_due_and_what_follows_from_it_is_kept() -> None:
    plan, undone = renewals(world())
    assert (addresses(plan), left(plan), undone) == (ALL, set(), ())
    assert plan == world()


def test_an_edit_elsewhere_waits_and_is_in_nobodys_way() -> None:
    plan, undone = renewals(world(role=2))
    assert (addresses(plan), left(plan), undone) == (ALL, {"role/r:stack"}, ())
    assert waits(plan)["host/a:file"] == ["host/a:certificate"]
    # What is settled keeps the wiring that is recorded.
    assert all(plan.recorded[address] is each for address, each in plan.settled.items())


def test_what_needs_an_edit_that_is_left_out_is_left_out_with_its_whole_host() -> None:
    plan, undone = renewals(world(role=2, stable=False))
    assert (addresses(plan), left(plan)) == (set(), {*ALL, "role/r:stack"})
    assert undone == tuple(f"host/{name} is due, but needs role/r:stack, which is left out" for name in "ab")


def test_a_host_that_was_edited_too_is_left_out_whole() -> None:
    plan, undone = renewals(world(size=2))
    assert left(plan) == {"host/a:certificate", "host/a:file"}
    assert undone == ("host/a is due, but has other changes too (certificate)",)
    plan, undone = renewals(world(mode="x"))
    assert addresses(plan) == set()
    assert undone[0] == "host/a is due, but has other changes too (file)"


def test_a_lost_key_is_made_good_but_is_nothing_that_was_due() -> None:
    plan, undone = renewals(world(finding=LOST))
    assert (addresses(plan), undone) == (ALL, ())
    plan, undone = renewals(world(finding=LOST, size=2))
    assert (left(plan), undone) == ({"host/a:certificate", "host/a:file"}, ())


def test_what_others_did_to_the_world_is_repaired_only_where_it_is_due() -> None:
    desired = [part("a:x"), part("b:x")]
    recorded = [known("a:x"), known("b:x")]
    plan, undone = renewals(plan_of(desired, recorded, {"a:x": None, "b:x": seen(drift=1)}))
    assert (addresses(plan), left(plan), undone) == (set(), {"a:x", "b:x"}, ())


def test_what_a_killed_run_left_is_finished() -> None:
    desired = [part("a:certificate"), part("a:file", {"serial": ref("a:certificate", "serial")})]
    recorded = [known("a:certificate", outputs={"serial": "2"}), known("a:file", {"serial": "1"})]
    plan, _ = renewals(plan_of(desired, recorded))
    assert addresses(plan) == {"a:file"}


def test_a_deletion_is_not_made_before_what_it_waits_for() -> None:
    recorded = [known("a:x"), known("b:x", needs=["a:x"])]
    plan = plan_of([], recorded).selected(frozenset({at("a:x")}))
    assert (addresses(plan), left(plan)) == (set(), {"a:x", "b:x"})


def test_new_things_are_not_made_without_what_is_new_before_them() -> None:
    plan = plan_of([part("a:x"), part("b:x", needs=["a:x"]), part("c:x")])
    assert addresses(plan.selected(frozenset({at("b:x"), at("c:x")}))) == {"c:x"}
    assert addresses(plan.selected(frozenset({at("a:x"), at("b:x")}))) == {"a:x", "b:x"}
