"""The verbs of the scheduler, and the only writer of job state.

Every change is load → advance → save with its history row in one transaction. Then followers of the
change feed are woken and the effects go to the `Shell`: commit first, act second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.events import Claimed, RunFound
from atlas_scheduler.core.queue import choose_next
from atlas_scheduler.deletions import Deletions
from atlas_scheduler.executing import Executing
from atlas_scheduler.garbage import Garbage
from atlas_scheduler.projects import Projects
from atlas_scheduler.queueing import Queueing
from atlas_scheduler.remarks import Remarks
from atlas_scheduler.schedules import Schedules
from atlas_scheduler.stopping import Stopping
from atlas_scheduler.store import jobs, provenance
from atlas_scheduler.store.local_runs import local_run_job
from atlas_scheduler.store.run_dirs import RunDescription
from atlas_scheduler.store.threads import in_thread
from atlas_scheduler.transitions import Moved
from atlas_scheduler.tunnelling import Tunnelling
from atlas_scheduler.upkeep import Upkeep
from atlas_scheduler.watching import Watching
from foundations.models import (
    BundleView,
    FilesReceived,
    MissingFile,
    MissingFiles,
)
from foundations.provenance import Execution

GPU_LOOK_MS = 10_000
"""How often GPUs that others use are looked at again."""


class Service(
    Schedules,
    Stopping,
    Remarks,
    Projects,
    Deletions,
    Garbage,
    Queueing,
    Executing,
    Tunnelling,
    Upkeep,
    Watching,
):
    """The catalogue's questions, plus what changes something.

    Methods raise `foundations.errors.SchedulerError` kinds.
    """

    # -- submitting

    async def receive_bundle(
        self, digest: str, stream: AsyncIterator[bytes], *, size_bytes: int | None = None
    ) -> BundleView:
        """Take in a packed bundle; it is durable and checked when this returns."""
        return await self.bundles.receive(
            stream, digest=digest, size_bytes=size_bytes, max_bytes=self.max_bundle_bytes
        )

    async def declare_bundle(
        self, digest: str, listing: bytes, *, bounds: Bounds | None = None
    ) -> MissingFiles:
        """Take in a bundle by its listing; when nothing is missing it is durable and checked.

        Raises:
            TooMany: files are missing, and there would be no space for the bundle in `bounds`.
        """

        def declare() -> MissingFiles:
            # All of it in the thread: for so many files as there may be it takes a second.
            max_bytes = self.max_bundle_bytes
            missing = self.bundles.listed.declare(digest, listing, max_bytes=max_bytes)
            return MissingFiles(
                missing=[
                    MissingFile(sha256=sha256, size_bytes=size_bytes, arrived_bytes=arrived_bytes)
                    for sha256, (size_bytes, arrived_bytes) in missing.items()
                ]
            )

        told = await in_thread(declare)
        if told.missing and bounds is not None:
            await self._require_space_for(bounds, digest, listing)
        return told

    async def receive_files(self, stream: AsyncIterator[bytes]) -> FilesReceived:
        """Take in files of bundles; they are durable and checked when this returns."""
        max_bytes = self.max_bundle_bytes
        return FilesReceived(files=await self.bundles.listed.receive(stream, max_bytes=max_bytes))

    async def enter_local_run(self, run: RunDescription) -> bool:
        """Take a local run into the jobs, unless it is there.

        Returns:
            Whether it is new.
        """

        def step(conn: sqlite3.Connection) -> list[Moved]:
            if jobs.is_known(conn, run.job_id):
                return []
            found = local_run_job(run, order=jobs.next_order(conn))
            jobs.insert_job(conn, found, now_ms=found.job.submitted_at_ms)
            return [self._advance(conn, found.job, RunFound(found.job.submitted_at_ms))]

        moved: list[Moved] = await self._durably(self._database.write(step), self._publish)
        return bool(moved)

    # -- queue

    async def take_turn(self) -> int | None:
        """Do what is due, then claim every job whose turn it is; their starts go to the shell.

        Returns:
            When (ms) to look again though nothing happens; None is never.
        """
        due_ms = await self._claim(unless_due=True)
        now_ms = self._clock_ms()
        if due_ms is not None and due_ms <= now_ms:
            await self.run_schedules()
            await self.end_overdue()
            due_ms = await self._claim(unless_due=False)
        gpus_ms = now_ms + GPU_LOOK_MS if self.supply.occupied_gpus else None
        return min((ms for ms in (due_ms, gpus_ms) if ms is not None), default=None)

    async def _claim(self, *, unless_due: bool) -> int | None:
        """Claim what the queue picks, in the transaction that finds out when something is due.

        Args:
            unless_due: claim nothing when that is now: it may end what would be claimed.

        Returns:
            When (ms) a time comes that somebody waits for; None is never.
        """
        await self._look_at_gpus()
        await in_thread(partial(self.disk_guard.look, self.engine.places))
        now_ms = self._clock_ms()

        def step(conn: sqlite3.Connection) -> tuple[list[Moved], int | None]:
            due_ms = self._next_moment_ms(conn, now_ms)
            if unless_due and due_ms is not None and due_ms <= now_ms:
                return [], due_ms
            return self._claim_picks(conn, now_ms), due_ms

        _, due_ms = await self._durably(
            self._write_with_line(step), lambda outcome: self._publish(outcome[0])
        )
        return due_ms

    def _claim_picks(self, conn: sqlite3.Connection, now_ms: int) -> list[Moved]:
        line = self._line.up_to_date(conn)
        decision = choose_next(line, jobs.holding(conn), self._capacity(conn), now_ms=now_ms)
        for job_id in decision.passed_over:
            jobs.save_job(conn, replace(line[job_id], passed_over_at_ms=now_ms))
        engine = self.engine.name
        return [
            self._advance(conn, line[pick.job_id], Claimed(now_ms, pick.gpus), engine=engine)
            for pick in decision.picks
        ]

    async def _look_at_gpus(self) -> None:
        """Find out which GPUs others use, where the settings ask for that."""
        free_part = self.supply.gpu_memory_free
        if free_part is None:
            return
        try:
            self.supply.occupied_gpus = await self.machine.occupied_gpus(free_part)
        except TimeoutError:
            silent = "the NVIDIA driver does not answer"
            self.supply.occupied_gpus = dict.fromkeys(self.engine.gpus, silent)

    # -- what becomes of a job

    async def note_execution(self, job_id: str, execution: Execution) -> None:
        """Keep what the engine says that an attempt runs on."""
        await self._database.write(lambda conn: provenance.save_execution(conn, job_id, execution))

    async def mark_archived(self, job_id: str) -> None:
        """Note that a job's archive is complete."""
        await self._database.write(lambda conn: jobs.mark_archived(conn, job_id))
        self.feed.announce()
