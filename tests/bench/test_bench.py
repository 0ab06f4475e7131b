"""The benchmark still runs, in small: what it measures is what kinds and plans are by now."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.bench import bench, kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType


def test_plans_are_measured_against_every_world(tmp_path: Path) -> None:
    rows = bench.plans(tmp_path, 20, 1_000_000)
    assert [row.what.rpartition(", ")[2] for row in rows] == [
        "empty world",
        "unchanged world",
        "edited world",
    ]
    assert rows[1].note == "0 changes"
    assert all(row.value > 0 for row in rows)


@pytest.mark.parametrize("world", ["empty", "unchanged", "edited"])
def test_four_times_the_entities_are_four_times_the_work(tmp_path: Path, world: str) -> None:
    few, many = (steps_of(bench.plannings(tmp_path, entities)[world]) for entities in (50, 200))
    assert many < 4.2 * few


def steps_of(work: Callable[[], object]) -> int:
    """Count what is done rather than how long it takes: the lines that are run."""
    count = 0

    def watch(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return watch

    sys.settrace(watch)
    try:
        work()
    finally:
        sys.settrace(None)
    return count


def test_calls_are_counted_in_pages() -> None:
    assert bench.calls(1).value == bench.calls(90).value
    assert bench.calls(1_000).value <= (bench.calls(1_000).budget or 0)


def test_every_line_has_a_figure_that_was_kept() -> None:
    held = json.loads(kept.FILE.read_text())
    lines = {"iam-ra --help", "iam-ra --version", "iam-ra validate, 1,000 entities"}
    assert lines < set(held["numbers"])
    before = kept.Kept("commit", held["machine"], held["numbers"])
    assert before.beside("iam-ra --help", held["numbers"]["iam-ra --help"]).endswith("(x1.00)")
    assert before.beside("something new", 1) == "-"
