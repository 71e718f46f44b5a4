"""The file that keeps when a log was written: its bytes, read after whatever happened to it.

A head of 16 bytes, `ATLTIME1` and the resolution in milliseconds, then 16 bytes a mark: the offset
in the log from which on it was written at a time, and that time in milliseconds since 1970. Numbers
are unsigned, 64 bits, the least significant byte first. Marks are appended; a later one replaces
those that do not lie before it. Nothing says that the log has what a mark announces.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass

from foundations.logs.times import TimeMark, TimeMarks

RESOLUTION_MS = 100
"""How far apart marks are at first."""
ENTRY_BYTES = 16
MOST_BYTES = 1 << 20
"""How long a file may become before marks are let go of."""

_MAGIC = b"ATLTIME1"
_HEAD = struct.Struct("<8sQ")
_ENTRY = struct.Struct("<QQ")
_LARGEST = 2**62
_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999: what is later is no time."""


@dataclass(frozen=True, slots=True)
class TimeIndex:
    """What a file says."""

    resolution_ms: int
    """Marks are not closer together; what they tell is early by less than twice as much."""
    marks: TimeMarks


def head(resolution_ms: int = RESOLUTION_MS) -> bytes:
    """Return how a file begins."""
    return _HEAD.pack(_MAGIC, resolution_ms)


def entry(mark: TimeMark) -> bytes:
    """Return what is appended for a mark."""
    return _ENTRY.pack(*mark)


def encode(index: TimeIndex) -> bytes:
    """Return a whole file."""
    return head(index.resolution_ms) + b"".join(map(entry, index.marks))


def is_whole(data: bytes) -> bool:
    """Whether a file begins and ends as one does, so that more may be appended."""
    return data[: len(_MAGIC)] == _MAGIC and len(data) % ENTRY_BYTES == 0


def decode(data: bytes) -> TimeIndex:
    """Read a file; of one that is torn what is whole, and of anything else nothing."""
    if len(data) < _HEAD.size or data[: len(_MAGIC)] != _MAGIC:
        return TimeIndex(RESOLUTION_MS, TimeMarks())
    _, resolution_ms = _HEAD.unpack_from(data)
    numbers = array("Q", data[_HEAD.size : len(data) // ENTRY_BYTES * ENTRY_BYTES])
    if sys.byteorder == "big":
        numbers.byteswap()
    offsets, times_ms = numbers[::2], numbers[1::2]
    if times_ms and max(times_ms) > _LATEST_MS:
        times_ms = array("Q", (min(at_ms, _LATEST_MS) for at_ms in times_ms))
    return TimeIndex(min(max(resolution_ms, 1), _LARGEST), TimeMarks(offsets, times_ms))


def thinned(index: TimeIndex) -> TimeIndex:
    """Let go of marks: double the resolution until at most half of them, rounded up, are left.

    Those that stand alone stay. However often this was done, no time is early by twice the
    resolution: it adds up to once what it is now, and all before to less than that again.
    """
    most = -(-len(index.marks) // 2)
    resolution_ms, marks = index.resolution_ms, index.marks
    while len(marks) > most and resolution_ms < _LARGEST:
        resolution_ms *= 2
        marks = index.marks.apart(resolution_ms)
    return TimeIndex(resolution_ms, marks)


def is_apart(mark: TimeMark, last: TimeMark | None, *, resolution_ms: int) -> bool:
    """Whether a mark says something that the last one does not."""
    return last is None or abs(mark.at_ms - last.at_ms) >= resolution_ms
