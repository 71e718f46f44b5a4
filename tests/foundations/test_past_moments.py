"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from foundations.past_moments import milliseconds, read_moment

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
