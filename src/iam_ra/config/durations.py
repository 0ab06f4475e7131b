"""Durations as the file writes them: a whole number and one unit, such as `15m`, `12h`, `90d` or `10y`."""

from __future__ import annotations

import re
from datetime import timedelta

PATTERN = r"^[1-9][0-9]{0,8}[mhdy]$"
MAXIMUM = timedelta(days=100 * 365)

_FORM = re.compile(r"([1-9][0-9]{0,8})([mhdy])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "y": timedelta(days=365),
}


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` means; a year has 365 days.

    Raises ValueError, with a sentence for the user, when `text` is no duration or longer than 100 years.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not a duration")
    count, unit = int(match[1]), match[2]
    # Compared as counts: a timedelta of too many days overflows.
    if count > MAXIMUM // _UNITS[unit]:
        raise ValueError(f"`{text}` is longer than 100 years")
    return count * _UNITS[unit]


def format_duration(duration: timedelta) -> str:
    """Return `duration` in the largest unit that holds it exactly, in minutes at the least.

    The inverse of `parse_duration`. Raises ValueError for what no whole number of minutes can say.
    """
    if duration < timedelta(minutes=1) or duration % timedelta(minutes=1):
        raise ValueError(f"{duration} is not a whole number of minutes")
    for unit in "ydh":
        if not duration % _UNITS[unit]:
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration // _UNITS['m']}m"
