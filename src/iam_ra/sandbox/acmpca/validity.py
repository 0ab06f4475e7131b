"""From when until when an issued certificate is good.

Source: AWS Private CA API reference, IssueCertificate and Validity.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

from iam_ra.sandbox.acmpca.errors import InvalidArgsError, ValidationError

# For clocks that are slow: an issued certificate is good from an hour before it was asked for.
BACKDATED = timedelta(hours=1)
SHORT_LIVED = timedelta(days=7)
MONTHS_A_YEAR = 12
END_DATE_FORMATS = {12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}


def not_before(given: dict[str, Any] | None, now: datetime) -> datetime:
    """Return the start of a validity; `given` is the request's ValidityNotBefore."""
    if given is None:
        return now - BACKDATED
    if given["Type"] != "ABSOLUTE":
        raise InvalidArgsError("ValidityNotBefore must be of the type ABSOLUTE.")
    return _instant(given["Value"])


def not_after(given: dict[str, Any], now: datetime) -> datetime:
    """Return the end of a validity; relative ones count from now."""
    kind, value = given["Type"], given["Value"]
    try:
        if kind == "END_DATE":
            return datetime.strptime(str(value), END_DATE_FORMATS[len(str(value))]).replace(tzinfo=UTC)
        if kind == "ABSOLUTE":
            return _instant(value)
        if kind == "DAYS":
            return now + timedelta(days=value)
        return _months(now, value * (MONTHS_A_YEAR if kind == "YEARS" else 1))
    except (ValueError, OverflowError, KeyError):
        raise ValidationError(f"The validity {value} {kind} is not a date in range.") from None


def check(start: datetime, end: datetime, now: datetime, issuer_end: datetime | None) -> None:
    """Refuse a certificate that is over before it begins, or that would outlive its issuer."""
    if end <= max(start, now):
        raise ValidationError("The certificate validity specified is not in the future.")
    if issuer_end is not None and end > issuer_end:
        raise ValidationError("The certificate validity specified exceeds the certificate authority validity")


def _instant(value: int) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValidationError(f"The validity {value} ABSOLUTE is not a date in range.") from None


def _months(start: datetime, count: int) -> datetime:
    years, month = divmod(start.month - 1 + count, MONTHS_A_YEAR)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
