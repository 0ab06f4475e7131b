from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.unit.render import samples
from tests.unit.render.test_json import PLANS, closed
from tests.unit.render.test_json import SCHEMA as PLAN_SCHEMA
from tests.unit.render.test_progress import CREATED, ERROR, STORY
from tests.unit.render.test_text import REFUSALS, WARNINGS

import iam_ra
from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.errors import IamRaError, PreflightError
from iam_ra.engine.events import Done, Failed, Started
from iam_ra.engine.execute import Outcome
from iam_ra.render.jsonl import EventStream, error_jsonl, plan_jsonl
from iam_ra.render.model import ErrorDocument, OutcomeDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.plan import Plan

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schema/events.schema.json").read_text())
STRICT = Draft202012Validator(closed(SCHEMA))
DIAGNOSTIC = Diagnostic(
    "error", "IRA1160", "iam-ra.yaml", 12, 5, "hosts.web.roles[0]", "no such role", "", ""
)


def read(text: str) -> list[Any]:
    """Return the events of a whole run, each of them as documented and with nothing else in it."""
    assert text.isascii()
    events = [json.loads(line) for line in text.split("\n")[:-1]]
    assert text.endswith("\n")
    for number, event in enumerate(events):
        problems = [f"{each.json_path}: {each.message}" for each in STRICT.iter_errors(event)]
        assert problems == [], event
        assert event["sequence"] == number
    assert [each["type"] for each in (events[0], events[-1])] == ["start", "end"]
    assert [each["type"] for each in events].count("end") == 1
    return events


class Written:
    """A stream that is kept, with a clock that stands still."""

    def __init__(self, heartbeat: float = 60.0) -> None:
        self.text = ""
        self.beaten = threading.Event()
        self.stream = EventStream(
            self._write, "apply", heartbeat=heartbeat, clock=lambda: 5.0, now=lambda: samples.NOW
        )

    def _write(self, line: str) -> None:
        assert line.endswith("\n")
        self.text += line
        if '"heartbeat"' in line:
            self.beaten.set()


def test_the_schema_is_one_and_says_of_changes_what_that_of_plans_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert {name: SCHEMA["$defs"][name] for name in PLAN_SCHEMA["$defs"]} == PLAN_SCHEMA["$defs"]
    of_plan = SCHEMA["$defs"]["event_plan"]["properties"]
    assert {key: value for key, value in PLAN_SCHEMA["properties"].items() if key in of_plan} == {
        key: value for key, value in of_plan.items() if key not in {"type", "sequence", "time"}
    } | {"format_version": PLAN_SCHEMA["properties"]["format_version"]}


@pytest.mark.parametrize("make", PLANS, ids=lambda make: make.__name__)
def test_a_plan_is_a_whole_run(make: Callable[[], Plan]) -> None:
    plan = make()
    document = samples.document(
        plan, refusals=REFUSALS, warnings=WARNINGS, ignored=samples.IGNORED, checksum="0f" * 32, exit_code=4
    )
    events = read(plan_jsonl(document))
    kinds = [each["type"] for each in events]
    assert kinds.count("change") == len(plan.edits)
    assert kinds.count("conflict") == len(plan.conflicts)
    assert (kinds.count("refusal"), kinds.count("warning")) == (2, 2)
    assert events[-1]["exit_code"] == 4
    assert events[-1]["outcome"] == "refused"


@pytest.mark.parametrize("make", [samples.removed_host, samples.hostile], ids=lambda make: make.__name__)
def test_a_plan_as_lines_looks_as_agreed(
    make: Callable[[], Plan], golden: Callable[[str, str], None]
) -> None:
    text = plan_jsonl(samples.document(make(), exit_code=2))
    read(text)
    golden(f"{make.__name__}.jsonl", text.replace(f'"{iam_ra.__version__}"', '"0.0.0"', 1))


@pytest.mark.parametrize(
    "error",
    [ERROR, PreflightError([ERROR]), ConfigError("iam-ra.yaml", [DIAGNOSTIC])],
    ids=lambda each: each.id,
)
def test_an_error_is_a_whole_run(error: IamRaError) -> None:
    start, end = read(error_jsonl(ErrorDocument(error, samples.HEADER)))
    assert start["command"] == "plan"
    assert (end["outcome"], end["exit_code"], end["error"]["id"]) == ("error", 1, error.id)


def test_an_apply_is_told_from_start_to_end(golden: Callable[[str, str], None]) -> None:
    written = Written()
    planned = samples.document(samples.removed_host(), header=replace(samples.HEADER, command="apply"))
    done, failed = STORY[3], STORY[4]
    assert isinstance(done, Done)
    assert isinstance(failed, Failed)
    outcome = Outcome([done.change], [failed], pending={CREATED.address: "AWS lists it later"})
    sessions = {"host/old": samples.NOW + timedelta(hours=1)}
    with written.stream as stream:
        stream.plan(planned)
        for event in STORY:
            stream(event)
        stream.end(3, outcome=OutcomeDocument(planned, outcome, 61, "iam-ra apply", sessions, exit_code=3))
    events = read(written.text)
    assert [each["type"] for each in events[-8:-1]] == [
        "change",
        "started",
        "started",
        "progress",
        "done",
        "failed",
        "skipped",
    ]
    assert events[-1]["result"]["open_sessions"] == [{"entity": "host/old", "until": "2026-03-04T06:06:07Z"}]
    golden("apply.jsonl", written.text.replace(f'"{iam_ra.__version__}"', '"0.0.0"', 1))


def test_silence_has_a_pulse() -> None:
    written = Written(heartbeat=0.02)
    with written.stream as stream:
        # Before there is a plan, too: a lock may be held for long.
        assert written.beaten.wait(20)
        stream(Started(CREATED))
        written.beaten.clear()
        assert written.beaten.wait(20)
        stream.end(0)
    beats = [each for each in read(written.text) if each["type"] == "heartbeat"]
    assert beats[0]["running"] == []
    assert beats[-1]["running"] == [{"address": "host/web:certificate", "text": "creating", "seconds": 0.0}]


def test_events_of_many_threads_are_lines_in_order() -> None:
    written = Written(heartbeat=0.001)
    changes = [samples.create(f"host/h{number}:stack") for number in range(64)]
    with written.stream as stream:

        def work(start: int) -> None:
            for change in changes[start::8]:
                stream(Started(change))
                stream(Done(change, 0.1))

        threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream.end(0)
    assert [each["type"] for each in read(written.text)].count("done") == 64


def test_readers_must_accept_events_of_later_versions() -> None:
    later = {
        "format_version": "1.7",
        "sequence": 3,
        "time": "2026-03-04T05:06:07.000Z",
        "type": "joke",
        "laugh": True,
    }
    lenient = Draft202012Validator(SCHEMA)
    assert lenient.is_valid(later)
    assert lenient.is_valid({**later, "type": "progress", "address": "host/web:sops", "text": "x"})
    assert not lenient.is_valid({**later, "type": "progress"})
    assert not lenient.is_valid({**later, "format_version": "2.0"})
