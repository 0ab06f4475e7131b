"""The verbs as far as they go without AWS: the edit itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from iam_ra.cli import app as frame

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
namespace: default
region: eu-west-1

roles:
  reader: {policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}  # looks

hosts:
  web: {roles: [reader]}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    monkeypatch.delenv("IAM_RA_FILE", raising=False)
    path = tmp_path / "iam-ra.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "given", ["../../secrets/db.yaml", "{root}/secrets/db.yaml", "{root}/x/../secrets/db.yaml"]
)
def test_paths_are_written_as_the_file_has_them(file: Path, given: str) -> None:
    words = ["host", "onboard", "db", "--sops-output", given.format(root=file.parent), "--no-apply"]
    assert frame.run(words) == 0
    assert file.read_text(encoding="utf-8") == FILE + "  db: {roles: [reader], sops: secrets/db.yaml}\n"


def test_an_edit_alone_says_what_applies_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["host", "offboard", "web", "--no-apply"]) == 0
    assert file.read_text(encoding="utf-8").endswith("hosts: {}\n")
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-3:] == ["-  web: {roles: [reader]}", "+hosts: {}", ""]
    assert shown.err == "Nothing is applied yet. To do so:\n  iam-ra apply --target host/web\n"


def test_json_has_the_edit_and_nothing_else_on_stdout(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["role", "create", "reader", "--session-duration", "900", "--no-apply", "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["command"] == "role create"
    assert found["data"]["edit"]["changed"]
    assert shown.err == ""
    assert "session_duration: 15m}  # looks" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "entity"),
    [
        (["role", "create", "role/new", "--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess"], "role/new"),
        (["host", "onboard", "host/new", "--role", "role/reader", "--ca", "ca/default"], "host/new"),
        (["ca", "setup", "ca/new"], "ca/new"),
        (["k8s", "setup", "cluster/new"], "cluster/new"),
    ],
)
def test_addresses_are_names_too(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], entity: str
) -> None:
    assert frame.run([*words, "--no-apply", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["entities"][0] == entity
    assert f"  {entity.partition('/')[2]}:" in file.read_text(encoding="utf-8")


def test_a_wrong_edit_is_an_error_in_json_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["host", "onboard", "a b", "--no-apply", "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    error = json.loads(shown.err.splitlines()[-1])["error"]
    assert error["diagnostics"][0]["id"] == "IRA1134"
    assert file.read_text(encoding="utf-8") == FILE
