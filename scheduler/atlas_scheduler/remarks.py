"""The verbs for what people add to a job by hand: tags and notes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from atlas_scheduler.store import jobs, remarks
from atlas_scheduler.writing import Writing
from foundations.models import JobView, NoteView


class Remarks(Writing):
    """Tags and notes may be changed in every state of a job."""

    async def tag(self, ref: str, tags: Mapping[str, str], *, by: str) -> JobView:
        """Give a job tags; one that it has already gets the new value."""

        def step(conn: sqlite3.Connection) -> str:
            job = jobs.load_job(conn, jobs.resolve(conn, ref))
            changed = remarks.set_tags(conn, job.job_id, tags)
            if changed:
                detail = {"by": by, "tags": changed}
                self._append(conn, job, "Tagged", self._clock_ms(), detail)
            return job.job_id

        job_id = await self._durably(self._database.write(step), self._announce)
        return await self.view(job_id)

    async def untag(self, ref: str, keys: Iterable[str], *, by: str) -> JobView:
        """Take tags from a job: all of these or, when it lacks one, none.

        Raises:
            NotFound: it has no such tag.
        """
        wanted = list(dict.fromkeys(keys))

        def step(conn: sqlite3.Connection) -> str:
            job = jobs.load_job(conn, jobs.resolve(conn, ref))
            remarks.remove_tags(conn, job.job_id, wanted)
            detail = {"by": by, "keys": wanted}
            self._append(conn, job, "Untagged", self._clock_ms(), detail)
            return job.job_id

        job_id = await self._durably(self._database.write(step), self._announce)
        return await self.view(job_id)

    async def note(self, ref: str, text: str, *, by: str) -> NoteView:
        """Add a note to a job."""

        def step(conn: sqlite3.Connection) -> NoteView:
            job = jobs.load_job(conn, jobs.resolve(conn, ref))
            now_ms = self._clock_ms()
            note = remarks.add_note(conn, job.job_id, author=by, text=text, at_ms=now_ms)
            self._append(conn, job, "Noted", now_ms, {"by": by, "note": note.number})
            return note

        return await self._durably(self._database.write(step), self._announce)

    async def notes(self, ref: str) -> list[NoteView]:
        """The notes of a job, oldest first."""
        return await self._database.read(lambda conn: remarks.notes(conn, jobs.resolve(conn, ref)))
