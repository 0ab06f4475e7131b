"""One run, several formats: on stdout, in files, for errors too; the course of an apply as events."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.e2e.envelopes import schema
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.world import World

MARKER = "<!-- iam-ra plan: default eu-central-1 -->"
APPLIED = "<!-- iam-ra apply: default eu-central-1 -->"


def content(*hosts: str, role: str = "reader") -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts={name: {"roles": [role], "delivery": ["secretsmanager"]} for name in hosts},
    )


def events(text: str) -> list[Any]:
    found = [json.loads(line) for line in text.splitlines()]
    check = Draft202012Validator(schema("events"))
    assert [each for each in found if not check.is_valid(each)] == []
    assert [each["sequence"] for each in found] == list(range(len(found)))
    return found


def outs(folder: Path, *formats: str) -> list[str]:
    return [word for name in formats for word in ("--out", f"{name}={folder / f'out.{name}'}")]


@pytest.fixture(scope="module")
def applied(standing: World) -> World:
    standing.write(content("web", "db"))
    standing.apply()
    return standing


def test_a_plan_in_all_formats_at_once(applied: World, tmp_path: Path) -> None:
    applied.write(content("web"))
    applied.wire.clear()
    names = ("text", "json", "jsonl", "markdown", "html")
    shown = applied.run("plan", "--detailed-exitcode", *outs(tmp_path, *names)).expect(2)
    assert not applied.wire.writes
    found = {name: (tmp_path / f"out.{name}").read_text() for name in names}
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(f"out.{name}" for name in names)
    assert found["text"] == shown.stdout
    assert json.loads(found["json"])["summary"]["delete"] == 5
    assert found["markdown"].startswith(f"{MARKER}\n")
    assert "- `host/db` (5 parts): removed from the file" in found["markdown"].partition("<details>")[0]
    # Not that of the host that goes.
    assert "Next, from " in found["markdown"]
    assert json.loads(found["json"])["next_due"]["address"] == "host/web:certificate"
    lines = events(found["jsonl"])
    assert [lines[0]["type"], lines[1]["type"], lines[-1]["type"]] == ["start", "plan", "end"]
    assert lines[-1]["exit_code"] == 2
    # On stdout each is the same.
    for name in ("markdown", "jsonl", "html"):
        other = applied.run("plan", "--detailed-exitcode", "--format", name).expect(2).stdout
        assert _timeless(other) == _timeless(found[name])


def test_no_changes_and_saved_plans(applied: World, tmp_path: Path) -> None:
    applied.write(content("web", "db"))
    none = applied.run("plan", "--detailed-exitcode", "--format", "markdown").expect(0).stdout
    assert none.startswith(MARKER)
    assert "**No changes.**" in none
    assert "<details>" not in none
    applied.write(content("web"))
    saved = tmp_path / "plan.iamra"
    applied.run("plan", "-o", str(saved), *outs(tmp_path, "markdown")).expect()
    shown = applied.run("show", str(saved), "--format", "markdown", *outs(tmp_path, "jsonl")).expect().stdout
    assert shown.startswith(MARKER)
    planned = (tmp_path / "out.markdown").read_text().replace("`iam-ra.yaml`", "`plan.iamra`")
    assert shown.partition("**Deleted**")[2] == planned.partition("**Deleted**")[2] != ""
    assert events((tmp_path / "out.jsonl").read_text())[0]["command"] == "show"


def test_an_error_goes_to_where_the_plan_would_have_gone(applied: World, tmp_path: Path) -> None:
    applied.write(content("web", role="nobody"))
    names = ("text", "json", "jsonl", "markdown", "html")
    for stdout in ("markdown", "jsonl", "html"):
        said = applied.run("plan", "--format", stdout, *outs(tmp_path, *names)).expect(1)
        assert "IRA1160" in said.stderr
        found = {name: (tmp_path / f"out.{name}").read_text() for name in names}
        assert found["markdown"].startswith(f"{MARKER}\n")
        assert "**There is no plan.** Exit code 1" in found["markdown"]
        assert all("nobody" in text for text in found.values())
        assert json.loads(found["json"])["error"]["id"] == "IRA1100"
        assert events(found["jsonl"])[-1]["error"]["id"] == "IRA1100"
        assert _timeless(said.stdout) == _timeless(found[stdout])
    # Who reads these looks at stderr.
    assert applied.run("plan", "--format", "json").expect(1).stdout == ""


def test_what_cannot_be_written_is_refused_before_anything_is_asked(applied: World, tmp_path: Path) -> None:
    applied.write(content("web"))
    before = applied.file.read_bytes()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    applied.wire.clear()
    cases = {
        f"json={tmp_path}": 1,
        f"json={tmp_path / 'file' / 'below'}": 1,
        f"json={tmp_path / 'link'}": 1,
        "json=iam-ra.yaml": 64,
        "yaml=plan.yaml": 64,
        "json": 64,
        "json=-": 64,
    }
    for value, code in cases.items():
        for command in ("plan", "apply"):
            said = applied.run(command, "--out", value).expect(code)
            assert said.stdout == ""
    twice = str(tmp_path / "twice")
    applied.run("plan", "--out", f"json={twice}", "--out", f"text={twice}").expect(64)
    applied.run("plan", "--out", f"json={twice}", "-o", twice).expect(64)
    applied.run("plan", "--json", "--format", "markdown").expect(64)
    assert not applied.wire.requests
    assert applied.file.read_bytes() == before


def test_an_apply_tells_its_course(world: World, tmp_path: Path) -> None:
    world.write(content("web"))
    refused = world.run("apply", "--format", "jsonl", *outs(tmp_path, "markdown")).expect(4)
    last = events(refused.stdout)[-1]
    assert (last["outcome"], last["error"]["id"]) == ("refused", "IRA4006")
    page = (tmp_path / "out.markdown").read_text()
    assert page.startswith(APPLIED)
    assert "**The apply ended with an error.** Exit code 4" in page

    done = world.run(
        "apply", "--yes", "--format", "jsonl", *outs(tmp_path, "markdown", "json", "jsonl")
    ).expect()
    assert done.stderr.count("\n") <= 3, done.stderr
    told = events(done.stdout)
    assert (tmp_path / "out.jsonl").read_text() == done.stdout
    assert told[-1]["outcome"] == "complete"
    assert Draft202012Validator(schema("outcome")).is_valid(json.loads((tmp_path / "out.json").read_text()))
    assert told[-1]["result"]["summary"] == json.loads((tmp_path / "out.json").read_text())["summary"]
    planned = {each["address"] for each in told if each["type"] == "change"}
    for kind in ("started", "done"):
        assert {each["address"] for each in told if each["type"] == kind} == planned
    assert "PRIVATE KEY" not in done.stdout
    page = (tmp_path / "out.markdown").read_text()
    assert page.startswith(APPLIED)
    assert f"**Apply complete:** {len(planned)} created" in page

    # With nothing to do there is a last event, too.
    none = world.run("apply", "--yes", "--format", "jsonl", *outs(tmp_path, "markdown")).expect()
    assert events(none.stdout)[-1]["exit_code"] == 0
    assert "nothing to do" in (tmp_path / "out.markdown").read_text()


def test_an_apply_goes_on_when_nobody_reads_any_more(world: World) -> None:
    world.write(content("web"))
    program = [sys.executable, "-m", "iam_ra", "apply", "--yes", "--format", "jsonl"]
    with subprocess.Popen(
        program, cwd=world.root, env=world.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait() == 0, said
    assert b"Broken pipe" not in said
    assert b"Traceback" not in said
    world.settled()


def _timeless(text: str) -> str:
    """Take the times of two runs out, and the days that are left: there is one more in the second of the apply."""
    return re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+|\b\d+ days", "(time)", text)
