"""When the parts of a log were written, as marks: from this offset on, it came at this time.

What lies between two marks came at the time of the first one, or little later. The server keeps
marks beside each log; whoever shows a log asks for those of the part that is shown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from operator import ge
from typing import NamedTuple


class TimeMark(NamedTuple):
    """Where something begins that was written at a time."""

    offset: int
    """In bytes."""
    at_ms: int
    """In milliseconds since 1970."""


class TimeMarks:
    """Marks of one log, by their offsets.

    A mark replaces those that do not lie before it. Times may go back, where the clock did.
    """

    def __init__(self, offsets: Iterable[int] = (), times_ms: Iterable[int] = ()) -> None:
        """Take marks in the order they were made, as many offsets as times."""
        self.offsets = array("Q", offsets)
        self.times_ms = array("Q", times_ms)
        if any(map(ge, self.offsets, islice(self.offsets, 1, None))):
            self._put_right()
        self._latest_ms: array[int] | None = None
        """Of each mark and those before it; made when a time is looked for."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.offsets)

    def __iter__(self) -> Iterator[TimeMark]:
        """Give them in order."""
        return map(TimeMark, self.offsets, self.times_ms)

    def add(self, offset: int, at_ms: int) -> None:
        """Add a mark."""
        place = bisect_left(self.offsets, offset)
        del self.offsets[place:], self.times_ms[place:]
        self.offsets.append(offset)
        self.times_ms.append(at_ms)
        self._latest_ms = None

    def time_ms_of(self, offset: int) -> int | None:
        """When the byte at an offset was written; None before the first mark."""
        place = bisect_right(self.offsets, offset) - 1
        return None if place < 0 else self.times_ms[place]

    def part(
        self, offset: int = 0, end: int | None = None, *, since_ms: int | None = None
    ) -> TimeMarks:
        """The marks of a part of the log.

        Args:
            offset: the part's first byte; the mark that tells its time is the first one.
            end: where the part ends; None for the end of the log.
            since_ms: begin with the first mark of this time or later instead, when that lies
                behind `offset`.
        """
        first = max(bisect_right(self.offsets, offset) - 1, 0)
        if since_ms is not None:
            first = max(self._place_at(since_ms), bisect_left(self.offsets, offset))
        last = len(self) if end is None else bisect_left(self.offsets, end)
        return TimeMarks(self.offsets[first:last], self.times_ms[first:last])

    def decimated(self, most: int) -> TimeMarks:
        """So many at most, evenly chosen, the first always among them."""
        step = max(1, -(-len(self) // most))
        return TimeMarks(self.offsets[::step], self.times_ms[::step])

    def apart(self, milliseconds: int) -> TimeMarks:
        """Those whose time differs by so much from that of the kept one before."""
        kept: list[TimeMark] = []
        for mark in self:
            if not kept or abs(mark.at_ms - kept[-1].at_ms) >= milliseconds:
                kept.append(mark)
        return TimeMarks([mark.offset for mark in kept], [mark.at_ms for mark in kept])

    def _place_at(self, at_ms: int) -> int:
        if self._latest_ms is None:
            self._latest_ms = array("Q", accumulate(self.times_ms, max))
        # The first mark that is late enough is the one where the latest time becomes so.
        return bisect_left(self._latest_ms, at_ms)

    def _put_right(self) -> None:
        marks = list(self)
        self.offsets, self.times_ms = array("Q"), array("Q")
        for mark in marks:
            self.add(*mark)
