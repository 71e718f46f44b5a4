"""When the bytes of a log arrived, as far as anyone watched: a log itself has no times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, time, timedelta

RESOLUTION_SECONDS = 1.0
MOST_MARKS = 100_000
"""More than a day, when something arrives every second; then the oldest are forgotten."""


class LogTimes:
    """Knows for each offset when it arrived, or that nobody knows."""

    def __init__(self) -> None:
        self._offsets: list[int] = []
        self._times: list[float] = []
        self._end = 0

    def unseen(self, end: int) -> None:
        """Note that what is before `end` came while nobody watched."""
        if end > self._end:
            if self._times[-1:] != [0.0]:
                self._mark(self._end, 0.0)
            self._end = end

    def arrived(self, end: int, at: float) -> None:
        """Note that everything up to `end` has arrived.

        Args:
            end: offset behind the last byte.
            at: when, in seconds since the epoch.
        """
        if end > self._end:
            if not self._times or at >= self._times[-1] + RESOLUTION_SECONDS:
                self._mark(self._end, at)
            self._end = end

    def of(self, offset: int) -> float | None:
        """When the byte at an offset arrived; None when nobody knows."""
        place = bisect_right(self._offsets, offset) - 1
        if place < 0 or offset >= self._end:
            return None
        return self._times[place] or None

    def first(self) -> float | None:
        """The earliest time that is known."""
        return next((at for at in self._times if at), None)

    def place_of(self, at: float) -> int | None:
        """The offset of the first byte that arrived at a time or later; None when none did."""
        known = [(time, offset) for time, offset in zip(self._times, self._offsets, strict=True)]
        known = [pair for pair in known if pair[0]]
        place = bisect_left(known, (at, -1))
        return known[place][1] if place < len(known) else None

    def _mark(self, offset: int, at: float) -> None:
        self._offsets.append(offset)
        self._times.append(at)
        if len(self._times) > MOST_MARKS:
            del self._offsets[: MOST_MARKS // 10], self._times[: MOST_MARKS // 10]


def read_time(text: str, *, now: datetime) -> float | None:
    """Read `14:05` or `14:05:30` as the last such moment before `now`; None when it is none."""
    try:
        wanted = time.fromisoformat(text.strip())
    except ValueError:
        return None
    moment = datetime.combine(now.date(), wanted, tzinfo=now.tzinfo)
    return (moment if moment <= now else moment - timedelta(days=1)).timestamp()
