"""Completes the archives of jobs that have ended, so many at a time."""

from __future__ import annotations

import asyncio

import structlog

from atlas_scheduler.service import Service
from atlas_scheduler.store.threads import finish_in_thread
from foundations.errors import StorageFull

RETRY_SECONDS = 30.0
"""Pause before an archive that did not fit, or could not be written, is tried again."""
AT_ONCE = 2
"""So many archives are completed at a time: a queue of thousands that is cleared must neither keep
jobs from starting nor the server from ending."""

log = structlog.get_logger(__name__)


class Archiving:
    """Completes archives, as often as the disk demands."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._places = asyncio.Semaphore(AT_ONCE)

    async def complete(self, job_id: str) -> None:
        """Complete the archive of a job; returns when it is on disk.

        Raises:
            NotFound: the job is gone.
        """
        while True:
            try:
                async with self._places:
                    return await self._complete(job_id)
            except (StorageFull, OSError) as error:
                log.warning("archive waits for the disk", job_id=job_id, problem=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _complete(self, job_id: str) -> None:
        detail = await self._service.job(job_id)
        record = detail.model_dump(mode="json")
        provenance = await self._service.provenance(job_id)
        finish = self._service.archives.finish
        await finish_in_thread(finish, job_id, detail.bundle, record, provenance)
