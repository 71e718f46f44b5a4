"""How a verb of the scheduler changes something: with history, and never by halves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from atlas_scheduler.catalogue import Catalogue
from atlas_scheduler.core.filters import Query
from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.waiting import Places
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.outlook import numbered
from atlas_scheduler.store import history, jobs, queue_places
from atlas_scheduler.store.ballast import Ballast
from atlas_scheduler.store.job_search import every_id
from atlas_scheduler.store.transaction import Work
from foundations.errors import StorageFull

T = TypeVar("T")


class Shell(Protocol):
    """Who acts on what the service decided."""

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        """Begin the effects of a transition that is now durable; do not block."""

    def wake(self) -> None:
        """Look at the queue again: a job came, a slot came free, or a setting changed."""

    async def settle(self, job_id: str) -> None:
        """Wait until nothing is being done for a final job any more."""

    async def run_beside(self, job: Job, plan: ExecPlan) -> ExecSession:
        """Run a command where a job runs."""

    async def connect(self, job: Job, port: int) -> ExecSession:
        """Connect to a port of a job."""

    def tidy(self) -> None:
        """Look again for deleted jobs that cannot come back: one more is marked."""


class Writing(Catalogue):
    """The catalogue with what every verb needs that changes something."""

    shell: Shell
    """Who performs effects; set it once, before anything is served."""

    ballast: Ballast | None = None
    """What is given up when a deletion finds the disk full."""

    async def close(self) -> None:
        """Let writes that are under way end, and break off what the next start takes up."""
        for chore in self._chores:
            chore.cancel()
        self.machine.close()
        under_way = self._writes | self._chores
        if under_way:
            await asyncio.wait(under_way)

    def _append(
        self, conn: sqlite3.Connection, job: Job, event: str, at_ms: int, detail: dict[str, Any]
    ) -> None:
        history.append_change(
            conn,
            job_id=job.job_id,
            project=job.project,
            event=event,
            state=job.state,
            at_ms=at_ms,
            detail=detail,
        )

    def _append_for_queue(
        self, conn: sqlite3.Connection, event: str, project: str | None, detail: dict[str, Any]
    ) -> None:
        history.append_queue_change(
            conn, project=project, event=event, at_ms=self._clock_ms(), detail=detail
        )

    async def _durably(self, write: Awaitable[T], then: Callable[[T], None]) -> T:
        """Run a write and what must follow it to the end, even when the caller is cancelled."""

        async def run() -> T:
            value = await write
            then(value)
            return value

        task = asyncio.create_task(run())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _write_with_line(
        self, step: Callable[[sqlite3.Connection], T], *, is_large: bool = False
    ) -> T:
        """Run a write that looks at the queue in memory, which must not outlive its failure."""
        try:
            return await self._database.write(step, is_large=is_large)
        except BaseException:
            self._line.forget()  # it may have seen what was undone
            raise

    async def _write_to_free(self, step: Work[T], *, is_large: bool = False) -> T:
        """Write what leads to free space: it must be possible on a full disk too.

        Raises:
            StorageFull: giving up the ballast did not help.
        """
        try:
            return await self._database.write(step, is_large=is_large)
        except StorageFull:
            if self.ballast is not None:
                await asyncio.to_thread(self.ballast.release)
            await self._database.tidy_log()
            return await self._database.write(step, is_large=is_large)

    def _every_id(self, conn: sqlite3.Connection, query: Query, now_ms: int) -> list[str]:
        """The id of every job that a filter takes, in its order."""
        if not query.names(BuiltIn.PLACE):
            return list(every_id(conn, query, now_ms=now_ms))
        # Read anew: the queue in memory may not have seen what this write did before.
        line, holding = Line(jobs.queued(conn)), jobs.holding(conn)
        places = Places(line, holding, self._capacity(conn), now_ms=now_ms)
        with queue_places.known(numbered(places)):
            return list(every_id(conn, query, now_ms=now_ms))

    def _announce(self, _: object = None) -> None:
        """Wake whoever follows the changes."""
        self.feed.announce()

    def _wake(self, _: object = None) -> None:
        """Wake whoever follows the changes, and look at the queue again."""
        self.feed.announce()
        self.shell.wake()

    def _announce_deletion(self, _: object = None) -> None:
        self.feed.announce()
        self.shell.tidy()

    async def _resume_archive(self, job: Job) -> None:
        """Complete the archive of a restored job that was deleted before that was done."""
        if not (await self.load(job.job_id)).archived:
            self.shell.perform(job, (Effect.FINISH,))
