"""How many calls a second AWS takes, and the refusal of those above it.

Source: AWS IAM Roles Anywhere User Guide, "Quotas": one call a second of each family (trust anchors, profiles, CRLs,
subjects, tags) and ten of CreateSession. To which family attribute mappings and notification settings belong is not
said; here to profiles and trust anchors. DescribeStacks has no published quota; about five a second is what users see.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.sandbox.call import CREATE_SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.sandbox.call import Call

ROLES_ANYWHERE = "rolesanywhere"
# By a word in the operation's name; the first that fits.
FAMILIES = (
    ("TrustAnchor", "trust anchors"),
    ("NotificationSettings", "trust anchors"),
    ("Profile", "profiles"),
    ("AttributeMapping", "profiles"),
    ("Crl", "CRLs"),
    ("Subject", "subjects"),
    ("Tag", "tags"),
)
CONTROL_RATE, SESSION_RATE, DESCRIBE_STACKS_RATE = 1.0, 10.0, 5.0


@dataclass
class _Bucket:
    """Tokens that come back at `rate` a second, at most `rate` of them."""

    rate: float
    tokens: float
    filled: float

    def take(self, now: float) -> bool:
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Limits:
    """The rates of one sandbox, each in every region by itself. Safe to ask from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def allow(self, call: Call, region: str) -> bool:
        """Count a call; False when it is one too many. One that is refused does not count."""
        found = _limit(call)
        if found is None:
            return True
        family, rate = found
        with self._lock:
            now = self._clock()
            return self._buckets.setdefault((family, region), _Bucket(rate, rate, now)).take(now)

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._buckets.clear()


def _limit(call: Call) -> tuple[str, float] | None:
    if (call.service, call.operation) == ("cloudformation", "DescribeStacks"):
        return call.operation, DESCRIBE_STACKS_RATE
    if call.service != ROLES_ANYWHERE:
        return None
    if call.operation == CREATE_SESSION:
        return call.operation, SESSION_RATE
    family = next((family for word, family in FAMILIES if word in call.operation), None)
    return None if family is None else (family, CONTROL_RATE)
