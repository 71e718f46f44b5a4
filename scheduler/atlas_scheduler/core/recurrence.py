"""When something that is repeated happens next: cron's five fields, in a time zone."""

from __future__ import annotations

from cronsim import CronSim, CronSimError

from atlas_scheduler.core.times import utc
from foundations.text.quantities import counted
from foundations.text.time_zones import zone

_FIELDS = 5
_RANGES = {
    "minute": "minute is not from 0 to 59",
    "hour": "hour is not from 0 to 23",
    "day-of-month": "day of the month is not from 1 to 31, or none of its months has it",
    "month": "month is not from 1 to 12, or JAN to DEC",
    "day-of-week": "day of the week is not from 0 to 7, or SUN to SAT",
}
"""What is wrong with a field, by cronsim's name for it."""


class BadRecurrence(Exception):
    """What is no recurrence; the text says why."""


def next_after(cron: str, time_zone: str, after_ms: int) -> int:
    """Find the first time (ms) after another one.

    When clocks are set forward, what would have been in the hour that is left out happens right
    after it; when they are set back, what has an hour of its own happens once, as with Debian's
    cron.

    Raises:
        BadRecurrence: the zone is not known, or the fields cannot be read or never come.
    """
    place = zone(time_zone)
    if place is None:
        raise BadRecurrence(
            f"There is no time zone `{time_zone}`. Zones are called as in Europe/Berlin or UTC."
        )
    if len(cron.split()) != _FIELDS:
        raise BadRecurrence(
            f"`{cron}` has {counted(len(cron.split()), 'field')}. Five are needed: minute, hour, "
            "day of the month, month and day of the week, as in `0 3 * * *` for every day at three."
        )
    after = utc(after_ms).astimezone(place)
    try:
        return int(next(CronSim(cron, after)).timestamp()) * 1000
    except CronSimError as error:
        words = str(error)
        problem = _RANGES.get(words.removeprefix("Bad "))
        said = f"its {problem}" if problem else words
        raise BadRecurrence(f"`{cron}` cannot be read: {said}.") from error
    except StopIteration as error:
        raise BadRecurrence(f"`{cron}` does not come in the next fifty years.") from error
