from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("90d", timedelta(days=90)),
        ("10y", timedelta(days=3650)),
        ("100y", timedelta(days=36500)),
    ],
)
def test_each_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == text


@pytest.mark.parametrize(
    "text", ["", "90", "d", "0d", "-1d", "1.5h", "1 d", "1w", "1D", "01d", "1d2h", "\u0661d", "1d\n"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["101y", "999999999y", "999999999d"])
def test_durations_end_at_a_century(text: str) -> None:
    with pytest.raises(ValueError, match="longer than 100 years"):
        parse_duration(text)


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(seconds=90), timedelta(minutes=-5)])
def test_only_whole_minutes_have_a_text(duration: timedelta) -> None:
    with pytest.raises(ValueError, match="whole number of minutes"):
        format_duration(duration)


@given(st.integers(min_value=1, max_value=100 * 365 * 24 * 60))
def test_format_is_the_inverse_of_parse(minutes: int) -> None:
    duration = timedelta(minutes=minutes)
    assert parse_duration(format_duration(duration)) == duration
