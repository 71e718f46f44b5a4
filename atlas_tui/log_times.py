"""When the lines of a log were written: as the scheduler says, or as they came in here."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from foundations.logs.times import TimeMarks

RESOLUTION_SECONDS = 1.0
MOST_MARKS = 100_000
"""More than a day, when something arrives every second; then the oldest are forgotten."""
MOST_PARTS = 32
MARGIN_BYTES = 64 * 1024
"""So much before and behind the lines in sight is asked for with them."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What the scheduler said of a part of the log."""

    begin: int
    end: int
    marks: TimeMarks


class LogTimes:
    """Knows for each offset when it was written, or that it must be asked for."""

    def __init__(self) -> None:
        self._offsets: list[int] = []
        self._times: list[float] = []
        self._end = 0
        self._parts: list[_Part] = []

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

    def told(self, begin: int, end: int, marks: TimeMarks) -> None:
        """Note what the scheduler says of a part; without a mark it is not known there."""
        kept = [one for one in self._parts if not (begin <= one.begin and one.end <= end)]
        self._parts = [*kept, _Part(begin, end, marks)][-MOST_PARTS:]

    def of(self, offset: int) -> float | None:
        """When the byte at an offset was written; None when nobody knows, or it was not asked."""
        part = self._part(offset)
        if part is None:
            return self._seen(offset)
        at_ms = part.marks.time_ms_of(offset)
        return None if at_ms is None else at_ms / 1000

    def is_open(self, offset: int) -> bool:
        """Whether the scheduler must be asked for an offset."""
        return self._part(offset) is None and self._seen(offset) is None

    def _part(self, offset: int) -> _Part | None:
        """What the scheduler said last of where an offset is."""
        return next((one for one in reversed(self._parts) if one.begin <= offset < one.end), None)

    def _seen(self, offset: int) -> float | None:
        place = bisect_right(self._offsets, offset) - 1
        if place < 0 or offset >= self._end:
            return None
        return self._times[place] or None

    def _mark(self, offset: int, at: float) -> None:
        self._offsets.append(offset)
        self._times.append(at)
        if len(self._times) > MOST_MARKS:
            del self._offsets[: MOST_MARKS // 10], self._times[: MOST_MARKS // 10]
