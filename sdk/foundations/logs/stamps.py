"""The lines of a log with the times that they were written at."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from foundations.errors import InvalidRequest
from foundations.logs.lines import BLOCK_BYTES
from foundations.logs.times import TimeMarks
from foundations.text.past_moments import milliseconds

if TYPE_CHECKING:
    from foundations.client import Client

PAUSE_SECONDS = 0.1
"""The scheduler is not asked again before: what comes meanwhile has the time that came last."""
_PARTS = re.compile(rb"[^\r\n]*[\r\n]?")


class LineTimes:
    """Says when lines of one log were written; asks the scheduler for what it does not know."""

    def __init__(
        self, client: Client, ref: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask of a job's log through a client."""
        self._client = client
        self._ref = ref
        self._clock = clock
        self._marks = TimeMarks()
        self._known_bytes = 0
        self._asked_at: float | None = None

    def ms_of(self, offset: int) -> int | None:
        """When the byte at an offset was written (ms since 1970); None when it is not known."""
        now = self._clock()
        is_due = self._asked_at is None or now - self._asked_at >= PAUSE_SECONDS
        if offset >= self._known_bytes and is_due:
            found = self._client.log_times(self._ref, offset=offset)
            for mark in zip(found.offsets, found.times_ms, strict=True):
                self._marks.add(*mark)
            self._known_bytes, self._asked_at = found.size_bytes, self._clock()
        return self._marks.time_ms_of(offset)

    def of(self, offset: int) -> datetime | None:
        """When the byte at an offset was written, in UTC."""
        at_ms = self.ms_of(offset)
        return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


class LogPart(NamedTuple):
    """A line, or what a carriage return makes of it, or a piece of one."""

    offset: int
    data: bytes
    begins: bool
    """Whether it stands where a line begins on the screen, and is not the rest of one."""


class LineParts:
    """Parts a log, given in pieces of any size, where a line begins or is written over."""

    def __init__(self, offset: int) -> None:
        """Begin at an offset, which counts as the beginning of a line."""
        self._offset = offset
        self._begins = True
        self._after_return = False

    def feed(self, piece: bytes) -> Iterator[LogPart]:
        """Take the next piece and yield its parts."""
        for data in _PARTS.findall(piece):
            if not data:
                continue
            is_end = self._after_return and data in (b"\r", b"\n")
            yield LogPart(self._offset, data, self._begins and not is_end)
            self._offset += len(data)
            self._begins, self._after_return = data[-1:] in (b"\r", b"\n"), data[-1:] == b"\r"


def whole_lines(pieces: Iterable[bytes], *, offset: int) -> Iterator[tuple[int, bytes]]:
    """Yield lines as they are complete, with their ends, each with its place in the log."""
    begun: list[bytes] = []
    for piece in pieces:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            whole = b"".join([*begun, line, b"\n"])
            yield offset, whole
            offset += len(whole)
            begun = []
        begun.append(rest)
    if last := b"".join(begun):
        yield offset, last


def timed_lines(
    client: Client, ref: str, *, since: datetime | None, follow: bool
) -> Iterator[tuple[datetime | None, str]]:
    """Yield the lines of a log, from a time on, with the times that they were written at.

    Raises:
        InvalidRequest: a time is given, and it is not known when the log was written.
    """
    start = 0 if since is None else offset_since(client, ref, milliseconds(since))
    times = LineTimes(client, ref)
    pieces = client.logs(ref, offset=start, follow=follow)
    for offset, line in whole_lines(pieces, offset=start):
        yield times.of(offset), line.decode("utf-8", "replace")


def offset_since(client: Client, ref: str, since_ms: int) -> int:
    """Find where the first line begins that was written at a time or later.

    That is the end of the log when nothing was.

    Raises:
        InvalidRequest: it is not known when the log was written.
    """
    found = client.log_times(ref, since_ms=since_ms, limit=1)
    if found.offsets:
        return _line_begin(client, ref, found.offsets[0])
    known = client.log_times(ref, limit=1)
    if known.size_bytes and not known.offsets:
        raise InvalidRequest(
            f"It is not known when the log of job `{known.job_id}` was written: it was kept by an "
            "older version of the scheduler."
        )
    return found.size_bytes


def _line_begin(client: Client, ref: str, offset: int) -> int:
    """Go back to where the line begins that an offset is in, if that is near."""
    start = max(0, offset - BLOCK_BYTES)
    before = b"".join(client.logs(ref, offset=start, length=offset - start)) if offset else b""
    place = before.rfind(b"\n") + 1
    return start + place if place or not start else offset
