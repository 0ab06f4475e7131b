from __future__ import annotations

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.engine.samples import Rules, all_at, at, known, part, plan_of, ref

from iam_ra.engine.errors import AwsError, InternalError, StateError
from iam_ra.engine.events import Done, Event, Failed, Started
from iam_ra.engine.execute import Executor, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Part, Recorded
    from iam_ra.engine.plan import Change, Plan

SECONDS = 10


class Actor:
    """Counts who works at once, and does at each address what a test asks for."""

    def __init__(self, deeds: Mapping[str, Callable[[], Any]] | None = None, *, slow: float = 0) -> None:
        self.deeds = deeds or {}
        self.slow = slow
        self.applied: dict[str, Mapping[str, Any]] = {}
        self.recorded: dict[Address, Recorded | None] = {}
        self.most: defaultdict[str | None, int] = defaultdict(int)
        self._now: defaultdict[str | None, int] = defaultdict(int)
        self._guard = threading.Lock()
        self.refuses_to_record: str | None = None

    def apply(self, change: Change, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        groups = ("all", change.pool)
        with self._guard:
            self.applied[str(change.address)] = inputs
            for group in groups:
                self._now[group] += 1
                self.most[group] = max(self.most[group], self._now[group])
        try:
            time.sleep(self.slow)
            result = self.deeds.get(str(change.address), lambda: None)()
            return result if isinstance(result, Mapping) else {"out": f"made {change.address}"}
        finally:
            with self._guard:
                for group in groups:
                    self._now[group] -= 1

    def record(self, address: Address, part: Recorded | None) -> None:
        if str(address) == self.refuses_to_record:
            raise StateError("somebody else wrote the state meanwhile")
        self.recorded[address] = part


def fails() -> None:
    raise AwsError("no")


def breaks() -> None:
    raise ZeroDivisionError("oops")


def carry_out(
    plan: Plan, actor: Actor, *, parallelism: int = 10, pools: Mapping[str, int] | None = None
) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    outcome = Executor(actor, events.append, parallelism=parallelism, pools=pools or {}).run(plan)
    return outcome, events


def skipped(outcome: Outcome) -> dict[str, tuple[Address, ...]]:
    return {str(each.change.address): each.because for each in outcome.skipped}


def done(outcome: Outcome) -> set[str]:
    return {str(change.address) for change in outcome.done}


def test_an_empty_plan_is_complete() -> None:
    outcome, events = carry_out(plan_of(), Actor())
    assert outcome.complete
    assert not events


def test_references_are_resolved_and_the_result_is_recorded() -> None:
    actor = Actor()
    desired = [
        part("a:x"),
        part("b:x", {"deep": [ref("a:x")]}, needs=["init:s"], released_by=["c:x"], protect=True),
    ]
    outcome, events = carry_out(plan_of(desired), actor)
    assert outcome.complete
    assert actor.applied["b:x"] == {"deep": ["made a:x"]}
    kept = actor.recorded[at("b:x")]
    assert kept is not None
    assert kept == known(
        "b:x",
        {"deep": ["made a:x"]},
        {"out": "made b:x"},
        needs=["a:x", "init:s"],
        released_by=["c:x"],
        protect=True,
    )
    assert [
        (type(event), str(event.change.address)) for event in events if isinstance(event, Started | Done)
    ] == [
        (Started, "a:x"),
        (Done, "a:x"),
        (Started, "b:x"),
        (Done, "b:x"),
    ]


def test_references_to_settled_parts_come_from_the_state() -> None:
    actor = Actor()
    carry_out(
        plan_of([part("a:x"), part("b:x", {"v": ref("a:x")})], [known("a:x", {}, {"out": "kept"})]), actor
    )
    assert actor.applied == {"b:x": {"v": "kept"}}


def test_a_deletion_is_recorded_as_gone() -> None:
    actor = Actor()
    carry_out(plan_of([], [known("a:x", {"v": 1})]), actor)
    assert actor.applied == {"a:x": {"v": 1}}
    assert actor.recorded == {at("a:x"): None}


def test_what_only_the_state_has_to_learn_is_not_applied() -> None:
    actor = Actor()
    before = known("a:x", {}, {"out": 1})
    carry_out(plan_of([part("a:x", protect=True)], [before]), actor)
    assert not actor.applied
    assert actor.recorded == {at("a:x"): known("a:x", {}, {"out": 1}, protect=True)}


def test_an_output_that_was_not_given_is_a_bug_that_names_it() -> None:
    plan = plan_of([part("a:x"), part("b:x", {"v": ref("a:x", "arn")})])
    outcome, _ = carry_out(plan, Actor())
    (failed,) = outcome.failed
    assert isinstance(failed.error, InternalError)
    assert "a:x gave no output arn" in failed.error.what


def test_after_a_failure_what_depends_on_it_is_skipped_and_the_rest_goes_on() -> None:
    desired = [
        part("a:x"),
        part("b:x", needs=["a:x"]),
        part("c:x", needs=["b:x"]),
        part("d:x"),
        part("e:x", needs=["d:x"]),
    ]
    actor = Actor({"a:x": fails})
    outcome, events = carry_out(plan_of(desired), actor)
    assert not outcome.complete
    assert [str(each.change.address) for each in outcome.failed] == ["a:x"]
    assert skipped(outcome) == {"b:x": all_at("a:x"), "c:x": all_at("b:x")}
    assert done(outcome) == {"d:x", "e:x"}
    assert set(map(str, actor.recorded)) == {"d:x", "e:x"}
    assert [type(event) for event in events].count(Failed) == 1


def test_a_deletion_is_skipped_when_the_release_fails() -> None:
    recorded = [
        known("role/a:stack", {"trust": ["web"]}),
        known("host/web:stack", released_by=["role/a:stack"]),
    ]
    plan = plan_of([part("role/a:stack", {"trust": []})], recorded)
    outcome, _ = carry_out(plan, Actor({"role/a:stack": fails}))
    assert skipped(outcome) == {"host/web:stack": all_at("role/a:stack")}


def test_what_is_no_error_of_ours_is_shown_as_a_bug_with_its_cause() -> None:
    outcome, _ = carry_out(plan_of([part("a:x")]), Actor({"a:x": breaks}))
    (failed,) = outcome.failed
    assert isinstance(failed.error, InternalError)
    assert failed.error.what == "a:x: ZeroDivisionError: oops"
    assert isinstance(failed.error.__cause__, ZeroDivisionError)


def test_a_change_that_cannot_be_recorded_failed() -> None:
    actor = Actor()
    actor.refuses_to_record = "a:x"
    outcome, _ = carry_out(plan_of([part("a:x"), part("b:x", needs=["a:x"]), part("c:x")]), actor)
    assert [type(each.error) for each in outcome.failed] == [StateError]
    assert set(skipped(outcome)) == {"b:x"}
    assert done(outcome) == {"c:x"}


@pytest.mark.parametrize("parallelism", [1, 3])
def test_no_more_than_so_many_at_once(parallelism: int) -> None:
    actor = Actor(slow=0.005)
    outcome, _ = carry_out(plan_of([part(f"a:{n}") for n in range(12)]), actor, parallelism=parallelism)
    assert len(outcome.done) == 12
    assert actor.most["all"] == parallelism


def test_nothing_is_said_to_have_started_that_still_has_to_wait() -> None:
    desired = [part(f"a:{n}", kind=kind) for n, kind in enumerate(["pooled", "free"] * 5)]
    plan = plan_of(desired, rules={"pooled": Rules(pool="rolesanywhere"), "free": Rules()})
    _, events = carry_out(plan, Actor(slow=0.002), parallelism=3, pools={"rolesanywhere": 2})
    under_way = 0
    for event in events:
        under_way += 1 if isinstance(event, Started) else -1
        assert under_way <= 3


def test_a_pool_is_never_passed_and_does_not_hold_up_the_others() -> None:
    desired: list[Part] = [part(f"a:{n}", kind="slow") for n in range(8)]
    desired += [part(f"b:{n}", kind="free") for n in range(8)]
    actor = Actor(slow=0.005)
    rules = {"slow": Rules(pool="rolesanywhere"), "free": Rules()}
    plan = plan_of(desired, rules=rules)
    outcome, _ = carry_out(plan, actor, parallelism=6, pools={"rolesanywhere": 2})
    assert len(outcome.done) == 16
    assert actor.most["rolesanywhere"] == 2
    assert actor.most[None] >= 4
    assert actor.most["all"] <= 6


def test_a_part_starts_as_soon_as_its_own_needs_are_done() -> None:
    reached = threading.Event()

    def waits_for_the_other_branch() -> None:
        assert reached.wait(SECONDS)

    # In batches, b would wait for a, and a for b.
    actor = Actor({"a:x": waits_for_the_other_branch, "b:y": reached.set})
    outcome, _ = carry_out(plan_of([part("a:x"), part("b:x"), part("b:y", needs=["b:x"])]), actor)
    assert outcome.complete


def test_each_change_starts_after_those_it_waits_for_are_done() -> None:
    desired = [
        part(f"{level}:{n}", needs=[f"{level - 1}:{m}" for m in range(n + 1)] if level else [])
        for level in range(4)
        for n in range(4)
    ]
    plan = plan_of(desired)
    outcome, events = carry_out(plan, Actor(slow=0.001), parallelism=4)
    assert outcome.complete
    finished: set[Address] = set()
    for event in events:
        if isinstance(event, Started):
            assert finished.issuperset(event.change.after)
        elif isinstance(event, Done):
            finished.add(event.change.address)
    assert len(finished) == 16


def test_skipping_a_plan_says_so_for_each_change() -> None:
    events: list[Event] = []
    outcome = Executor.skip(plan_of([part("a:x"), part("b:x")]), all_at("init:stack"), events.append)
    assert skipped(outcome) == {"a:x": all_at("init:stack"), "b:x": all_at("init:stack")}
    assert len(events) == 2


def test_outcomes_add_up() -> None:
    plan = plan_of([part("a:x"), part("b:x")])
    one, other = plan.changes
    both = Outcome([one]).and_then(Outcome([other], interrupted=True))
    assert both.done == [one, other]
    assert both.interrupted
    assert not Outcome([one]).and_then(Outcome([other])).interrupted


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def interrupt_and_linger() -> None:
    interrupt()
    time.sleep(0.1)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Let whatever still waits end with the test."""
    event = threading.Event()
    yield event
    event.set()


def test_the_first_interrupt_finishes_what_is_in_flight_and_skips_the_rest() -> None:
    executor: Executor
    actor = Actor()
    events: list[Event] = []
    executor = Executor(actor, events.append, parallelism=1)
    actor.deeds = {"a:x": interrupt_and_linger}
    outcome = executor.run(plan_of([part("a:x"), part("b:x", needs=["a:x"]), part("c:x")]))
    assert done(outcome) == {"a:x"}
    assert at("a:x") in actor.recorded
    assert skipped(outcome) == {"b:x": (), "c:x": ()}
    assert outcome.interrupted
    assert not outcome.complete


def test_an_interrupt_in_the_last_change_is_remembered() -> None:
    outcome, _ = carry_out(plan_of([part("a:x")]), Actor({"a:x": interrupt_and_linger}))
    assert outcome.complete
    assert outcome.interrupted


def test_an_interrupt_while_a_change_is_recorded_loses_nothing() -> None:
    class Interrupted(Actor):
        def record(self, address: Address, part: Recorded | None) -> None:
            interrupt()
            time.sleep(0.05)
            super().record(address, part)

    actor = Interrupted()
    outcome, _ = carry_out(plan_of([part("a:x"), part("b:x", needs=["a:x"])]), actor)
    assert done(outcome) == {"a:x"}
    assert set(skipped(outcome)) == {"b:x"}
    assert set(actor.recorded) == {at("a:x")}


def test_the_second_interrupt_goes_through_at_once(released: threading.Event) -> None:
    def interrupts_twice() -> None:
        interrupt()
        time.sleep(0.05)
        interrupt()
        released.wait(SECONDS)

    since = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        carry_out(plan_of([part("a:x"), part("b:x")]), Actor({"a:x": interrupts_twice}), parallelism=1)
    assert time.monotonic() - since < SECONDS / 2
