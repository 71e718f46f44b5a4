"""The verbs for whole projects: rename, describe, delete, restore."""

from __future__ import annotations

import sqlite3
from collections import Counter

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import jobs, projects, schedules
from atlas_scheduler.store.queue_settings import rename_limit, stored_settings
from atlas_scheduler.writing import Writing
from foundations.errors import JobConflict
from foundations.models import DeletedProject, ProjectView, QueueSettings


class Projects(Writing):
    """A project is there from its first submission on, and until it is deleted."""

    async def rename_project(self, name: str, new_name: str, *, by: str) -> ProjectView:
        """Give a project another name; its jobs go with it.

        Raises:
            InvalidRequest: another project has the new name.
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> tuple[ProjectView, QueueSettings]:
            projects.rename(conn, name, new_name)
            rename_limit(conn, name, new_name)
            detail = {"by": by, "before": name}
            self._append_for_queue(conn, "ProjectRenamed", new_name, detail)
            return self._project(conn, new_name), stored_settings(conn) or self._queue

        def hold_from_now_on(renamed: tuple[ProjectView, QueueSettings]) -> None:
            self._queue = renamed[1]
            self._announce()

        view, _ = await self._durably(self._database.write(step), hold_from_now_on)
        return view

    async def describe_project(self, name: str, description: str, *, by: str) -> ProjectView:
        """Say what a project is about; an empty text says nothing any more.

        Raises:
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> ProjectView:
            projects.describe(conn, name, description)
            self._append_for_queue(conn, "ProjectDescribed", name, {"by": by})
            return self._project(conn, name)

        return await self._durably(self._database.write(step), self._announce)

    async def delete_project(self, name: str, *, by: str) -> DeletedProject:
        """Delete a project with its jobs and their archives; its name is free at once.

        Raises:
            JobConflict: a job of it has not ended, or it has schedules.
            NotFound: there is no such project.
        """
        for job in await self._database.read(lambda conn: _deletable_jobs(conn, name)):
            await self.shell.settle(job.job_id)

        def step(conn: sqlite3.Connection) -> int:
            ended = _deletable_jobs(conn, name)
            now_ms = self._clock_ms()
            for job in ended:
                jobs.mark_deleted(conn, job.job_id, now_ms)
                self._append(conn, job, "Deleted", now_ms, {"by": by})
            projects.retire(conn, name, now_ms)
            self._append_for_queue(conn, "ProjectDeleted", name, {"by": by})
            return len(ended)

        count = await self._durably(
            self._write_to_free(step, is_large=True), self._announce_deletion
        )
        return DeletedProject(name=name, jobs=count)

    async def restore_project(self, name: str, *, by: str) -> DeletedProject:
        """Bring back a project that was deleted less than the grace ago, with its jobs.

        Raises:
            InvalidRequest: another project has the name meanwhile.
            NotFound: none of that name was deleted, or it is too late.
        """

        def step(conn: sqlite3.Connection) -> list[Job]:
            now_ms = self._clock_ms()
            restored = projects.restore(conn, name, retired_after_ms=now_ms - self.delete_grace_ms)
            for job in restored:
                back = jobs.load_job(conn, job.job_id)
                self._append(conn, back, "Restored", now_ms, {"by": by})
            self._append_for_queue(conn, "ProjectRestored", name, {"by": by})
            return restored

        write = self._database.write(step, is_large=True)
        restored = await self._durably(write, self._announce)
        for job in restored:
            await self._resume_archive(job)
        return DeletedProject(name=name, jobs=len(restored))


def _deletable_jobs(conn: sqlite3.Connection, name: str) -> list[Job]:
    """The jobs of a project that may be deleted."""
    ended = _ended_jobs(conn, name)
    if schedules.count_of_project(conn, name):
        raise JobConflict(
            f"Project `{name}` has schedules. Delete them first; "
            "`foundations list schedules` shows them."
        )
    return ended


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
