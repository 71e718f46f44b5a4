"""Docker's log stream as data: split it into entries, and find a place in it again.

With `timestamps=1` every entry is one frame: eight bytes of header, the time it was logged, a
space, then up to 16 KiB of what the job wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

HEADER_BYTES = 8


class Entry(NamedTuple):
    """One entry of a container's log."""

    output: int
    """1 for what went to stdout, 2 for stderr."""
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

    def __init__(self) -> None:
        self._rest = b""

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
            entries.append(Entry(stream[begin], stamp, data))
            begin = end
        self._rest = stream[begin:]
        return entries


class LineMender:
    """Puts back the newlines that Docker's `local` driver loses before version 23.

    There, a line longer than 16 KiB comes without its newline. That it had one shows when the same
    output goes on with another line. After the very last line it cannot be known, and none is put.
    """

    def __init__(self) -> None:
        self._open: dict[int, bytes] = {}
        """Of each output that did not end with a newline so far: the stamp of its last entry."""

    def mend(self, entries: Iterable[Entry]) -> bytes:
        """Take the next entries and return what the job wrote."""
        pieces: list[bytes] = []
        for entry in entries:
            if self._open.get(entry.output, entry.stamp) != entry.stamp:
                pieces.append(b"\n")
            if entry.data.endswith(b"\n"):
                self._open.pop(entry.output, None)
            else:
                self._open[entry.output] = entry.stamp
            pieces.append(entry.data)
        return b"".join(pieces)


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
