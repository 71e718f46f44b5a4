"""When a cron line comes next, in a time zone, also on days when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.recurrence import BadRecurrence, next_after
from tests.core.profiles import PROPERTY


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def times(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next times, in UTC."""
    found, at_ms = [], ms(after)
    for _ in range(count):
        at_ms = next_after(cron, zone, at_ms)
        found.append(datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M"))
    return found


def test_a_line_means_the_time_of_its_zone() -> None:
    assert times("0 3 * * *", "UTC", "2026-06-01T02:59", 2) == [
        "2026-06-01T03:00",
        "2026-06-02T03:00",
    ]
    assert times("0 3 * * *", "Europe/Berlin", "2026-06-01T00:00", 1) == ["2026-06-01T01:00"]
    assert times("30 9 * * 1-5", "Asia/Tokyo", "2026-11-27T01:00", 1) == ["2026-11-30T00:30"]


def test_a_time_that_is_now_comes_the_next_time() -> None:
    assert times("0 3 * * *", "UTC", "2026-06-01T03:00", 1) == ["2026-06-02T03:00"]


def test_a_time_that_is_left_out_when_clocks_go_forward_comes_right_after_it() -> None:
    # On 2026-03-29 it is three right after two o'clock.
    assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2) == [
        "2026-03-29T01:00",
        "2026-03-30T00:30",
    ]
    assert times("0 * * * *", "Europe/Berlin", "2026-03-28T23:30", 3) == [
        "2026-03-29T00:00",
        "2026-03-29T01:00",
        "2026-03-29T02:00",
    ]


def test_a_time_that_is_there_twice_when_clocks_go_back_comes_once() -> None:
    # On 2026-10-25 it is two again when it should be three.
    assert times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]
    # What comes every hour comes in both of them.
    assert times("0 * * * *", "Europe/Berlin", "2026-10-24T23:30", 4) == [
        *("2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T03:00")
    ]


@pytest.mark.parametrize(
    ("cron", "zone", "problem"),
    [
        ("0 3 * *", "UTC", "has 4 fields. Five are needed"),
        ("0 0 3 * * *", "UTC", "has 6 fields. Five are needed"),
        ("@daily", "UTC", "has 1 field. Five are needed"),
        ("60 3 * * *", "UTC", "cannot be read: its minute is not from 0 to 59."),
        ("a b c d e", "UTC", "cannot be read"),
        (
            "0 0 31 4,6 *",
            "UTC",
            "cannot be read: its day of the month is not from 1 to 31, or none of its",
        ),
        ("0 3 * * *", "Europe/Atlantis", "There is no time zone `Europe/Atlantis`"),
        ("0 3 * * *", "../UTC", "There is no time zone"),
    ],
)
def test_what_is_no_recurrence_is_told(cron: str, zone: str, problem: str) -> None:
    with pytest.raises(BadRecurrence, match=problem):
        next_after(cron, zone, 0)


@PROPERTY
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    after=st.integers(ms("2020-01-01") // 1000, ms("2035-01-01") // 1000),
)
def test_a_daily_line_comes_each_day_of_its_zone_once(
    minute: int, hour: int, zone: str, after: int
) -> None:
    at_ms, days = after * 1000, []
    for _ in range(3):
        following = next_after(f"{minute} {hour} * * *", zone, at_ms)
        assert at_ms < following <= at_ms + timedelta(hours=49) / timedelta(milliseconds=1)
        at_ms = following
        days.append(datetime.fromtimestamp(at_ms / 1000, tz=ZoneInfo(zone)).date())
    assert [day - days[0] for day in days] == [timedelta(days=number) for number in range(3)]
