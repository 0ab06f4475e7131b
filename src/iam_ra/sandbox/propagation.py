"""IAM is eventually consistent: for a while after a change, others go on seeing a role as it was.

Source: IAM User Guide, "Troubleshoot IAM: changes that I make are not always immediately visible".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from iam_ra.sandbox import loopback

if TYPE_CHECKING:
    from iam_ra.anywhere.situation import Role

Key = tuple[str, str]

# By account and role: when it changed (monotonic seconds), and what it was before. None: it was not there.
_changes: dict[Key, list[tuple[float, Role | None]]] = {}


def note(key: Key, before: Role | None) -> None:
    """Keep what a role is, at the moment before it changes."""
    _changes.setdefault(key, []).append((time.monotonic(), before))


def seen(key: Key, current: Role | None) -> Role | None:
    """Return the role as it was the delay ago."""
    since = time.monotonic() - loopback.settings().iam_delay_seconds
    recent = [change for change in _changes.pop(key, []) if change[0] > since]
    if not recent:
        return current
    _changes[key] = recent
    return recent[0][1]


def reset() -> None:
    """Forget all changes."""
    _changes.clear()
