"""Deleting jobs, bringing them back for a while, and letting go of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from atlas_scheduler.core.job import Job
from atlas_scheduler.store import arrays, jobs, projects
from atlas_scheduler.writing import Writing
from foundations.errors import JobConflict, NotFound
from foundations.models import JobView


class Deletions(Writing):
    """A deleted job is gone from every list at once; its files go after the grace."""

    async def delete(self, ref: str, *, by: str) -> None:
        """Delete a final job with its archive.

        Raises:
            JobConflict: it has not ended yet.
        """
        job_id = await self.resolve(ref)
        _require_final((await self.load(job_id)).job)
        await self.shell.settle(job_id)

        def step(conn: sqlite3.Connection) -> None:
            job = jobs.load_job(conn, jobs.resolve(conn, job_id))
            _require_final(job)
            now_ms = self._clock_ms()
            jobs.mark_deleted(conn, job_id, now_ms)
            self._append(conn, job, "Deleted", now_ms, {"by": by})

        await self._durably(self._write_to_free(step), self._announce_deletion)

    async def restore(self, ref: str, *, by: str) -> JobView:
        """Bring back a job that was deleted less than the grace ago, as it was.

        Raises:
            JobConflict: it is not deleted, or its project is.
            NotFound: no such job was deleted, or it is too late.
        """

        def step(conn: sqlite3.Connection) -> Job:
            job = jobs.load_job(conn, self._deleted(conn, ref))
            if "\n" in job.project:  # what a deleted project is called
                name = job.project.partition("\n")[0]
                raise JobConflict(
                    f"Job `{job.job_id}` was deleted with its project `{name}`. "
                    "Restore the project."
                )
            jobs.restore(conn, job.job_id)
            self._append(conn, job, "Restored", self._clock_ms(), {"by": by})
            return job

        job = await self._durably(self._database.write(step), self._announce)
        await self._resume_archive(job)
        return await self.view(job.job_id)

    async def begin_sweeps(self) -> tuple[list[str], float | None]:
        """Let no job come back whose grace is over.

        Returns:
            The jobs whose files and rows are to be removed now, and in how many seconds to ask
            again; None when nothing else is deleted.
        """

        def step(conn: sqlite3.Connection) -> tuple[list[str], int | None]:
            until_ms = self._clock_ms() - self.delete_grace_ms
            jobs.begin_sweeps(conn, deleted_until_ms=until_ms, now_ms=self._clock_ms())
            projects.purge(conn, retired_until_ms=until_ms)
            times = (jobs.oldest_deletion(conn), projects.oldest_retirement(conn))
            next_ms = min((one for one in times if one is not None), default=None)
            return jobs.sweeping(conn), next_ms

        job_ids, next_ms = await self._write_to_free(step)
        if next_ms is None:
            return job_ids, None
        left_ms = next_ms + self.delete_grace_ms - self._clock_ms()
        return job_ids, min(max(left_ms, 0), self.delete_grace_ms) / 1000

    async def purge(self, job_id: str) -> Path | None:
        """Drop the rows of a job that is being swept, and its bundle when no other job uses it.

        Returns:
            What is left of the bundle on the disk, to be removed; None when it is still used.
        """

        def step(conn: sqlite3.Connection) -> Path | None:
            stored = jobs.load(conn, job_id)
            digest = stored.bundle
            jobs.purge(conn, job_id)
            if stored.job.array is not None:
                arrays.forget(conn, stored.job.array)
            # Inside the transaction, so that no submission can count on the bundle meanwhile.
            if digest is None or jobs.bundle_in_use(conn, digest):
                return None
            return self.bundles.retire(digest)

        return await self._write_to_free(step)

    def _deleted(self, conn: sqlite3.Connection, ref: str) -> str:
        try:
            return jobs.resolve_deleted(conn, ref)
        except NotFound as error:
            seconds = f"{self.delete_grace_ms / 1000:g} s"
            try:
                job_id = jobs.resolve(conn, ref)
            except NotFound:
                raise NotFound(
                    f"There is no deleted job `{ref}` that can be restored: a deletion can be "
                    f"undone for {seconds}."
                ) from error
            raise JobConflict(f"Job `{job_id}` is not deleted.") from error


def _require_final(job: Job) -> None:
    if not job.is_final:
        raise JobConflict(f"Job `{job.job_id}` has status `{job.state}` and cannot be deleted")
