"""Reads the times that people type: a time of day, a date, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

FORMS = "14:05, 14:05:30, 2026-01-31 14:05, 90s, 10m, 2h or 1d ago"
"""What can be typed, for messages."""
_AGO = re.compile(r"(\d{1,9}(?:\.\d+)?)\s*(s|m|h|d|w)(?:\s+ago)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def read_moment(text: str, *, now: datetime) -> datetime | None:
    """Read a time that has passed.

    Args:
        text: a time of day is the last such one before `now`; a date without a zone is in that of
            `now`; `10m` or `10m ago` is so long before `now`.
        now: with a zone.

    Returns:
        The moment, or None when it is none.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            span = timedelta(seconds=float(ago[1]) * _SECONDS[ago[2]])
            # By the clock on the wall an hour would be missing or twice when clocks are changed.
            return (now.astimezone(UTC) - span).astimezone(now.tzinfo)
        if ":" in text and "-" not in text:
            moment = datetime.combine(now.date(), time.fromisoformat(text), tzinfo=now.tzinfo)
            return moment if moment <= now else moment - timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)


def milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, that year at the earliest."""
    return max(0, int(moment.timestamp() * 1000))
