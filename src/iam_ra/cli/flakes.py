"""What an apply wrote for Nix and git does not know yet: flakes do not see it."""

from __future__ import annotations

import os
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.engine.plan import Plan

_FEW = 3


def point_out_untracked(plan: Plan, root: Path) -> None:
    """Name the files on stderr, with the command that makes git know them."""
    from iam_ra.files.tracking import untracked  # noqa: PLC0415 - part of no --help
    from iam_ra.kinds.host_nix_export import exported_files  # noqa: PLC0415

    written = {path for change in plan.changes for path in exported_files(change) if (root / path).is_file()}
    unseen = untracked(written, root, os.environ)
    if not unseen:
        return
    named = unseen if len(unseen) <= _FEW else sorted({PurePosixPath(path).parts[0] for path in unseen})
    files = "1 new file" if len(unseen) == 1 else f"{len(unseen):,} new files"
    click.echo(f"Nix flakes do not see {files} until git does: git add -N {shlex.join(named)}", err=True)
