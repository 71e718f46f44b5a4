"""Docker's log stream as data: split it into entries, and find a place in it again.

With `timestamps=1` every entry is one frame: eight bytes of header, the time it was logged, a
space, then up to 16 KiB of what the job wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

HEADER_BYTES = 8
PART_BYTES = 16_384
"""What Docker logs of a longer line at once; only the last part of a line is shorter."""


class Entry(NamedTuple):
    """One entry of a container's log."""

    stamp: bytes
    """When it was logged, to the nanosecond; the parts of one long line share it."""
    data: bytes
    """What the job wrote."""


class Mark(NamedTuple):
    """What an entry is recognised by."""

    stamp: bytes
    size_bytes: int


class FrameSplitter:
    """Takes the stream in pieces of any size and gives whole entries."""

    def __init__(self, *, loses_newlines: bool = False) -> None:
        """Begin at the stream's beginning.

        Args:
            loses_newlines: whether the engine leaves out the newline after a line longer than
                `PART_BYTES`. It is put back. An output that ends with such a line and without a
                newline looks the same, and gets one too.
        """
        self._rest = b""
        self._loses_newlines = loses_newlines
        self._unended: dict[int, bytes] = {}
        """Of each of the job's outputs: the stamp of the line that its last entry left open."""

    @property
    def is_between_entries(self) -> bool:
        """Whether all that came so far was given; False in the middle of an entry."""
        return not self._rest

    def feed(self, piece: bytes) -> list[Entry]:
        """Take the next piece and return the entries that it completes."""
        stream = self._rest + piece if self._rest else piece
        entries: list[Entry] = []
        begin, size = 0, len(stream)
        while size - begin >= HEADER_BYTES:
            end = begin + HEADER_BYTES + int.from_bytes(stream[begin + 4 : begin + 8], "big")
            if end > size:
                break
            stamp, _, data = stream[begin + HEADER_BYTES : end].partition(b" ")
            if self._loses_newlines:
                data += self._lost_newline(stream[begin], stamp, data)
            entries.append(Entry(stamp, data))
            begin = end
        self._rest = stream[begin:]
        return entries

    def _lost_newline(self, output: int, stamp: bytes, data: bytes) -> bytes:
        """Return the newline that belongs after an entry and is missing, or nothing."""
        if data.endswith(b"\n"):
            self._unended.pop(output, None)
            return b""
        if self._unended.get(output) == stamp and len(data) < PART_BYTES:
            del self._unended[output]
            return b"\n"
        self._unended[output] = stamp
        return b""


def count_after(recent: Sequence[Mark], tail: Sequence[Mark]) -> int | None:
    """Tell how many entries of a log's tail come after the ones that were seen last.

    Args:
        recent: the last entries that were seen, oldest first.
        tail: the last entries that there are, oldest first.

    Returns:
        None when it cannot be told for sure: `recent` is not in the tail, or in more than one
        place, or mostly parts of one long line, which look the same.
    """
    size = len(recent)
    if not size or 2 * len({mark.stamp for mark in recent}) < size:
        return None
    seen = list(recent)
    places = [
        end
        for end in range(size, len(tail) + 1)
        if tail[end - 1] == seen[-1] and list(tail[end - size : end]) == seen
    ]
    return len(tail) - places[0] if len(places) == 1 else None
