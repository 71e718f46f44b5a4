"""What the scheduler does beside jobs: old archives, local runs, the disk, garbage, deletions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.local_runs import LocalRuns
from atlas_scheduler.service import Service
from foundations.errors import AtlasError
from foundations.models import JobState

LOCAL_RUNS_SECONDS = 30.0
"""How often local runs that were not followed are taken up again."""
RETRY_SECONDS = 30.0
"""Pause before what could not be removed is tried again."""
DISK_LOOK_SECONDS = 10.0
"""How often the disk is looked at beside each start."""
GARBAGE_SECONDS = 24 * 3600.0
"""How often what is kept no longer goes."""

log = structlog.get_logger(__name__)


class Chores:
    """Each is one task that ends with the server, and goes on after any trouble."""

    def __init__(
        self,
        service: Service,
        local_runs: LocalRuns,
        perform: Callable[[Job, Sequence[Effect]], None],
    ) -> None:
        self._service = service
        self._local_runs = local_runs
        self._perform = perform
        self._deleted = asyncio.Event()

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Begin all of them."""
        for chore in (
            self._finish_archives(),
            self._sweep_deleted(),
            self._watch_disk(),
            self._collect_garbage(),
            self._keep_local_runs(),
        ):
            group.create_task(chore)

    def tidy(self) -> None:
        """Look again for deleted jobs that cannot come back."""
        self._deleted.set()

    async def _finish_archives(self) -> None:
        """Take up archives that an earlier process of the server left unfinished."""
        for job in await self._service.unfinished_archives():
            self._perform(job, (Effect.FINISH,))

    async def _keep_local_runs(self) -> None:
        """Find local runs, and follow those that are known, also after trouble with one."""
        while True:
            for job in await self._service.running_locally():
                is_stopping = job.state is JobState.STOPPING
                self._perform(job, (Effect.STOP, Effect.WATCH) if is_stopping else (Effect.WATCH,))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOCAL_RUNS_SECONDS):
                    await self._local_runs.find()

    async def _watch_disk(self) -> None:
        """Let starts stop and go on as the disk has space; what fills it need not be ours."""
        while True:
            try:
                await self._service.watch_disk()
            except (AtlasError, OSError) as error:
                log.warning("the disk is not watched", problem=str(error))
            await asyncio.sleep(DISK_LOOK_SECONDS)

    async def _collect_garbage(self) -> None:
        """Let go of what is kept no longer, at the start and once a day."""
        while True:
            try:
                await self._service.collect_garbage(by="retention")
            except (AtlasError, OSError) as error:
                log.warning("garbage stays", problem=str(error))
            await asyncio.sleep(GARBAGE_SECONDS)

    async def _sweep_deleted(self) -> None:
        """Remove what is left of deleted jobs, each as soon as it cannot come back."""
        while True:
            self._deleted.clear()
            try:
                job_ids, pause_seconds = await self._service.begin_sweeps()
            except AtlasError as error:
                log.warning("deleted jobs stay", problem=error.message)
                job_ids, pause_seconds = [], RETRY_SECONDS
            swept = [await self._sweep(job_id) for job_id in job_ids]
            if any(swept):
                continue  # their projects may go now, and other graces may have ended
            if job_ids:
                pause_seconds = RETRY_SECONDS
            # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._deleted.wait()

    async def _sweep(self, job_id: str) -> bool:
        """Remove the files and then the rows of a job. Returns whether that could be done."""
        try:
            await asyncio.to_thread(self._service.archives.remove, job_id)
            leftover = await self._service.purge(job_id)
            if leftover is not None:
                await asyncio.to_thread(self._service.bundles.listed.discard, leftover)
        except (AtlasError, OSError) as error:
            log.warning("files stay behind", job_id=job_id, problem=str(error))
            return False
        return True
