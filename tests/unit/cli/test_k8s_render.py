"""A key goes to a pipe, and nowhere else."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

from iam_ra.cli import app as frame

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ["k8s", "render", "prod", "--decrypt"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_key_is_written_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        assert frame.run(COMMAND) == 64
    os.close(ours)
    said = " ".join(capsys.readouterr().err.split())
    assert "the key of the cluster prod is not written to a terminal" in said
    assert "iam-ra k8s render prod --decrypt | kubectl apply --server-side -f -" in said


def test_no_key_is_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "out.yaml").open("w") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", file)
        assert frame.run(COMMAND) == 64
    assert "is not written to a file" in " ".join(capsys.readouterr().err.split())
