from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from iam_ra.files.tracking import untracked

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
NAMES = ["exports/nix/web.json", "exports/nix/ü b.json"]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRON, check=True, capture_output=True)  # noqa: S607


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet in a folder of a repository, since the file need not lie on top."""
    git(tmp_path, "init", "-q")
    folder = tmp_path / "fleet"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


def test_what_git_knows_is_tracked_committed_or_not(fleet: Path) -> None:
    assert untracked(NAMES, fleet, ENVIRON) == sorted(NAMES)
    git(fleet, "add", "-N", NAMES[0])
    assert untracked(NAMES, fleet, ENVIRON) == [NAMES[1]]
    git(fleet, "add", NAMES[1])
    assert untracked(NAMES, fleet, ENVIRON) == []


def test_what_git_ignores_is_not_tracked(fleet: Path) -> None:
    (fleet / ".gitignore").write_text("exports\n")
    git(fleet, "add", ".")
    assert untracked(NAMES, fleet, ENVIRON) == sorted(NAMES)


def test_without_a_repository_or_git_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert untracked(NAMES, tmp_path, {**ENVIRON, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}) == []
    assert untracked(NAMES, tmp_path, {"PATH": str(tmp_path)}) == []
