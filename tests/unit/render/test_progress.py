from __future__ import annotations

import io
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.render import samples

from iam_ra.engine.errors import ToolError
from iam_ra.engine.events import Done, Failed, Progress, Skipped, Started
from iam_ra.engine.execute import Outcome
from iam_ra.render.model import OutcomeDocument
from iam_ra.render.outcome import outcome_text
from iam_ra.render.progress import PlainProgress, RichProgress, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.events import Event
    from iam_ra.engine.plan import Change

CREATED = samples.create("host/web:certificate")
SKIPPED = samples.create("host/web:secrets")
FAILED = samples.delete("host/old:sops")
ERROR = ToolError(
    "sops is not installed", why="Files are encrypted with it.", fix="Run `apt-get install sops`."
)
STORY: list[Event] = [
    Started(CREATED),
    Started(FAILED),
    Progress(CREATED.address, "signing"),
    Done(CREATED, 0.31),
    Failed(FAILED, ERROR, 12.34),
    Skipped(SKIPPED, (FAILED.address,)),
]
LINES = [
    "✓ host/web:certificate  created in 0.3s",
    "✗ host/old:sops  failed after 12.3s: sops is not installed",
    "· host/web:secrets  skipped: needs host/old:sops",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_plain_progress_is_one_line_an_ending() -> None:
    stream = io.StringIO()
    with PlainProgress(stream) as tell:
        for event in STORY:
            tell(event)
    assert stream.getvalue().splitlines() == LINES


def test_verbose_plain_progress_tells_beginnings_too() -> None:
    stream = io.StringIO()
    with PlainProgress(stream, verbose=True) as tell:
        for event in STORY:
            tell(event)
    assert stream.getvalue().splitlines() == [
        "host/web:certificate  creating",
        "host/old:sops  deleting",
        "host/web:certificate  signing",
        *LINES,
    ]


def test_silence_is_broken_by_what_is_still_under_way() -> None:
    stream, now = io.StringIO(), [0.0]
    with PlainProgress(stream, heartbeat=0.01, clock=lambda: now[0]) as tell:
        tell(Started(CREATED))
        now[0] = 42.0
        deadline = time.monotonic() + 5
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.005)
    assert stream.getvalue().splitlines()[0] == "host/web:certificate  still creating, 42s"


@pytest.mark.parametrize("make", [PlainProgress, RichProgress])
def test_a_reader_that_is_gone_does_not_stop_the_apply(make: Callable[..., Any]) -> None:
    with make(Broken()) as tell:
        for event in STORY:
            tell(event)


@pytest.mark.parametrize("make", [PlainProgress, RichProgress])
def test_many_threads_may_tell_at_once(make: Callable[..., Any]) -> None:
    stream = Terminal()
    changes = [samples.create(f"host/h{number}:certificate") for number in range(200)]

    def work(tell: Callable[[Event], None], mine: list[Change]) -> None:
        for change in mine:
            tell(Started(change))
            tell(Progress(change.address, "signing"))
            tell(Done(change, 0.1))

    with make(stream, color=False) as tell:
        threads = [threading.Thread(target=work, args=(tell, changes[start::8])) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    text = stream.getvalue()
    assert all(text.count(f"✓ {change.address}  created in 0.1s") == 1 for change in changes)


def test_rich_progress_keeps_the_endings_above_a_live_table() -> None:
    stream, now = Terminal(), [0.0]
    with RichProgress(stream, color=False, total=3, clock=lambda: now[0]) as tell:
        tell(Started(CREATED))
        now[0] = 7.0
        for event in STORY[1:]:
            tell(event)
    text = stream.getvalue()
    assert [text.index(line) for line in LINES] == sorted(text.index(line) for line in LINES)
    assert "3 of 3 done" in text
    assert "\x1b[3" not in text


@pytest.mark.parametrize(
    ("stream", "term", "expected"),
    [
        (Terminal(), "xterm", RichProgress),
        (Terminal(), "dumb", PlainProgress),
        (io.StringIO(), "xterm", PlainProgress),
    ],
)
def test_only_a_real_terminal_gets_a_table(stream: io.StringIO, term: str, expected: type) -> None:
    assert isinstance(listener(stream, color=False, environ={"TERM": term}), expected)


def test_hostile_errors_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    evil = samples.create("host/\x1b[2J:sops")
    with PlainProgress(stream) as tell:
        tell(Failed(evil, ToolError("no\r\x1b[2J"), 1))
    assert stream.getvalue() == "✗ host/\\x1b[2J:sops  failed after 1.0s: no\\r\\x1b[2J\n"


def told(outcome: Outcome, seconds: float, command: str = "apply") -> str:
    planned = samples.document(samples.plan(), header=replace(samples.HEADER, command=command))
    return outcome_text(OutcomeDocument(planned, outcome, seconds, "iam-ra apply -f iam-ra.yaml"))


def test_a_complete_apply_is_one_line() -> None:
    outcome = Outcome([CREATED, FAILED])
    text = told(outcome, 2.04)
    assert text == "Apply complete: 1 created, 1 deleted in 2.0s.\n"


def test_an_apply_of_nothing_says_so() -> None:
    assert told(Outcome(), 0, command="destroy") == "Destroy complete: nothing to do in 0.0s.\n"


def test_an_incomplete_apply_says_how_to_go_on(golden: Callable[[str, str], None]) -> None:
    many = [Skipped(samples.create(f"host/h{number}:sops"), (FAILED.address,)) for number in range(12)]
    stopped = Skipped(samples.create("role/x:stack"), ())
    outcome = Outcome([CREATED], [Failed(FAILED, ERROR, 1)], [*many, stopped])
    golden("incomplete.txt", told(outcome, 61))
