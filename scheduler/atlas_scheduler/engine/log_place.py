"""Where a container's log was read to, told by times that may be whole seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from atlas_scheduler.engine.frames import Entry
from atlas_scheduler.engine.state import parse_time_ms


class LogPlace:
    """The time of the last entries that were read, and how many there were of that time."""

    def __init__(self) -> None:
        self._at_ms = 0
        self._count = 0
        self._again_ms = 0
        self._known = 0

    def read_again(self) -> float:
        """Begin to read what is new; return from when (seconds since 1970).

        That is before the last time, as an engine may leave out what is of that very time.
        """
        self._again_ms, self._known = self._at_ms, self._count
        return max(0.0, math.floor(self._at_ms / 1000) - 0.5)

    def unseen(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take the next entries since then, and leave out those that were read before."""
        unseen = []
        for entry in entries:
            at_ms = _time_ms(entry)
            if at_ms == self._again_ms and self._known > 0:
                self._known -= 1
            elif at_ms >= self._again_ms:
                unseen.append(entry)
        return unseen

    def passed(self, entries: Sequence[Entry]) -> None:
        """Note that the next entries were read."""
        for entry in entries:
            at_ms = _time_ms(entry)
            if at_ms > self._at_ms:
                self._at_ms, self._count = at_ms, 0
            self._count += 1


def _time_ms(entry: Entry) -> int:
    return parse_time_ms(entry.stamp.decode()) or 0
