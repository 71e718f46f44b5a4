"""Brings a job's log from the scheduler: its end first, then what comes, other parts on demand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from atlas_tui.log_store import FIRST_BYTES, LogStore
from atlas_tui.log_times import MARGIN_BYTES, LogTimes
from foundations.job_states import FINAL_STATES
from foundations.logs.lines import BLOCK_BYTES
from foundations.logs.times import TimeMarks

if TYPE_CHECKING:
    from foundations import models
    from foundations.client import AsyncClient
    from foundations.models import JobDetail


class LogFeed:
    """One job's log."""

    def __init__(
        self, client: AsyncClient, job_id: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.job_id = job_id
        self.store = LogStore()
        self.times = LogTimes()
        self.job: JobDetail | None = None
        """As last asked for."""
        self.is_followed = False
        self.skipped = False
        """Whether something came, while nobody followed, that was not read."""
        self.read_bytes = 0
        """How much has been read in all."""
        self._end = 0
        self._coming: int | None = None
        """Where the stream is that reads the end of the log, while there is one."""
        self._client = client
        self._clock = clock

    async def look(self) -> JobDetail:
        """Ask how the job stands.

        Raises:
            AtlasError: it is gone, or the scheduler does not answer.
        """
        self.job = await self._client.job(self.job_id)
        self.store.grew(self.job.log_size_bytes)
        return self.job

    async def follow(self, tell: Callable[[bytes], None]) -> None:
        """Read the end of the log as `look` saw it, and what is written until the job ends.

        Args:
            tell: called with what was not there before, after it was taken into the store.

        Raises:
            AtlasError: the job is gone, or the scheduler does not answer for long.
        """
        job = self.job or await self.look()
        seen = job.log_size_bytes
        self.times.unseen(seen)
        offset = max(0, seen - FIRST_BYTES) // BLOCK_BYTES * BLOCK_BYTES
        self.skipped |= 0 < self._end < offset
        self.is_followed = job.state not in FINAL_STATES
        self._coming = offset
        try:
            pieces = self._client.logs(self.job_id, offset=offset, follow=self.is_followed)
            async for piece in pieces:
                self.store.put(offset, piece)
                self.read_bytes += len(piece)
                fresh = piece[max(0, self._end - offset) :]
                offset += len(piece)
                self._coming = offset
                self._end = max(self._end, offset)
                if offset > seen:
                    self.times.arrived(offset, self._clock())
                tell(fresh)
        finally:
            self.is_followed, self._coming = False, None

    def around(self, first: int, last: int) -> range:
        """The part of the log, in bytes, that is asked about with some lines."""
        end = max(last + 1, min(self.store.size, last + MARGIN_BYTES))
        return range(max(0, first - MARGIN_BYTES), end)

    async def bring_times(self, part: range) -> None:
        """Ask when a part of the log was written.

        Raises:
            AtlasError: the job is gone, or the scheduler does not answer.
        """
        begin, end = part.start, part.stop
        found = await self._client.log_times(self.job_id, offset=begin, end=end)
        self.times.told(begin, end, TimeMarks(found.offsets, found.times_ms))

    async def reached(self, since_ms: int) -> models.LogTimes:
        """Ask where in the log a time (ms since 1970) is reached: the first mark of the answer.

        Raises:
            AtlasError: the job is gone, or the scheduler does not answer.
        """
        return await self._client.log_times(self.job_id, since_ms=since_ms, limit=1)

    async def bring(self, first: int, last: int) -> bool:
        """Read blocks that are not here, and are not about to come. Returns whether there are more.

        Raises:
            AtlasError: the job is gone, or the scheduler does not answer.
        """
        last = min(last, max(self.store.size - 1, 0) // BLOCK_BYTES)
        if self._coming is not None:
            last = min(last, self._coming // BLOCK_BYTES - 1)
        missing = [one for one in range(max(first, 0), last + 1) if not self.store.has(one)]
        if not missing:
            return False
        offset = missing[0] * BLOCK_BYTES
        length = (missing[-1] + 1) * BLOCK_BYTES - offset
        async for piece in self._client.logs(self.job_id, offset=offset, length=length):
            self.store.put(offset, piece)
            self.read_bytes += len(piece)
            offset += len(piece)
        return any(self.store.has(one) for one in missing)
