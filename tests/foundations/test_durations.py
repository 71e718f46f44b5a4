"""Durations are read in one form, and written in the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.text.durations import LONGEST_SECONDS, read_duration, write_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1_800),
        ("2h", 7_200),
        ("1d12h", 129_600),
        (" 1h30m ", 5_400),
        ("1d1h1m1s", 90_061),
        ("0s", 0),
        ("100m", 6_000),
        (timedelta(hours=1, seconds=1), 3_601),
        (timedelta(days=2), 172_800),
    ],
)
def test_a_duration_is_read(text: str | timedelta, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "2", "h", "2 h", "1h 30m", "30m1h", "1h1h", "1.5h", "-1h", "2H", "٢h", "1w"),
        *(90, 1.5, True, None, timedelta(seconds=-1), timedelta(milliseconds=1)),
    ],
)
def test_what_is_no_duration_is_told_what_one_is(value: object) -> None:
    with pytest.raises(ValueError, match=r"^write a duration such as 90s, 30m, 2h or 1d12h$"):
        read_duration(value)


@pytest.mark.parametrize("value", ["999999999d", "3651d", timedelta(days=3_651)])
def test_a_duration_has_an_end(value: object) -> None:
    with pytest.raises(ValueError, match=r"^write a duration of at most 10 years$"):
        read_duration(value)


@given(st.integers(0, LONGEST_SECONDS))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert read_duration(write_duration(seconds)) == seconds


def test_durations_are_written_with_no_more_units_than_they_need() -> None:
    written = [write_duration(seconds) for seconds in (0, 59, 60, 90, 7_200, 129_600, 90_061)]
    assert written == ["0s", "59s", "1m", "1m30s", "2h", "1d12h", "1d1h1m1s"]
