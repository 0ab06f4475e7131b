"""Keeping to a service's quota of calls a second.

Sources: AWS IAM Roles Anywhere User Guide, "Quotas" (one call a second of each family); AWS Secrets Manager User Guide,
"Quotas" (50 a second for what writes values). CloudFormation and IAM publish none: theirs are what users see.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from iam_ra.aws.errors import THROTTLED

if TYPE_CHECKING:
    from collections.abc import Callable

_TOO_MANY = 429


class Pace:
    """Lets calls through no faster than `per_second`, whichever thread they come from, after the first `burst` ones.

    What was not used comes back with time, up to `burst`. After `slow_down` there is no burst any more.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        burst: float = 1,
    ) -> None:
        self._gap = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._burst = burst
        # When the call after the next one would be due if all of them had kept to the gap.
        self._next = -math.inf
        self._guard = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._guard:
            now = self._clock()
            ahead = (self._burst - 1) * self._gap
            turn = max(now, self._next - ahead)
            self._next = max(now, self._next) + self._gap
        if turn > now:
            self._sleep(turn - now)

    def slow_down(self) -> None:
        """Keep strictly to the pace from now on: the service said that it was too much."""
        with self._guard:
            self._burst = 1
            # Who waits already has a turn; the next one comes after a gap at least.
            self._next = self._clock() + self._gap


class Rate(NamedTuple):
    """How many calls a second of a family a service takes, and how many at once before it is told otherwise.

    A family is the operations of a service (as botocore's events name it) with one of the `words` in their name.
    """

    service: str
    words: tuple[str, ...]
    per_second: float
    burst: float


_AT_ONCE: Final = 5
# Where no quota is published, calls are held back only once the service throttles them.
RATES: Final = (
    Rate("rolesanywhere", ("TrustAnchor", "NotificationSettings"), 1, _AT_ONCE),
    Rate("rolesanywhere", ("Profile", "AttributeMapping"), 1, _AT_ONCE),
    Rate("rolesanywhere", ("Crl",), 1, _AT_ONCE),
    Rate("rolesanywhere", ("Subject",), 1, _AT_ONCE),
    Rate("rolesanywhere", ("Tag", "Untag"), 1, _AT_ONCE),
    Rate("cloudformation", ("DescribeStacks",), 5, math.inf),
    Rate("cloudformation", ("",), 5, math.inf),
    Rate("iam", ("",), 10, math.inf),
    Rate("secrets-manager", ("PutSecretValue", "UpdateSecret"), 50, 50),
    Rate("secrets-manager", ("",), 50, math.inf),
)


class Paces:
    """The paces of one session, a family of a service each; botocore's events drive them."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._paces = {rate: Pace(rate.per_second, clock, sleep, burst=rate.burst) for rate in RATES}

    def register(self, events: Any) -> None:
        """Hold every attempt of every call, and hear how it ended."""
        events.register("before-send.*", self._hold)
        events.register("needs-retry.*", self._heard)

    def of(self, event_name: str) -> Pace | None:
        """Return the pace of an event's operation (`before-send.rolesanywhere.ListCrls`), if it has one."""
        _, service, operation = event_name.split(".")
        for rate, pace in self._paces.items():
            if rate.service == service and any(word in operation for word in rate.words):
                return pace
        return None

    def _hold(self, event_name: str, **_: Any) -> None:
        pace = self.of(event_name)
        if pace is not None:
            pace.wait()

    def _heard(self, event_name: str, response: Any = None, **_: Any) -> None:
        pace = self.of(event_name)
        if pace is None or response is None:
            return
        http, parsed = response
        error = parsed.get("Error", {}).get("Code", "")
        if http.status_code == _TOO_MANY or error in THROTTLED:
            pace.slow_down()
