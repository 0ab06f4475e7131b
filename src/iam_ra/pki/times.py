"""The dates of a certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from iam_ra.engine.errors import CertificateError

# Whoever checks a fresh certificate may have a clock that is a little behind ours.
BACKDATE = timedelta(minutes=5)
# 9999-12-31 means "no end" (RFC 5280 4.1.2.5), and date arithmetic past it overflows: end well before.
LATEST = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)


def start_at(now: datetime) -> datetime:
    """Return the notBefore of a certificate made `now` (aware); whole seconds, as X.509 counts."""
    return now.astimezone(UTC).replace(microsecond=0) - BACKDATE


def end_after(now: datetime, validity: timedelta) -> datetime:
    """Return the notAfter of a certificate made `now` (aware) to live for `validity`, at most `LATEST`."""
    if validity < timedelta(seconds=1):
        raise CertificateError(
            "A certificate cannot be made.",
            why=f"Its validity is {validity}.",
            fix="Give a validity of days or years.",
        )
    start = now.astimezone(UTC).replace(microsecond=0)
    return start + min(validity, LATEST - start)
