"""What `--now` takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iam_ra.cli.wishes import day_ahead
from iam_ra.engine.errors import UsageError

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("+90d", NOW + timedelta(days=90)),
        ("+15m", NOW + timedelta(minutes=15)),
        ("2026-03-04", NOW),
        ("2026-03-05", datetime(2026, 3, 5, tzinfo=UTC)),
        ("2030-01-31T12:00", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_day_to_come(text: str, day: datetime) -> None:
    turn = day_ahead(text)
    assert turn is not None
    assert turn(NOW) == day


def test_none_is_today() -> None:
    assert day_ahead(None) is None


@pytest.mark.parametrize("text", ["", "tomorrow", "90d", "+", "+90", "-90d", "2026-13-01", "reset"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(UsageError, match="no day to come"):
        day_ahead(text)


@pytest.mark.parametrize("text", ["2026-03-03", "2020-01-01", "2026-03-04T05:06:06", "2026-03-04T00:00"])
def test_what_is_past(text: str) -> None:
    turn = day_ahead(text)
    assert turn is not None
    with pytest.raises(UsageError, match="is past"):
        turn(NOW)
