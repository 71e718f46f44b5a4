"""A job's output: one file, written to its end once, followed by any number of readers."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.time_index import TimeIndex
from atlas_scheduler.store.archives import LOG
from atlas_scheduler.store.files import storage_errors, write_all, write_durably
from atlas_scheduler.store.log_followers import Followers, LogReader, size_of
from atlas_scheduler.store.log_times import LogTimeFile
from foundations.home import Home
from foundations.logs.times import TimeMark

CHUNK_BYTES = 64 * 1024
"""The most that a follower gets at once."""
_LINE_BYTES = 1024


class FileLog:
    """One job's log (`atlas_scheduler.engine.port.JobLog`).

    Appending may happen in any thread, and is not synced: after a power cut the job is gone too.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int | None = None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """Open the log of a path; the file is made by the first write.

        Args:
            path: where it is.
            limit_bytes: how much of the job's own output `append` keeps; None is everything.
            clock_ms: tells the time of day.
        """
        self._path = path
        self._limit_bytes = limit_bytes
        self._clock_ms = clock_ms
        self._write_lock = threading.Lock()
        self._followers = Followers(path)
        self._times = LogTimeFile(path.with_name(f"{path.name}.times"))
        self._timed_bytes: int | None = None
        """Up to where it is known when the log was written; None while nobody wrote through this
        or watched it grow."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    @property
    def size_bytes(self) -> int:
        """How much it holds; 0 before the first write."""
        return size_of(self._path)

    def last_line(self) -> str:
        """The last line that is complete, as far as a person reads it; empty without one."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(max(0, self.size_bytes - _LINE_BYTES))
            *lines, _ = file.read().decode("utf-8", "replace").split("\n")
            return lines[-1].strip() if lines else ""
        return ""

    def say(self, text: str) -> None:
        """Append a line of Atlas' own, before the job's first byte.

        Raises:
            RuntimeError: the job has output already; the line would count as part of it.
            StorageFull: the disk is full.
        """
        with self._write_lock:
            origin = self._origin()
            if origin is not None and self.size_bytes > origin:
                raise RuntimeError(f"{self._path} has output of the job already")
            self._append(f"{text}\n".encode())
            if origin is not None:
                self._write_origin()
        self._followers.wake()

    def begin_attempt(self, number: int, text: str) -> None:
        """Say that a further attempt follows, whose output is counted from here on; once each.

        Raises:
            StorageFull: the disk is full.
        """
        with self._write_lock:
            if self._attempt >= number:
                return
            self._append(f"{'' if self._is_at_line_start else chr(10)}{text}\n".encode())
            self._write_origin(attempt=number)
        self._followers.wake()

    def begin_output(self) -> int:
        """Mark where the job's own output begins, once; return how much of it is kept (bytes)."""
        with self._write_lock:
            origin = self._origin()
            if origin is None:
                origin = self._write_origin()
            kept_bytes = self.size_bytes - origin
            return kept_bytes if self._limit_bytes is None else min(kept_bytes, self._limit_bytes)

    def append(self, data: bytes, written: Sequence[TimeMark] = ()) -> None:
        """Append the job's own output, and wake followers. Blocks on the disk.

        What is over the limit is dropped, and a line at the end says so.

        Args:
            data: the output.
            written: from which offsets in `data` on it was written when; without any it is now.

        Raises:
            StorageFull: the disk is full; part of `data` may be kept, as `begin_output` says.
        """
        with self._write_lock:
            kept = data if self._limit_bytes is None else self._within_limit(data)
            self._append(kept, written)
        self._followers.wake()

    def touch(self) -> None:
        """Note how far the file grew by another hand, and wake followers. Blocks on the disk."""
        with self._write_lock:
            has_grown = self._note_growth()
        if has_grown:
            self._followers.wake()

    def times(self) -> tuple[int, TimeIndex]:
        """Return up to where (bytes) it is known when the log was written, and when that was.

        Blocks on the disk.
        """
        with self._write_lock:
            if self._timed_bytes is not None:
                self._note_growth()
            size_bytes = self.size_bytes if self._timed_bytes is None else self._timed_bytes
        return size_bytes, self._times.read()

    async def follow(
        self, offset: int = 0, *, ended: asyncio.Event, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the log from an offset on, as it grows, to the end of the job.

        Args:
            offset: where to begin (bytes, not negative); it may lie behind what is there yet.
            ended: set when the job is final and its log complete. What the log holds at that
                moment is still delivered.
            length: most bytes to yield; None is everything.
        """
        stop = None if length is None else offset + length
        async with LogReader(self._path) as reader:
            with self._followers.added(ended) as grown:
                end: int | None = None
                while True:
                    grown.clear()
                    if end is None and ended.is_set():
                        end = self.size_bytes
                    ends = [one - offset for one in (end, stop) if one is not None]
                    limit = min([CHUNK_BYTES, *ends])
                    data = await reader.read(offset, limit) if limit > 0 else b""
                    if data:
                        offset += len(data)
                        yield data
                    elif end is not None or offset == stop:
                        return
                    else:
                        await grown.wait()

    def _within_limit(self, data: bytes) -> bytes:
        assert self._limit_bytes is not None
        room_bytes = self._limit_bytes - (self.size_bytes - (self._origin() or 0))
        if len(data) <= room_bytes:
            return data
        if room_bytes < 0:
            return b""
        notice = f"\n[Atlas: only the first {self._limit_bytes} bytes of the output are kept.]\n"
        return data[:room_bytes] + notice.encode()

    def _append(self, data: bytes, written: Sequence[TimeMark] = ()) -> None:
        with storage_errors():
            descriptor = self._open_to_append()
            try:
                begin = os.lseek(descriptor, 0, os.SEEK_END)
                # Before the bytes: a mark that nothing follows is harmless, bytes without one
                # would seem older than they are.
                for mark in written or (TimeMark(0, self._clock_ms()),):
                    if mark.offset < len(data):
                        self._times.mark(TimeMark(begin + mark.offset, mark.at_ms))
                write_all(descriptor, data)
                self._timed_bytes = begin + len(data)
            finally:
                os.close(descriptor)

    def _note_growth(self) -> bool:
        """Mark what another process wrote with the time of the last of it; say if there was any."""
        try:
            status = self._path.stat()
        except OSError:
            return False
        at_ms = min(status.st_mtime_ns // 1_000_000, self._clock_ms())
        if self._timed_bytes is None:
            self._timed_bytes = self._timed_before(status.st_size, at_ms)
        if status.st_size <= self._timed_bytes:
            return False
        self._times.mark(TimeMark(self._timed_bytes, at_ms))
        self._timed_bytes = status.st_size
        return True

    def _timed_before(self, size_bytes: int, at_ms: int) -> int:
        """Up to where an earlier process of the server saw the log grow.

        That is not kept: if something was written since, all behind the last mark may have been.
        """
        if not self._times.has_begun:
            return size_bytes
        last, origin = self._times.last, self._origin() or 0
        if last is None:
            return origin
        is_noted = at_ms < last.at_ms + self._times.resolution_ms
        return size_bytes if is_noted else max(last.offset, origin)

    def _open_to_append(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._path, flags, 0o644)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o644)

    @property
    def _origin_path(self) -> Path:
        return self._path.with_name(f"{self._path.name}.origin")

    @property
    def _is_at_line_start(self) -> bool:
        size_bytes = self.size_bytes
        if not size_bytes:
            return True
        with self._path.open("rb") as file:
            file.seek(size_bytes - 1)
            return file.read(1) == b"\n"

    def _origin(self) -> int | None:
        marks = self._marks()
        return marks[0] if marks else None

    @property
    def _attempt(self) -> int:
        """Whose output begins at the origin."""
        return dict(enumerate(self._marks())).get(1, 1)

    def _marks(self) -> list[int]:
        """The origin, and the attempt where it is not the first; nothing before that."""
        try:
            return [int(word) for word in self._origin_path.read_text().split()]
        except FileNotFoundError:
            return []

    def _write_origin(self, *, attempt: int | None = None) -> int:
        origin, attempt = self.size_bytes, attempt or self._attempt
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with storage_errors():
            marks = f"{origin}" if attempt == 1 else f"{origin} {attempt}"
            write_durably(self._origin_path, marks.encode())
        self._times.begin()
        self._timed_bytes = origin
        return origin


class Logs:
    """The logs of one home. Everybody who asks for the same one gets the same one."""

    def __init__(self, home: Home, *, limit_bytes: int | None = None) -> None:
        """Open the logs of a home, each with this limit (see `FileLog`)."""
        self._home = home
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._logs: WeakValueDictionary[str, FileLog] = WeakValueDictionary()

    def of(self, job_id: str) -> FileLog:
        """Return a job's log. Writers and followers that share it need not wait for the disk."""
        with self._lock:
            log = self._logs.get(job_id)
            if log is None:
                log = FileLog(self._home.archive(job_id) / LOG, limit_bytes=self._limit_bytes)
                self._logs[job_id] = log
            return log
