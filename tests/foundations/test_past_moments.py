"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from foundations.text.past_moments import milliseconds, read_moment
from foundations.text.time_zones import in_local_zone, local_now

ZONE = timezone(timedelta(hours=2))
NOW = datetime(2026, 1, 31, 14, 5, 30, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:05", datetime(2026, 1, 31, 14, 5, tzinfo=ZONE)),
        (" 14:05:30 ", NOW),
        ("14:05:31", datetime(2026, 1, 30, 14, 5, 31, tzinfo=ZONE)),
        ("2026-01-30", datetime(2026, 1, 30, tzinfo=ZONE)),
        ("2026-01-30 09:30", datetime(2026, 1, 30, 9, 30, tzinfo=ZONE)),
        ("2026-01-30T09:30:00Z", datetime(2026, 1, 30, 9, 30, tzinfo=UTC)),
        ("90s", NOW - timedelta(seconds=90)),
        ("1.5h ago", NOW - timedelta(minutes=90)),
        ("2 d", NOW - timedelta(days=2)),
        ("1w", NOW - timedelta(days=7)),
    ],
)
def test_a_time_is_read(text: str, expected: datetime) -> None:
    assert read_moment(text, now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "14:05:99", "2026-13-01", "5", "5y", "-5m", "999999999w", "½h"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_moment(text, now=NOW) is None


def test_milliseconds_begin_in_1970() -> None:
    assert milliseconds(datetime(2026, 1, 31, 12, tzinfo=UTC)) == 1_769_860_800_000
    assert milliseconds(datetime(1, 1, 2, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31 14:05", "2026-01-31T13:05+00:00"),  # winter, asked for in summer
        ("5h ago", "2026-03-29T00:30+00:00"),  # across the hour that clocks leave out
        ("23:30", "2026-03-28T22:30+00:00"),  # the evening before that
    ],
)
def test_a_time_is_read_by_the_clocks_of_that_day(text: str, expected: str) -> None:
    now = datetime(2026, 3, 29, 5, 30, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert read_moment(text, now=now) == datetime.fromisoformat(expected)


def test_since_is_read_in_the_zone_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert str(local_now().tzinfo) == "Europe/Berlin"
    assert in_local_zone(datetime(2026, 7, 1, tzinfo=UTC)).hour == 2
    assert in_local_zone(datetime(2026, 1, 1, tzinfo=UTC)).hour == 1
