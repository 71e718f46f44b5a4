"""Moments as people write them, in their own time zone: `in 2h`, `18:30`, `2026-12-01T08:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from foundations.text.durations import read_duration

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_FORM = "write a moment such as `in 2h`, `18:30`, `2026-12-01T08:00` or `2026-12-01T08:00+01:00`"


def read_moment(text: str, now: datetime) -> datetime:
    """Read a moment that is to come.

    Args:
        text: `in` and a duration; a time of the day, which means the next one; or a time in
            ISO 8601, in the zone of `now` where it names none.
        now: the time, with its zone.

    Raises:
        ValueError: it is no moment, or over; the text says which.
    """
    wanted = text.strip()
    if wanted.startswith("in "):
        # Not in its own zone, where a day has 23 or 25 hours when clocks are changed.
        return now.astimezone(UTC) + timedelta(seconds=read_duration(wanted.removeprefix("in ")))
    clock = _CLOCK.fullmatch(wanted)
    if clock is not None:
        return _next_time_of_day(now, int(clock[1]), int(clock[2]))
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError as error:
        raise ValueError(_FORM) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    if moment < now:
        raise ValueError("write a moment that is still to come")
    return moment


def _next_time_of_day(now: datetime, hour: int, minute: int) -> datetime:
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    return today if today > now else today + timedelta(days=1)
