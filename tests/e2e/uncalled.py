"""Tells which actions of the table of permissions no end-to-end test needed. `make test` runs it on what they wrote."""

from __future__ import annotations

import sys
from pathlib import Path

from iam_ra.aws.permissions import TABLE


def main(file: Path) -> None:
    """Print the actions that are not in the file, one a line of its statement."""
    needed = set(file.read_text(encoding="utf-8").split()) if file.exists() else set()
    for grant in TABLE:
        uncalled = [action for action in grant.actions if action not in needed]
        if uncalled:
            sys.stdout.write(f"listed, and needed by no test: {grant.sid}: {', '.join(uncalled)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
