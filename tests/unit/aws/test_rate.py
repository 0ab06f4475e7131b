from __future__ import annotations

import threading
import time

import pytest

from iam_ra.aws.rate import Pace


class Clock:
    """Stands still but for what is slept."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("now", [0.0, 1_000_000.0])
def test_the_first_call_goes_at_once_and_the_others_at_the_pace(now: float) -> None:
    clock = Clock(now)
    pace = Pace(4, clock, clock.sleep)
    for _ in range(5):
        pace.wait()
    assert clock.slept == [0.25] * 4


def test_who_comes_late_waits_for_nothing_and_saves_nothing_up() -> None:
    clock = Clock(100)
    pace = Pace(10, clock, clock.sleep)
    pace.wait()
    clock.now += 60
    pace.wait()
    assert clock.slept == []
    pace.wait()
    assert clock.slept == [pytest.approx(0.1)]


def test_who_comes_within_the_gap_waits_for_its_rest() -> None:
    clock = Clock(100)
    pace = Pace(2, clock, clock.sleep)
    pace.wait()
    clock.now += 0.2
    pace.wait()
    assert clock.slept == [pytest.approx(0.3)]


def test_threads_get_turns_of_their_own() -> None:
    """Nobody sleeps under the lock: all know at once when it is their turn."""
    turns: list[float] = []
    pace = Pace(10, lambda: 5.0, turns.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(turns) == [pytest.approx(number / 10) for number in range(1, 20)]


def test_the_real_clock_is_used_by_default() -> None:
    pace = Pace(100)
    began = time.monotonic()
    for _ in range(4):
        pace.wait()
    assert time.monotonic() - began >= 0.03
