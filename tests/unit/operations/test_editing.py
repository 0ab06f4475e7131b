from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.edit import with_value
from iam_ra.engine.errors import EditError, FileError
from iam_ra.operations.editing import FileEdit, edit_of
from iam_ra.render.edit_diff import diff_text

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
version: 1
namespace: default
region: eu-west-1
roles:
  reader: {policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}  # reads
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "iam-ra.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def onboard(role: str) -> Any:
    return lambda data: with_value(data, ("hosts", "web"), {"roles": [role]})


def test_an_edit_is_checked_shown_and_written(file: Path) -> None:
    file.chmod(0o640)
    edit = edit_of(file, onboard("reader"))
    edit.check()
    edit.write()
    assert file.read_text(encoding="utf-8") == f"{TEXT}hosts:\n  web:\n    roles: [reader]\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [line for line in edit.diff if line[0] == "+"] == [
        f"+++ {edit.name}",
        "+hosts:",
        "+  web:",
        "+    roles: [reader]",
    ]
    assert not [line for line in edit.diff[2:] if line[0] == "-"]
    assert not edit_of(file, onboard("reader")).is_change


def test_a_wrong_edit_is_found_before_it_is_written(file: Path) -> None:
    edit = edit_of(file, onboard("writer"))
    with pytest.raises(ConfigError) as caught:
        edit.check()
    assert [each.id for each in caught.value.diagnostics] == ["IRA1160"]
    assert file.read_text(encoding="utf-8") == TEXT


def test_the_edits_of_others_are_not_overwritten(file: Path) -> None:
    edit = edit_of(file, onboard("reader"))
    file.write_text(f"{TEXT}# mine\n", encoding="utf-8")
    with pytest.raises(EditError, match="changed while the command ran"):
        edit.write()
    assert file.read_text(encoding="utf-8") == f"{TEXT}# mine\n"
    file.unlink()
    with pytest.raises(EditError):
        edit.write()
    assert not file.exists()


def test_a_first_file_does_not_overwrite_one(tmp_path: Path) -> None:
    edit = FileEdit(tmp_path / "iam-ra.yaml", "iam-ra.yaml", None, TEXT)
    edit.write()
    assert edit.path.read_text(encoding="utf-8") == TEXT
    assert edit.diff[0] == "--- /dev/null"
    with pytest.raises(EditError):
        edit.write()


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link" / "iam-ra.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    edit_of(link, onboard("reader")).write()
    assert link.is_symlink()
    assert "web:" in file.read_text(encoding="utf-8")


def test_a_first_file_is_not_written_where_a_link_leads(tmp_path: Path) -> None:
    link = tmp_path / "repository" / "iam-ra.yaml"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(FileError, match="is refused"):
        FileEdit(link, "iam-ra.yaml", None, TEXT).write()
    assert not (tmp_path / "elsewhere.yaml").exists()
    assert link.is_symlink()


@pytest.mark.parametrize("content", [b"", b"\xff", b"a: [", b"- x", b"a: *b"])
def test_what_is_no_file_is_said_as_ever(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError):
        edit_of(file, onboard("reader"))
    assert file.read_bytes() == content


def test_a_diff_is_in_colour_and_harmless() -> None:
    lines = ("--- a", "+++ b", "@@ -1 +1 @@", "-old\x1b[2J", "+new", " same")
    assert diff_text(lines) == "--- a\n+++ b\n@@ -1 +1 @@\n-old\\x1b[2J\n+new\n same\n"
    shown = diff_text(lines, color=True).splitlines()
    assert [line[:5] for line in shown] == [
        "\x1b[1m-",
        "\x1b[1m+",
        "\x1b[36m",
        "\x1b[31m",
        "\x1b[32m",
        " same",
    ]
    assert diff_text(()) == ""
