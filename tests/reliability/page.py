"""The tables of docs/reliability.md: written by the runs that they are about."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_TITLES = {
    "crash": (
        "scenario",
        "calls",
        "kills made",
        "of",
        "killed",
        "ended before",
        "converged when run again",
        "not",
    ),
    "faults": (
        "scenario",
        "calls",
        "faults made",
        "of",
        "met",
        "converged by itself",
        "converged when run again",
        "not",
    ),
}


class Counts(Protocol):
    """What a table says of a scenario."""

    calls: int
    all: int
    made: int
    met: int
    alone: int
    again: int
    wrong: list[str]


def write_table(suite: str, rows: Mapping[str, Counts], seconds: float) -> None:
    """Put a suite's table into the page, between its two marks."""
    total = [sum(each) for each in zip(*(_numbers(row) for row in rows.values()), strict=True)]
    lines = [
        f"Run on {datetime.now(UTC):%Y-%m-%d} in {seconds / 60:.0f} minutes, all scenarios at once:",
        "",
        _line(_TITLES[suite]),
        "|---|" + "---:|" * (len(_TITLES[suite]) - 1),
        *(_line((name, *map(str, _numbers(row)))) for name, row in rows.items()),
        _line(("all", *map(str, total))),
    ]
    begin, end = f"<!-- {suite} -->", f"<!-- end of {suite} -->"
    text = PAGE.read_text()
    table = "\n".join((begin, *lines, end))
    PAGE.write_text(re.sub(f"{begin}.*?{end}", lambda _: table, text, flags=re.DOTALL))


def _numbers(row: Counts) -> tuple[int, ...]:
    return row.calls, row.made, row.all, row.met, row.alone, row.again, len(row.wrong)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
