from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML
from tests.e2e import envelopes
from tests.e2e.world import Result

from iam_ra.cli import app as frame

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
LOOSE = "# top\nnamespace:   default   # the name\nversion: 1\nregion: eu-west-1\n"
TIDY = "version: 1\n# top\nnamespace: default     # the name\nregion: eu-west-1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IAM_RA_FILE", raising=False)
    (tmp_path / "iam-ra.yaml").write_text(LOOSE)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Result:
    code = frame.run(args)
    captured = capsys.readouterr()
    return Result(code, captured.out, captured.err)


def test_the_nearest_file_is_formatted_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "iam-ra.yaml"
    file.chmod(0o640)
    assert run(capsys, "fmt").expect().stdout == "iam-ra.yaml is formatted.\n"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (TIDY, 0o640)
    before = file.stat().st_mtime_ns
    assert run(capsys, "fmt").expect().stdout == "iam-ra.yaml is formatted already.\n"
    assert file.stat().st_mtime_ns == before


def test_check_and_diff_write_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "iam-ra.yaml"
    refused = run(capsys, "fmt", "--check").expect(1)
    assert refused.stdout == ""
    assert "error[IRA1301]: iam-ra.yaml is not formatted" in refused.stderr
    assert "`iam-ra fmt iam-ra.yaml`" in refused.stderr
    shown = run(capsys, "fmt", "--diff").expect().stdout
    assert "+version: 1\n" in shown
    assert "-namespace:   default   # the name\n" in shown
    assert run(capsys, "fmt", "--diff", "--check").expect(1).stdout == shown
    assert file.read_text() == LOOSE
    file.write_text(TIDY)
    assert run(capsys, "fmt", "--check", "--diff").expect() == Result(0, "", "")


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.yaml").write_text(TIDY)
    files = [{"file": "iam-ra.yaml", "changed": True}, {"file": "b.yaml", "changed": False}]
    checked = run(capsys, "fmt", "--check", "--json", "iam-ra.yaml", "b.yaml").expect(1)
    assert envelopes.data("fmt", checked) == {"written": False, "files": files}
    assert json.loads(checked.stderr)["error"]["id"] == "IRA1301"
    done = run(capsys, "fmt", "--json", "iam-ra.yaml", "b.yaml").expect()
    assert envelopes.data("fmt", done) == {"written": True, "files": files}


def test_what_a_link_leads_to_is_formatted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = folder / "below" / "iam-ra.yaml"
    link.parent.mkdir()
    link.symlink_to("../iam-ra.yaml")
    run(capsys, "fmt", "below/iam-ra.yaml").expect()
    assert link.is_symlink()
    assert (folder / "iam-ra.yaml").read_text() == TIDY


def test_what_is_no_yaml_stays_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "iam-ra.yaml").write_text("a: [\n")
    assert "error[IRA1103]" in run(capsys, "fmt").expect(1).stderr
    assert (folder / "iam-ra.yaml").read_text() == "a: [\n"


@pytest.mark.parametrize(
    ("args", "text", "expected"),
    [
        (["-"], LOOSE, (0, TIDY)),
        (["-", "--check"], LOOSE, (1, "")),
        (["-", "--check"], TIDY, (0, "")),
        (["-", "iam-ra.yaml"], LOOSE, (64, "")),
    ],
)
def test_a_filter(folder: Path, args: Sequence[str], text: str, expected: tuple[int, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "iam_ra", "fmt", *args],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == expected


def test_a_filter_takes_utf_8(folder: Path) -> None:
    command = [sys.executable, "-m", "iam_ra", "fmt", "-"]
    done = subprocess.run(command, cwd=folder, input=b"a: \xff\n", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"error[IRA1301]" in done.stderr


def hooks() -> dict[str, dict[str, str]]:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    return {each["id"]: each for each in YAML(typ="safe", pure=True).load(text)}


@pytest.mark.parametrize("name", ["iam-ra-validate", "iam-ra-fmt"])
def test_hooks_work_as_pre_commit_runs_them(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = hooks()[name]
    assert hook["language"] == "python"
    other = folder / "prod" / "iam-ra.yml"
    other.parent.mkdir()
    other.write_text(LOOSE)
    (folder / "other.yaml").write_text("no: 1\n")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.y*ml"))
    matched = [each for each in names if re.search(hook["files"], each)]
    assert matched == ["iam-ra.yaml", "prod/iam-ra.yml"]
    program, *args = shlex.split(hook["entry"])
    assert program == "iam-ra"
    done = run(capsys, *args, *matched).expect()
    assert all(each in done.stdout for each in matched)
    assert (other.read_text() == TIDY) is (name == "iam-ra-fmt")
    # pre-commit takes a changed file for a failure, and so it does what ends with another code.
    other.write_text("version: 2\n")
    failed = run(capsys, *hooks()["iam-ra-validate"]["entry"].split()[1:], *matched).expect(1)
    assert "prod/iam-ra.yml:1:" in failed.stderr
