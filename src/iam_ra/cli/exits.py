"""The exit codes; those of errors stand with their classes in engine.errors."""

from __future__ import annotations

from typing import Final

OK: Final = 0
ERROR: Final = 1
CHANGES: Final = 2
USAGE: Final = 64
# 128 + the signal's number, as shells say it.
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

MEANINGS: Final = (
    ("0", "done; plan: with or without changes"),
    ("1", "error"),
    ("2", "plan --detailed-exitcode: there are changes or drift; plan --drift-only: there is drift"),
    ("3", "apply: some parts failed, were skipped, or are due and were left out by --only"),
    (
        "4",
        "refused: stale plan, lock held, protected entity, too many deletions, wrong account, a conflict, no consent",
    ),
    ("64", "wrong usage"),
    ("130", "interrupted by Ctrl-C, SIGTERM or SIGHUP; what was in flight is finished and recorded"),
)
