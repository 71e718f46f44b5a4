"""What can be done with jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foundations import bulk_stop
from foundations.calls import jobs as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class JobVerbs(Sender):
    """Blocking; see `Client`."""

    def jobs(
        self,
        *,
        project: str | None = None,
        states: Iterable[str] = (),
        filter: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        offset: int | None = None,
    ) -> models.JobPage:
        """List jobs, one page at a time: newest first unless the filter says otherwise.

        Args:
            project: only jobs of this project.
            states: only jobs in one of these.
            filter: only jobs that it takes, such as `metric.loss < 0.1 sort:metric.loss`.
            limit: most jobs of the page.
            cursor: `next_cursor` of the page before, of the same list.
            offset: place in the list to begin at, from 0, in place of a cursor; the page then has
                the `total` of the list.

        Raises:
            InvalidRequest: the filter has an error; the message shows where.
        """
        call = calls.jobs(
            project=project,
            states=states,
            filter=filter,
            limit=limit,
            cursor=cursor,
            offset=offset,
        )
        return self.send(call)

    def job(self, ref: str) -> models.JobDetail:
        """Show everything about a job; `ref` is its id or a unique prefix of it."""
        return self.send(calls.job(ref))

    def provenance(self, ref: str) -> models.Provenance:
        """Show where a job comes from and what it ran on, with the diff of what was changed."""
        return self.send(calls.provenance(ref))

    def stop(self, ref: str) -> models.JobView:
        """Ask a job to end."""
        return self.send(calls.stop(ref))

    def stop_jobs(
        self,
        refs: Iterable[str] = (),
        *,
        filter: str | None = None,
        project: str | None = None,
        at_most: int | None = None,
    ) -> models.JobsStopped:
        """Ask several jobs to end, in one step up to 10,000, or one by one of an older server.

        Args:
            refs: the jobs; each is tried, and the answer says which were refused.
            filter: in place of them: all that it takes and that wait, start or run.
            project: with a filter: only jobs of this project.
            at_most: with a filter: stop none when it takes more than that.

        Raises:
            InvalidRequest: there are neither jobs nor a filter, or the filter has an error.
            JobConflict: the filter takes more than `at_most`.
        """
        steps = bulk_stop.stop_jobs(refs, filter=filter, project=project, at_most=at_most)
        return self.follow(steps)

    def delete(self, ref: str) -> None:
        """Delete a job that has ended, with its archive; `restore` undoes it for some seconds."""
        return self.send(calls.delete(ref))

    def restore(self, ref: str) -> models.JobView:
        """Bring back a job that was just deleted, as it was.

        Raises:
            JobConflict: it is not deleted, or its project is.
            NotFound: no such job was deleted, or it is too late.
        """
        return self.send(calls.restore(ref))

    def set_priority(self, ref: str, priority: int) -> models.JobView:
        """Give a job that waits a priority from -100 to 100; larger goes first."""
        return self.send(calls.set_priority(ref, priority))

    def hold(self, ref: str) -> models.JobView:
        """Keep a job that waits from being chosen until it is released."""
        return self.send(calls.hold(ref))

    def release(self, ref: str) -> models.JobView:
        """Let a held job have its turn, at its place."""
        return self.send(calls.release(ref))

    def tag(self, ref: str, tags: Mapping[str, str]) -> models.JobView:
        """Give a job tags; one that it has already gets the new value."""
        return self.send(calls.tag(ref, tags))

    def untag(self, ref: str, keys: Iterable[str]) -> models.JobView:
        """Take tags from a job: all of these or, when it lacks one, none."""
        return self.send(calls.untag(ref, keys))

    def note(self, ref: str, text: str) -> models.NoteView:
        """Add a note (Markdown) to a job."""
        return self.send(calls.note(ref, text))

    def notes(self, ref: str) -> list[models.NoteView]:
        """List the notes of a job, oldest first."""
        return self.send(calls.notes(ref))


class AsyncJobVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def jobs(
        self,
        *,
        project: str | None = None,
        states: Iterable[str] = (),
        filter: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        offset: int | None = None,
    ) -> models.JobPage:
        """List jobs, one page at a time: newest first unless the filter says otherwise."""
        call = calls.jobs(
            project=project,
            states=states,
            filter=filter,
            limit=limit,
            cursor=cursor,
            offset=offset,
        )
        return await self.send(call)

    async def job(self, ref: str) -> models.JobDetail:
        """Show everything about a job."""
        return await self.send(calls.job(ref))

    async def provenance(self, ref: str) -> models.Provenance:
        """Show where a job comes from and what it ran on."""
        return await self.send(calls.provenance(ref))

    async def stop(self, ref: str) -> models.JobView:
        """Ask a job to end."""
        return await self.send(calls.stop(ref))

    async def stop_jobs(
        self,
        refs: Iterable[str] = (),
        *,
        filter: str | None = None,
        project: str | None = None,
        at_most: int | None = None,
    ) -> models.JobsStopped:
        """Ask several jobs, or all that a filter takes, to end, in one step."""
        steps = bulk_stop.stop_jobs(refs, filter=filter, project=project, at_most=at_most)
        return await self.follow(steps)

    async def delete(self, ref: str) -> None:
        """Delete a job that has ended, with its archive; `restore` undoes it for some seconds."""
        return await self.send(calls.delete(ref))

    async def restore(self, ref: str) -> models.JobView:
        """Bring back a job that was just deleted, as it was."""
        return await self.send(calls.restore(ref))

    async def set_priority(self, ref: str, priority: int) -> models.JobView:
        """Give a job that waits a priority from -100 to 100; larger goes first."""
        return await self.send(calls.set_priority(ref, priority))

    async def hold(self, ref: str) -> models.JobView:
        """Keep a job that waits from being chosen until it is released."""
        return await self.send(calls.hold(ref))

    async def release(self, ref: str) -> models.JobView:
        """Let a held job have its turn, at its place."""
        return await self.send(calls.release(ref))

    async def tag(self, ref: str, tags: Mapping[str, str]) -> models.JobView:
        """Give a job tags; one that it has already gets the new value."""
        return await self.send(calls.tag(ref, tags))

    async def untag(self, ref: str, keys: Iterable[str]) -> models.JobView:
        """Take tags from a job: all of these or, when it lacks one, none."""
        return await self.send(calls.untag(ref, keys))

    async def note(self, ref: str, text: str) -> models.NoteView:
        """Add a note (Markdown) to a job."""
        return await self.send(calls.note(ref, text))

    async def notes(self, ref: str) -> list[models.NoteView]:
        """List the notes of a job, oldest first."""
        return await self.send(calls.notes(ref))
