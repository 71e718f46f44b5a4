"""The time zone of this machine, by its name: an offset alone does not know of daylight saving."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_LOCALTIME = Path("/etc/localtime")


def local_zone_name() -> str | None:
    """Name the zone as the tz database does, such as `Europe/Berlin`; None when it is not known."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked()):
        if name and zone(name) is not None:
            return name
    return None


def local_zone() -> ZoneInfo | None:
    """Return the zone of this machine; None when it is not known."""
    name = local_zone_name()
    return None if name is None else zone(name)


def local_now() -> datetime:
    """Return the time, in a zone that knows of daylight saving where that is known."""
    return in_local_zone(datetime.now(UTC))


def in_local_zone(moment: datetime) -> datetime:
    """Return a moment as clocks on this machine show it."""
    return moment.astimezone(local_zone())


def zone(name: str) -> ZoneInfo | None:
    """Find a zone by its name; None when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a directory
        return None


def _linked() -> str:
    """What the system's zone file is a link to, below the directory of all zones."""
    try:
        target = str(_LOCALTIME.resolve())
    except OSError:
        return ""
    return target.partition("zoneinfo/")[2].removeprefix("posix/")
