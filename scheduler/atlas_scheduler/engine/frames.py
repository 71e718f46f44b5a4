"""Docker's log stream as data: split it into entries, and find a place in it again.

With `timestamps=1` every entry is one frame: eight bytes of header, the time it was logged, a
space, then up to 16 KiB of what the job wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from atlas_scheduler.engine.state import parse_time_ms
from foundations.logs.times import TimeMark

HEADER_BYTES = 8
PART_BYTES = 16_384
"""What Docker logs of a longer line at once; only the last part of a line is shorter."""
_TENTH_BYTES = len("2026-01-31T12:00:00.0")
"""How much of a stamp is read to tell tenths of a second apart."""


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

    There, a line longer than 16 KiB comes without its newline. It had one if the same output goes
    on with another line. Where the other output goes on first, a part that is not full shows that
    the line had ended, and the newline is put there: progress bars on one output and messages on
    the other are common, an output that ends in the middle of such a line is not. After the very
    last line it cannot be known, and none is put.
    """

    def __init__(self) -> None:
        self._open: dict[int, _OpenLine] = {}
        """Of each output that did not end with a newline so far: its last line."""

    def mend(self, entries: Iterable[Entry]) -> bytes:
        """Take the next entries and return what the job wrote."""
        pieces: list[bytes] = []
        for entry in entries:
            for output, line in list(self._open.items()):
                if line.ended_before(entry, is_same_output=output == entry.output):
                    del self._open[output]
                    pieces.append(b"\n")
            before = self._open.pop(entry.output, None)
            if not entry.data.endswith(b"\n"):
                is_full = len(entry.data) == PART_BYTES
                is_long = is_full or (before is not None and before.is_long)
                self._open[entry.output] = _OpenLine(entry.stamp, is_long=is_long, is_full=is_full)
            pieces.append(entry.data)
        return b"".join(pieces)


class Verbatim:
    """Takes entries of a driver that loses nothing."""

    def mend(self, entries: Iterable[Entry]) -> bytes:
        """Take the next entries and return what the job wrote."""
        return b"".join(entry.data for entry in entries)


class _OpenLine(NamedTuple):
    """A line whose newline has not come."""

    stamp: bytes
    is_long: bool
    """Whether it has a full part, so that its newline may be lost."""
    is_full: bool
    """Whether its last part is a full one, so that more of it may come."""

    def ended_before(self, entry: Entry, *, is_same_output: bool) -> bool:
        if is_same_output:
            return entry.stamp != self.stamp
        return self.is_long and not self.is_full


def mend_timed(
    lines: LineMender | Verbatim, entries: Sequence[Entry]
) -> tuple[bytes, list[TimeMark]]:
    """Return what the job wrote, and when by the engine's clock: to a tenth of a second.

    Args:
        lines: mends the entries.
        entries: the next ones.
    """
    pieces: list[bytes] = []
    written: list[TimeMark] = []
    size_bytes = 0
    for together in _by_moment(entries):
        piece = lines.mend(together)
        # Where a stamp is no time, the time of the entry before goes on.
        with suppress(ValueError):
            at_ms = parse_time_ms(together[0].stamp.decode())
            if at_ms is not None:
                written.append(TimeMark(size_bytes, at_ms))
        pieces.append(piece)
        size_bytes += len(piece)
    return b"".join(pieces), written


def behind(known: int, written: Sequence[TimeMark]) -> list[TimeMark]:
    """Leave out the first bytes, so many; the last mark of these tells the time of the next."""
    times = {max(0, mark.offset - known): mark.at_ms for mark in written}
    return [TimeMark(offset, at_ms) for offset, at_ms in times.items()]


def _by_moment(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Part entries where they were logged in another tenth of a second, without reading times."""
    if entries and _moment(entries[0]) == _moment(entries[-1]):
        yield entries
        return
    for _, together in groupby(entries, _moment):
        yield list(together)


def _moment(entry: Entry) -> bytes:
    return entry.stamp[:_TENTH_BYTES]


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
