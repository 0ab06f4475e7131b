"""The sandbox's time of day: the real one, or one that was set ahead or back, and runs on from there.

One for the whole process, as moto's state is. What judges by it: everything that asks `now`, and of moto whatever asks
`moto.core.utils.utcnow`, which is nearly all of it, Secrets Manager's dates and the creation
dates of S3 buckets.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

from moto.core import utils

from iam_ra.config.durations import parse_duration

RESET = "reset"
ASKS_TIME = frozenset({"secretsmanager"})
_LONG = timedelta(days=100 * 365)


class _Shift:
    def __init__(self) -> None:
        self.by = timedelta(0)


_shift = _Shift()


def now() -> datetime:
    """Return the sandbox's time, in UTC."""
    return datetime.now(UTC) + _shift.by


def is_shifted() -> bool:
    """Tell whether the sandbox's time is another than the real one."""
    return bool(_shift.by)


def shift() -> timedelta:
    """Return how far the sandbox's time is ahead of the real one."""
    return _shift.by


def shift_to(by: timedelta) -> None:
    """Set how far the sandbox's time is ahead of the real one."""
    _shift.by = by


def reset() -> None:
    """Go back to the real time."""
    _shift.by = timedelta(0)


def turn(to: str) -> datetime:
    """Set the clock and return its new time: `+90d` from where it stands, a date (ISO 8601, UTC), or `reset`.

    Raises ValueError, with a sentence for the user, for anything else and for more than 100 years from today.
    """
    wanted = _shift.by if to != RESET else timedelta(0)
    if to.startswith("+"):
        wanted += parse_duration(to[1:])
    elif to != RESET:
        wanted = _date(to) - datetime.now(UTC)
    if abs(wanted) > _LONG:
        raise ValueError(f"`{to}` is more than 100 years from today")
    _shift.by = wanted
    return now()


def install() -> None:
    """Let moto ask this clock. Services that are imported later find it too."""
    original = utils.utcnow
    if original is _naive_now:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and getattr(module, "utcnow", None) is original:
            vars(module)["utcnow"] = _naive_now


def install_in(service: str) -> None:
    """Let a service of moto that asks the module `time` ask this clock, once it is imported."""
    if service in ASKS_TIME:
        vars(import_module(f"moto.{service}.models"))["time"] = SimpleNamespace(
            time=lambda: now().timestamp()
        )


def _date(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"`{text}` is neither a duration such as `+90d`, a date such as `2030-01-31`, nor `{RESET}`"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _naive_now() -> datetime:
    return now().replace(tzinfo=None)
