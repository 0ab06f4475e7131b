"""Which files git knows: Nix flakes see no other file of a repository."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def untracked(paths: Iterable[str], root: Path, environ: Mapping[str, str]) -> list[str]:
    """Return those of the paths, relative to `root`, that git does not track; none where it has no repository."""
    git = shutil.which("git", path=environ.get("PATH"))
    if git is None:
        return []
    command = [git, "ls-files", "-z", "--cached"]
    done = subprocess.run(command, cwd=root, env=dict(environ), capture_output=True, check=False)
    tracked = set(done.stdout.decode(errors="surrogateescape").split("\0"))
    return sorted(set(paths) - tracked) if done.returncode == 0 else []
