"""Logs, and the feed of what changes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from atlas_scheduler.api.logs import FARTHEST
from atlas_scheduler.core.time_index import TimeIndex
from atlas_scheduler.store.log_search import search_log
from atlas_scheduler.store.log_times import times_of
from foundations.models import (
    FINAL_STATES,
    Change,
    HostView,
    LogMatches,
    LogSearch,
    LogTimes,
    LogTimesRange,
    NewRecords,
    QueueChange,
)
from tests.api.fake_service.state import State

LOG_PIECE_BYTES = 1000


class Logs(State):
    """Logs, and the feed of what changes, in memory."""

    def log_size(self, job_id: str) -> int:
        return len(self._jobs[job_id].log)

    async def search_log(self, ref: str, search: LogSearch) -> LogMatches:
        job = self._jobs[await self.resolve(ref)]
        with tempfile.NamedTemporaryFile() as file:
            file.write(job.log)
            file.flush()
            return search_log(Path(file.name), search)

    async def log_times(self, ref: str, part: LogTimesRange) -> LogTimes:
        job = self._jobs[await self.resolve(ref)]
        index = TimeIndex(100, job.log_marks)
        return times_of(part, index, job_id=job.job_id, size_bytes=len(job.log))

    async def read_log(
        self, job_id: str, offset: int, *, follow: bool, length: int | None = None
    ) -> AsyncIterator[bytes]:
        job = self._jobs[job_id]
        stop = FARTHEST if length is None else offset + length
        with self._follower():
            while True:
                changed = self._changed
                ended = not follow or job.state in FINAL_STATES
                while offset < min(len(job.log), stop):
                    piece = bytes(job.log[offset : min(offset + LOG_PIECE_BYTES, stop)])
                    offset += len(piece)
                    yield piece
                if ended or offset >= stop:
                    return
                await changed.wait()

    async def changes(
        self,
        since: int,
        *,
        job_id: str | None = None,
        follow: bool,
        queue: bool = False,
        records: bool = False,
        host: bool = False,
    ) -> AsyncIterator[Change | QueueChange | NewRecords | HostView | None]:
        if host and follow:
            yield await self.machine.host()
        async for one in self._follow(since, job_id, follow, queue, records):
            yield one

    async def _follow(
        self, since: int, job_id: str | None, follow: bool, queue: bool, records: bool
    ) -> AsyncIterator[Change | QueueChange | NewRecords | None]:
        with self._follower():
            while True:
                changed = self._changed
                told = [*self._changes, *(self._queue_changes if queue else ())]
                for change in sorted(told, key=lambda one: one.seq):
                    if change.seq <= since:
                        continue
                    since = change.seq
                    if job_id is None or (isinstance(change, Change) and change.job_id == job_id):
                        yield change
                if records and self._recorded:
                    yield NewRecords(job_ids=sorted(self._recorded))
                    self._recorded.clear()
                if not follow:
                    return
                try:
                    async with asyncio.timeout(self.heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield None

    def _follower(self) -> _Counted:
        return _Counted(self)


class _Counted:
    """Counts a follower for as long as it reads."""

    def __init__(self, service: State) -> None:
        self._service = service

    def __enter__(self) -> None:
        self._service.followers += 1
        self._service.announce()

    def __exit__(self, *_: object) -> None:
        self._service.followers -= 1
        self._service.announce()
