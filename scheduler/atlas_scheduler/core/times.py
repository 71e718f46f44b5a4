"""Milliseconds since 1970 inside the scheduler, UTC datetimes outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(at_ms: int) -> datetime:
    """A time as a datetime, exact to the millisecond."""
    return _EPOCH + timedelta(milliseconds=at_ms)
