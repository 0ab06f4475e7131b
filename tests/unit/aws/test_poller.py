from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from iam_ra.aws.poller import Poller
from iam_ra.aws.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECONDS = 10


def stack(stack_id: str, status: str = "CREATE_COMPLETE") -> Stack:
    return Stack(stack_id, "name", status, "", {}, {}, "", False)


class Aws:
    """Answers from a script of statuses a stack; the last one stays."""

    def __init__(self, **statuses: Sequence[str | None]) -> None:
        self.statuses = {name: list(each) for name, each in statuses.items()}
        self.asked: list[frozenset[str]] = []

    def describe(self, ids: frozenset[str]) -> Mapping[str, Stack | None]:
        self.asked.append(ids)
        found: dict[str, Stack | None] = {}
        for each in ids:
            left = self.statuses[each]
            status = left.pop(0) if len(left) > 1 else left[0]
            found[each] = None if status is None else stack(each, status)
        return found


def together(*calls: Callable[[], object]) -> list[object]:
    """Run calls in threads of their own and return what each returned or raised."""
    results: list[object] = [None] * len(calls)

    def work(index: int) -> None:
        try:
            results[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    return results


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stack-poller"]


def test_it_waits_until_no_operation_is_under_way() -> None:
    aws = Aws(a=["CREATE_IN_PROGRESS", "CREATE_COMPLETE"])
    found = Poller(aws.describe).wait("a")
    assert found is not None
    assert found.status == "CREATE_COMPLETE"
    assert len(aws.asked) == 2


def test_a_stack_that_aws_knows_no_more_is_none() -> None:
    assert Poller(Aws(a=[None]).describe).wait("a") is None


def test_one_call_serves_all_who_wait() -> None:
    names = [f"s{n}" for n in range(8)]
    aws = Aws(**{name: ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"] for name in names})
    poller = Poller(aws.describe)
    results = together(*(lambda name=name: poller.wait(name) for name in names))
    assert [each.id for each in results if isinstance(each, Stack)] == names
    assert len(aws.asked) <= 3
    assert max(map(len, aws.asked)) == 8


def test_two_may_wait_for_one_stack() -> None:
    poller = Poller(Aws(a=["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]).describe)
    results = together(lambda: poller.wait("a"), lambda: poller.wait("a"))
    assert results == [stack("a"), stack("a")]


def test_each_leaves_when_its_own_stack_is_done() -> None:
    aws = Aws(a=["CREATE_COMPLETE"], b=["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"])
    poller = Poller(aws.describe)
    together(lambda: poller.wait("a"), lambda: poller.wait("b"))
    assert aws.asked[-1] == {"b"}


def test_an_error_reaches_everybody_who_waits_and_nobody_later() -> None:
    failing = True

    def describe(ids: frozenset[str]) -> Mapping[str, Stack | None]:
        if failing:
            raise ConnectionError("down")
        return {each: stack(each) for each in ids}

    poller = Poller(describe)
    results = together(lambda: poller.wait("a"), lambda: poller.wait("b"))
    assert [type(each) for each in results] == [ConnectionError, ConnectionError]
    failing = False
    assert together(lambda: poller.wait("a")) == [stack("a")]


def test_its_thread_ends_when_nobody_waits() -> None:
    poller = Poller(Aws(a=["CREATE_COMPLETE"]).describe)
    poller.wait("a")
    deadline = time.monotonic() + SECONDS
    while pollers():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert together(lambda: poller.wait("a")) == [stack("a")]


def test_whoever_comes_later_is_not_kept_waiting_by_the_slow_rounds() -> None:
    aws = Aws(slow=["CREATE_IN_PROGRESS"], quick=["CREATE_COMPLETE"])
    poller = Poller(aws.describe)
    waiting = threading.Thread(target=poller.wait, args=("slow",), daemon=True)
    waiting.start()
    while len(aws.asked) < 4:
        time.sleep(0.01)
    since = time.monotonic()
    assert poller.wait("quick") == stack("quick")
    # The next round would have come a second later.
    assert time.monotonic() - since < 0.6
    aws.statuses["slow"] = ["CREATE_COMPLETE"]
    waiting.join(SECONDS)
    assert not waiting.is_alive()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATE_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("ROLLBACK_IN_PROGRESS", True),
        ("DELETE_IN_PROGRESS", True),
        ("IMPORT_ROLLBACK_IN_PROGRESS", True),
        ("REVIEW_IN_PROGRESS", False),
        ("CREATE_COMPLETE", False),
        ("DELETE_FAILED", False),
    ],
)
def test_an_operation_is_under_way_or_not(status: str, expected: bool) -> None:
    assert stack("a", status).in_progress is expected
