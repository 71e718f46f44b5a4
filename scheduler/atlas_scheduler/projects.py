"""The verbs for whole projects: rename, describe, delete."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence

import structlog

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import jobs, projects
from atlas_scheduler.writing import Writing
from foundations.errors import JobConflict, SchedulerError
from foundations.models import DeletedProject, ProjectView

SWEEP_SECONDS = 20.0
"""Longest time that a deletion is not answered while files are removed; the rest goes on after."""

log = structlog.get_logger(__name__)


class Projects(Writing):
    """A project is there from its first submission on, and until it is deleted."""

    async def rename_project(self, name: str, new_name: str) -> ProjectView:
        """Give a project another name; its jobs go with it.

        Raises:
            InvalidRequest: another project has the new name.
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> ProjectView:
            projects.rename(conn, name, new_name)
            return projects.view(conn, new_name)

        return await self._durably(self._database.write(step), self._announce)

    async def describe_project(self, name: str, description: str) -> ProjectView:
        """Say what a project is about; an empty text says nothing any more.

        Raises:
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> ProjectView:
            projects.describe(conn, name, description)
            return projects.view(conn, name)

        return await self._durably(self._database.write(step), self._announce)

    async def delete_project(self, name: str, *, by: str) -> DeletedProject:
        """Delete a project with its jobs and their archives; it is gone when this returns.

        Raises:
            JobConflict: a job of it has not ended.
            NotFound: there is no such project.
        """
        for job in await self._database.read(lambda conn: _ended_jobs(conn, name)):
            await self.shell.settle(job.job_id)

        def step(conn: sqlite3.Connection) -> list[str]:
            ended = _ended_jobs(conn, name)
            now_ms = self._clock_ms()
            for job in ended:
                jobs.mark_deleted(conn, job.job_id, now_ms)
                self._append(conn, job, "Deleted", now_ms, {"by": by})
            projects.retire(conn, name, now_ms)
            projects.purge(conn)
            return [job.job_id for job in ended]

        job_ids = await self._durably(self._database.write(step), self._announce)
        sweeping = asyncio.create_task(self._sweep(job_ids))
        self._chores.add(sweeping)
        sweeping.add_done_callback(self._chores.discard)
        await asyncio.wait({sweeping}, timeout=SWEEP_SECONDS)
        return DeletedProject(name=name, jobs=len(job_ids))

    async def _sweep(self, job_ids: Sequence[str]) -> None:
        """Remove what is left of deleted jobs; the next start takes up what this cannot."""
        for job_id in job_ids:
            try:
                await self.shell.sweep(job_id)
            except (SchedulerError, OSError) as error:
                log.warning("files stay behind", job_id=job_id, problem=str(error))
        await self._database.write(projects.purge)


def _ended_jobs(conn: sqlite3.Connection, name: str) -> list[Job]:
    """The jobs of a project, all of which have ended."""
    found = projects.jobs_of(conn, name)
    active = Counter(str(job.state) for job in found if not job.is_final)
    if active:
        counts = ", ".join(f"{count} {state}" for state, count in active.items())
        raise JobConflict(
            f"Project `{name}` has jobs that have not ended ({counts}). Stop them first."
        )
    return found
