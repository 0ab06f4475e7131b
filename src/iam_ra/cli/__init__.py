"""The command line: parse, call, render. No command pays for the imports of another."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `iam-ra` with the arguments of this process, and end it with the exit code."""
    from iam_ra.cli.app import run  # noqa: PLC0415 - whoever imports one command's module need not load the frame

    sys.exit(run(sys.argv[1:]))
