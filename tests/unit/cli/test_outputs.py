from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.render import samples

from iam_ra.cli.options import Options
from iam_ra.cli.outputs import Output, Outputs, Wanted
from iam_ra.cli.streaming import StreamedOutputs, apply_outputs
from iam_ra.engine.errors import LockHeldError, UsageError
from iam_ra.engine.execute import Outcome
from iam_ra.render.model import OutcomeDocument


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IAM_RA_FILE", raising=False)
    return tmp_path


def events(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def outcome() -> OutcomeDocument:
    plan = samples.first_apply()
    header = replace(samples.HEADER, command="apply")
    return OutcomeDocument(
        samples.document(plan, header=header), Outcome(list(plan.changes)), 1, "iam-ra apply"
    )


def test_only_what_is_told_as_it_happens_needs_a_stream() -> None:
    file = Output("jsonl", Path("events.jsonl"))
    for wanted in (Wanted("jsonl"), Wanted(None, (file,))):
        assert isinstance(apply_outputs(Options(), wanted), StreamedOutputs)
    for wanted in (Wanted(), Wanted("json", (Output("markdown", Path("a.md")),))):
        assert not isinstance(apply_outputs(Options(), wanted), StreamedOutputs)


@pytest.mark.parametrize(
    ("stop", "code", "word"),
    [
        (LockHeldError("held"), 4, "refused"),
        (RuntimeError("bug"), 1, "error"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (SystemExit(3), 130, "interrupted"),
    ],
)
def test_whatever_ends_a_run_is_its_last_event(
    folder: Path, capsys: pytest.CaptureFixture[str], stop: BaseException, code: int, word: str
) -> None:
    outputs = apply_outputs(Options(), Wanted("jsonl", (Output("jsonl", Path("events.jsonl")),)))
    with pytest.raises(type(stop)), outputs.told():
        raise stop
    text = capsys.readouterr().out
    last = events(text)[-1]
    assert (last["type"], last["exit_code"], last["outcome"]) == ("end", code, word)
    assert (folder / "events.jsonl").read_text() == text


def test_an_error_does_not_take_the_place_of_an_outcome(folder: Path) -> None:
    outputs = apply_outputs(Options(), Wanted(None, (Output("markdown", Path("a.md")),)))

    def work() -> None:
        with outputs.told():
            outputs.write_outcome(outcome())
            raise LockHeldError("late")

    with pytest.raises(LockHeldError):
        work()
    assert "**Apply complete:** 8 created" in (folder / "a.md").read_text()


def test_an_error_that_cannot_be_written_hides_nothing(folder: Path) -> None:
    outputs = Outputs(Options(), "plan", Wanted(None, (Output("markdown", Path("a.md")),)))
    outputs.check()
    (folder / "a.md").mkdir()
    with pytest.raises(LockHeldError), outputs.told():
        raise LockHeldError("held")


def test_the_comment_says_where_all_of_it_is(folder: Path) -> None:
    many = samples.plan(*(samples.create(f"host/h{number}:stack", {"n": "x" * 60}) for number in range(3)))
    files = tuple(Output(name, Path(f"plan.{name}")) for name in ("markdown", "json", "text"))
    Outputs(Options(), "plan", Wanted("text", files)).write_plan(samples.document(many))
    assert "Cut" not in (folder / "plan.markdown").read_text()
    huge = samples.plan(*(samples.create(f"host/h{number}:stack") for number in range(12_000)))
    Outputs(Options(), "plan", Wanted("text", files)).write_plan(samples.document(huge))
    assert "All of it is in `plan.json`, `plan.text`." in (folder / "plan.markdown").read_text()


def test_json_is_one_format() -> None:
    assert Outputs(Options(json=True), "plan").format == "json"
    assert Outputs(Options(json=True), "plan", Wanted("json")).format == "json"
    with pytest.raises(UsageError, match="contradict"):
        Outputs(Options(json=True), "plan", Wanted("text"))
