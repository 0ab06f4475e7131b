"""What a change does, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What happens to a part. A replacement is a delete, then a create."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"

    @property
    def symbol(self) -> str:
        """The mark in front of a line of the plan."""
        return _SYMBOLS[self]


_SYMBOLS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.DELETE: "-"}


class Cause(StrEnum):
    """Why a part changes. An open set: readers of JSON must accept causes they do not know."""

    NEW = "new"
    EDITED = "edited"
    REMOVED = "removed"
    UPSTREAM = "upstream"
    UPGRADE = "upgrade"
    MISSING = "missing"
    DRIFTED = "drifted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RENEWAL = "renewal"
    OVERLAP_OVER = "overlap_over"
    KEY_LOST = "key_lost"
    REQUESTED = "requested"
    COMPROMISED = "compromised"
    UNDELIVERED = "undelivered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    PENDING = "pending"
    SESSIONS_ENDED = "sessions_ended"
    SESSIONS_OVER = "sessions_over"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a change: a cause for programs, a sentence for people."""

    cause: Cause
    text: str
