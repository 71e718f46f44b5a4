"""Keeps when a log was written, in a file beside it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from atlas_scheduler.core import time_index
from atlas_scheduler.core.time_index import ENTRY_BYTES, MOST_BYTES, TimeIndex
from atlas_scheduler.store.files import write_all
from foundations.logs.times import TimeMark
from foundations.models import LogTimes, LogTimesRange


class LogTimeFile:
    """The times of one log. One writer at a time, and any number of readers.

    Times are not worth a job's output: what cannot be written is left out.
    """

    def __init__(self, path: Path) -> None:
        """Open the times at a path; `begin` or the first mark makes the file."""
        self._path = path
        self._size_bytes: int | None = None
        """How long the file is; None until it was looked at, or when writing it went wrong."""
        self._resolution_ms = time_index.RESOLUTION_MS
        self._last: TimeMark | None = None

    @property
    def resolution_ms(self) -> int:
        """How far apart marks are."""
        self._look()
        return self._resolution_ms

    @property
    def last(self) -> TimeMark | None:
        """The mark that was made last."""
        self._look()
        return self._last

    @property
    def has_begun(self) -> bool:
        """Whether the times of this log are kept at all: a log of an older scheduler has none."""
        return self._path.exists()

    def begin(self) -> None:
        """Make the file, unless it is there."""
        with suppress(OSError):
            self._ready()

    def mark(self, mark: TimeMark) -> None:
        """Keep a mark, if it says something that the last one does not."""
        self._look()
        if not time_index.is_apart(mark, self._last, resolution_ms=self._resolution_ms):
            return
        try:
            size_bytes = self._ready()
            if size_bytes + ENTRY_BYTES > MOST_BYTES:
                size_bytes = self._thin()
            self._append(time_index.entry(mark))
        except OSError:
            self._size_bytes = None
            return
        self._size_bytes, self._last = size_bytes + ENTRY_BYTES, mark

    def read(self) -> TimeIndex:
        """Return what is kept, in any thread."""
        return time_index.decode(self._content())

    def _look(self) -> None:
        if self._size_bytes is None:
            data = self._content()
            index = time_index.decode(data)
            self._resolution_ms, self._last = index.resolution_ms, None
            if index.marks:
                self._last = TimeMark(index.marks.offsets[-1], index.marks.times_ms[-1])
            self._size_bytes = len(data) if time_index.is_whole(data) else 0

    def _ready(self) -> int:
        """See to it that marks may be appended; return how long the file is."""
        self._look()
        assert self._size_bytes is not None
        return self._size_bytes or self._replace(time_index.decode(self._content()))

    def _thin(self) -> int:
        index = time_index.thinned(time_index.decode(self._content()))
        self._resolution_ms = index.resolution_ms
        return self._replace(index)

    def _replace(self, index: TimeIndex) -> int:
        data = time_index.encode(index)
        part = self._path.with_name(f"{self._path.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.rename(self._path)
        self._size_bytes = len(data)
        return len(data)

    def _append(self, data: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""


def times_of(part: LogTimesRange, index: TimeIndex, *, job_id: str, size_bytes: int) -> LogTimes:
    """Answer when a part of a job's log was written, given how much of it has times."""
    end = size_bytes if part.end is None else min(part.end, size_bytes)
    marks = index.marks.part(part.offset, end, since_ms=part.since_ms).decimated(part.limit)
    return LogTimes(
        job_id=job_id,
        size_bytes=size_bytes,
        resolution_ms=index.resolution_ms,
        offsets=list(marks.offsets),
        times_ms=list(marks.times_ms),
    )
