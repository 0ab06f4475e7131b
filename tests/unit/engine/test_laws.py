"""The laws on random worlds: plans converge, survive a kill at any step, and do not depend on the order of anything."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.engine.cloud import Cloud, carry_out
from tests.unit.engine.samples import KIND

from iam_ra.engine.address import Address
from iam_ra.engine.part import Part, Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVELS = 4
SLOTS = [
    Address(f"e{level}{entity}", part) for level in range(LEVELS) for entity in "ab" for part in ("p", "q")
]


def level_of(address: Address) -> int:
    return int(address.entity[1])


def releases(address: Address) -> bool:
    """Tell whether a slot is like a role: parts of the top level use it, and go only after it let go of them."""
    return address.entity == "e2b"


@st.composite
def files(draw: st.DrawFn) -> list[Part]:
    """Draw what a file may want: parts that use parts of lower levels; some of the top level are released by others."""
    wanted = draw(st.lists(st.sampled_from(SLOTS), unique=True))
    parts = []
    for address in wanted:
        below = [each for each in wanted if level_of(each) < level_of(address)]
        refs = draw(st.lists(st.sampled_from(below), unique=True, max_size=3)) if below else []
        needs = draw(st.lists(st.sampled_from(below), unique=True, max_size=2)) if below else []
        follows = draw(st.booleans())
        inputs = {
            "v": draw(st.integers(0, 2)),
            "uses": [{"from": Ref(each, "arn")} for each in refs],
            **({"digest": Ref(refs[0], "digest")} if refs and follows else {}),
        }
        used = {each for each in (*refs, *needs) if releases(each)}
        could = [each for each in below if releases(each)]
        more: set[Address] = draw(st.sets(st.sampled_from(could))) if could else set()
        protect = draw(st.integers(0, 9)) == 0
        parts.append(Part(address, KIND, inputs, tuple(needs), tuple(sorted(used | more)), protect))
    return parts


@st.composite
def meddling(draw: st.DrawFn) -> list[tuple[Address, str]]:
    """Draw what somebody else does to the world behind our back."""
    deeds = st.sampled_from(["delete", "edit", "break"])
    return draw(st.lists(st.tuples(st.sampled_from(SLOTS), deeds), max_size=4))


def meddle(cloud: Cloud, deeds: Sequence[tuple[Address, str]]) -> None:
    for address, deed in deeds:
        thing = cloud.things.get(address)
        if thing is None:
            continue
        if deed == "delete":
            del cloud.things[address]
        elif deed == "edit":
            thing.content = "edited"
        else:
            thing.broken = True


def assert_settled(cloud: Cloud, desired: Sequence[Part]) -> None:
    again = cloud.plan(desired)
    assert again.is_empty, [(str(change.address), change.action, change.reasons) for change in again.changes]
    assert again.unchanged == len(desired)
    assert cloud.things.keys() == cloud.state.keys() == {part.address for part in desired}


@settings(deadline=None, max_examples=150)
@given(files(), files(), meddling(), meddling())
def test_apply_converges_from_any_world_and_twice_is_once(
    first: list[Part], second: list[Part], before: list[tuple[Address, str]], after: list[tuple[Address, str]]
) -> None:
    cloud = Cloud()
    assert carry_out(cloud, cloud.plan(first)).complete
    assert_settled(cloud, first)
    meddle(cloud, before)
    assert carry_out(cloud, cloud.plan(second)).complete
    assert_settled(cloud, second)
    meddle(cloud, after)
    assert carry_out(cloud, cloud.plan(second)).complete
    assert_settled(cloud, second)
    assert carry_out(cloud, cloud.plan([])).complete
    assert not cloud.things
    assert not cloud.state


@settings(deadline=None, max_examples=150)
@given(files(), files(), meddling(), st.lists(st.integers(0, 20), max_size=4))
def test_killed_at_any_step_the_next_apply_converges(
    first: list[Part], second: list[Part], deeds: list[tuple[Address, str]], kills: list[int]
) -> None:
    cloud = Cloud()
    for steps in kills[:2]:
        carry_out(cloud, cloud.plan(first), steps)
    meddle(cloud, deeds)
    for steps in kills[2:]:
        carry_out(cloud, cloud.plan(second), steps)
    assert carry_out(cloud, cloud.plan(second)).complete
    assert_settled(cloud, second)


@settings(deadline=None, max_examples=100)
@given(files(), files(), meddling(), st.integers())
def test_the_order_of_parts_never_changes_the_plan(
    first: list[Part], second: list[Part], deeds: list[tuple[Address, str]], seed: int
) -> None:
    cloud = Cloud()
    carry_out(cloud, cloud.plan(first))
    meddle(cloud, deeds)
    plan = cloud.plan(second)
    shuffler = random.Random(seed)  # noqa: S311
    shuffled = shuffler.sample(second, len(second))
    cloud.state = dict(shuffler.sample(list(cloud.state.items()), len(cloud.state)))
    cloud.things = dict(shuffler.sample(list(cloud.things.items()), len(cloud.things)))
    assert cloud.plan(shuffled).changes == plan.changes


@settings(deadline=None, max_examples=100)
@given(files(), files(), meddling())
def test_changes_stand_after_those_that_they_wait_for(
    first: list[Part], second: list[Part], deeds: list[tuple[Address, str]]
) -> None:
    cloud = Cloud()
    carry_out(cloud, cloud.plan(first))
    meddle(cloud, deeds)
    passed: set[Address] = set()
    for change in cloud.plan(second).changes:
        assert passed.issuperset(change.after)
        passed.add(change.address)
