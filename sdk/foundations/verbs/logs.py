"""What can be asked about the logs of jobs; `foundations.transport.followers` reads them."""

from __future__ import annotations

from foundations.calls import logs as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class LogVerbs(Sender):
    """Blocking; see `Client`."""

    def search_log(self, ref: str, search: models.LogSearch) -> models.LogMatches:
        """Find the lines of a job's log that have a pattern, on the scheduler.

        An answer is a bounded piece of work: go on at its `next_offset` until it says `ended`.

        Raises:
            InvalidRequest: the pattern cannot be used.
        """
        return self.send(calls.search_log(ref, search))

    def log_times(
        self,
        ref: str,
        *,
        offset: int = 0,
        end: int | None = None,
        since_ms: int | None = None,
        limit: int | None = None,
    ) -> models.LogTimes:
        """Say when a part of a job's log was written.

        Args:
            ref: the job.
            offset: where the part begins, in bytes.
            end: where it ends; None for the end of the log.
            since_ms: leave out what was written before, in milliseconds since 1970. The first
                mark of the answer is then where that time is reached.
            limit: most marks; of more, every second one, every third one, and so on.
        """
        call = calls.log_times(ref, offset=offset, end=end, since_ms=since_ms, limit=limit)
        return self.send(call)


class AsyncLogVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def search_log(self, ref: str, search: models.LogSearch) -> models.LogMatches:
        """Find the lines of a job's log that have a pattern, on the scheduler."""
        return await self.send(calls.search_log(ref, search))

    async def log_times(
        self,
        ref: str,
        *,
        offset: int = 0,
        end: int | None = None,
        since_ms: int | None = None,
        limit: int | None = None,
    ) -> models.LogTimes:
        """Say when a part of a job's log was written."""
        call = calls.log_times(ref, offset=offset, end=end, since_ms=since_ms, limit=limit)
        return await self.send(call)
