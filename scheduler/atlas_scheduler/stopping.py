"""Asking jobs to end: one, several at once, or what waits in the queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from atlas_scheduler.core.events import StopRequested
from atlas_scheduler.core.lifecycle import InvalidTransition
from atlas_scheduler.job_catalogue import parsed
from atlas_scheduler.store import jobs
from atlas_scheduler.transitions import Moved, Transitions
from foundations.errors import JobConflict, SchedulerError
from foundations.job_states import STOPPABLE_STATES
from foundations.models import Cleared, JobsStopped, JobState, JobView, StopJobs, StopRefusal
from foundations.stop_refusals import refused, too_many

_WAITS = (JobState.QUEUED,)


class Stopping(Transitions):
    """Jobs that wait end at once; those that run are asked to."""

    async def stop(self, ref: str, *, by: str) -> JobView:
        """Ask a job to end. A job that waits is stopped at once.

        Raises:
            JobConflict: it has ended already.
        """
        job_id = await self.resolve(ref)
        try:
            await self.apply(job_id, StopRequested(self._clock_ms(), by))
        except InvalidTransition as error:
            raise _conflict(error) from error
        return await self.view(job_id)

    async def stop_jobs(
        self, which: StopJobs, *, by: str, only_of: str | None = None
    ) -> JobsStopped:
        """Ask several jobs to end, in one transaction.

        Of jobs that are named each is tried, and the answer says which were refused and why.

        Args:
            which: the jobs, or the filter that takes them.
            by: who asks.
            only_of: jobs of other users are none that the filter takes.

        Raises:
            InvalidRequest: the filter has an error.
            JobConflict: the filter takes more jobs than `at_most`; none was stopped.
        """
        event = StopRequested(self._clock_ms(), by)

        def step(conn: sqlite3.Connection) -> tuple[list[Moved], list[StopRefusal], int]:
            refs = which.jobs or self._taken(conn, which, only_of=only_of)
            moved, refusals = self._stop_each(conn, refs, event)
            return self._with_dependents(conn, moved), refusals, len(moved)

        moved, refusals, count = await self._durably(
            self._database.write(step, is_large=True), lambda outcome: self._publish(outcome[0])
        )
        asked = [job for job, _ in moved[:count]]
        return JobsStopped(
            stopped=[job.job_id for job in asked if job.is_final],
            stopping=[job.job_id for job in asked if not job.is_final],
            refused=refusals,
        )

    async def clear_queue(
        self,
        project: str | None,
        *,
        by: str,
        filter: str | None = None,
        only_of: str | None = None,
    ) -> Cleared:
        """Stop every job that waits, or those of one project or that a filter takes.

        Archives stay. With `only_of` jobs of other users stay too.

        Raises:
            InvalidRequest: the filter has an error.
        """
        now_ms = self._clock_ms()
        event = StopRequested(now_ms, f"{by} (clear-queue)")
        query = None if filter is None else parsed(filter, project=project, states=_WAITS)

        def step(conn: sqlite3.Connection) -> list[Moved]:
            taken = None if query is None else set(self._every_id(conn, query, now_ms))
            moved = [
                self._advance(conn, job, event)
                for job in jobs.queued(conn, project)
                if (taken is None or job.job_id in taken) and only_of in (None, job.user)
            ]
            return self._with_dependents(conn, moved)

        moved = await self._durably(self._database.write(step, is_large=True), self._publish)
        job_ids = [job.job_id for job, _ in moved]
        return Cleared(removed=len(job_ids), job_ids=job_ids)

    def _taken(
        self, conn: sqlite3.Connection, which: StopJobs, *, only_of: str | None
    ) -> list[str]:
        query = parsed(
            which.filter or "", project=which.project, states=STOPPABLE_STATES, user=only_of
        )
        taken = self._every_id(conn, query, self._clock_ms())
        if which.at_most is not None and len(taken) > which.at_most:
            raise too_many(len(taken), at_most=which.at_most)
        return taken

    def _stop_each(
        self, conn: sqlite3.Connection, refs: Iterable[str], event: StopRequested
    ) -> tuple[list[Moved], list[StopRefusal]]:
        moved: dict[str, Moved] = {}
        refusals: list[StopRefusal] = []
        for ref in refs:
            try:
                job_id = jobs.resolve(conn, ref)
                if job_id not in moved:
                    moved[job_id] = self._advance(conn, jobs.load_job(conn, job_id), event)
            except InvalidTransition as error:
                refusals.append(refused(ref, _conflict(error)))
            except SchedulerError as error:
                refusals.append(refused(ref, error))
        return list(moved.values()), refusals


def _conflict(error: InvalidTransition) -> JobConflict:
    return JobConflict(f"Job `{error.job.job_id}` is {error.job.state} and cannot be stopped")
