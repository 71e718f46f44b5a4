"""What can be asked of a scheduler: one method for each call, blocking and for asyncio.

How the calls travel is in `foundations.client`. The twins have the same methods, arguments and
meanings; the blocking one explains them.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from foundations import calls
from foundations.calls import Call
from foundations.lazy_models import models

T = TypeVar("T")


class Verbs(ABC):
    """Calls whose answer comes in one piece, blocking."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the scheduler is."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

    def json(self, call: Call[Any]) -> Any:
        """Send a call, and return its answer as plain JSON: cheaper than making models of it."""
        return self.send(calls.as_json(call))

    def health(self) -> None:
        """Return when the scheduler answers."""
        return self.send(calls.health())

    def info(self) -> models.SchedulerInfo:
        """Ask who answers and how it stands."""
        return self.send(calls.info())

    def host(self) -> models.HostView:
        """Show how busy the scheduler's machine is, and which job holds which GPU."""
        return self.send(calls.host())

    def disk(self) -> models.DiskView:
        """Show what the scheduler's home takes on the disk, by kind and by project."""
        return self.send(calls.disk())

    def environments(self) -> models.EnvironmentsView:
        """Show the environments that jobs share, and what they take."""
        return self.send(calls.environments())

    def prune_environments(self, *, unused_days: float = 0) -> models.PrunedEnvironments:
        """Remove the environments that no job uses now, and none used for so many days."""
        return self.send(calls.prune_environments(unused_days=unused_days))

    def submit(
        self, submission: models.Submission, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Submit a job whose bundle is there. A second call with the same key gets the first's job.

        Without a key one is made up, so that a connection that breaks never doubles the job. A
        submission that is `unique` may get the job that has its key already; that has `existed`.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.submit(submission, idempotency_key=key))

    def submit_array(
        self, wanted: models.NewArray, *, idempotency_key: str | None = None
    ) -> models.ArrayView:
        """Submit an array of jobs whose bundle is there: all of them, or none.

        A second call with the same key gets the array of the first; without one it is made up.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.submit_array(wanted, idempotency_key=key))

    def array(self, ref: str) -> models.ArrayView:
        """Show an array of jobs and how they stand; `ref` is its id or a unique prefix of it."""
        return self.send(calls.array(ref))

    def create_schedule(
        self, wanted: models.NewSchedule, *, idempotency_key: str | None = None
    ) -> models.ScheduleView:
        """Submit a job at each time of a cron line; its bundle is there.

        A second call with the same key gets the schedule of the first; without one it is made up.
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.create_schedule(wanted, idempotency_key=key))

    def schedules(self) -> list[models.ScheduleView]:
        """List schedules, the oldest first."""
        return self.send(calls.schedules())

    def schedule(self, ref: str) -> models.ScheduleView:
        """Show a schedule; `ref` is its id or a unique prefix of it."""
        return self.send(calls.schedule(ref))

    def pause_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit nothing until it is resumed."""
        return self.send(calls.pause_schedule(ref))

    def resume_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit again, from the next time on."""
        return self.send(calls.resume_schedule(ref))

    def delete_schedule(self, ref: str) -> None:
        """Remove a schedule; the jobs that it submitted stay."""
        return self.send(calls.delete_schedule(ref))

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

    def move(
        self, refs: Iterable[str], place: models.MovePlace, *, other: str | None = None
    ) -> list[models.JobView]:
        """Move jobs that wait, among those of their priority, and return them.

        They keep their order among themselves; all are moved, or none.

        Args:
            refs: the jobs.
            place: `first`, `last`, `up`, `down`, or `before` or `after` the `other`.
            other: the job to put them next to.
        """
        return self.send(calls.move(refs, place, other=other))

    def clear_queue(
        self, project: str | None = None, *, filter: str | None = None
    ) -> models.Cleared:
        """Stop every job that waits, or those of a project or that a filter takes."""
        return self.send(calls.clear_queue(project, filter=filter))

    def pause_queue(self, project: str | None = None) -> models.QueueView:
        """Start nothing any more, in all projects or in one, until it is resumed."""
        return self.send(calls.pause_queue(project))

    def resume_queue(self, project: str | None = None) -> models.QueueView:
        """Take a pause back; those of projects outlast that of the whole queue."""
        return self.send(calls.resume_queue(project))

    def projects(self) -> list[models.ProjectView]:
        """List projects."""
        return self.send(calls.projects())

    def rename_project(self, name: str, new_name: str) -> models.ProjectView:
        """Give a project another name; its jobs go with it."""
        return self.send(calls.rename_project(name, new_name))

    def describe_project(self, name: str, description: str) -> models.ProjectView:
        """Say what a project is about (Markdown)."""
        return self.send(calls.describe_project(name, description))

    def set_retention(self, name: str, rule: models.RetentionRule | None) -> models.ProjectView:
        """Set what a project keeps of its jobs; None leaves it to the server's settings.

        Nothing goes at once: `collect_garbage` does it, and the server once a day.
        """
        return self.send(calls.set_retention(name, rule))

    def garbage(self) -> models.GarbageView:
        """Show which jobs their projects keep no longer, and which files nothing needs."""
        return self.send(calls.garbage())

    def collect_garbage(self) -> models.GarbageView:
        """Delete what `garbage` shows, and return it; jobs can be restored for some seconds."""
        return self.send(calls.collect_garbage())

    def delete_project(self, name: str) -> models.DeletedProject:
        """Delete a project with its jobs, which have all ended, and their archives."""
        return self.send(calls.delete_project(name))

    def restore_project(self, name: str) -> models.DeletedProject:
        """Bring back a project that was just deleted, with the jobs that went with it."""
        return self.send(calls.restore_project(name))

    def queue_settings(self) -> models.QueueView:
        """Show how the queue is run, and what is paused."""
        return self.send(calls.queue_settings())

    def set_queue_settings(
        self, max_running_jobs: int | None = None, **others: Any
    ) -> models.QueueView:
        """Change how many jobs run at once, and other settings of the queue.

        Args:
            max_running_jobs: of all together; None leaves it as it is.
            others: `max_running_per_project`, `max_running_per_user`, `project_limits` and
                `user_limits` (by name; 0 takes a limit away), `backfill_seconds`.
        """
        return self.send(calls.set_queue_settings(max_running_jobs, **others))

    def has_bundle(self, digest: str) -> bool:
        """Say whether a bundle is there and need not be uploaded."""
        return self.send(calls.has_bundle(digest))

    def declare_bundle(self, digest: str, listing: bytes) -> models.MissingFiles:
        """Say what is in a bundle, and ask which files are missing; without any it is there.

        Args:
            digest: of the listing.
            listing: what `foundations.tree.list_tree` returned.

        Raises:
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
        """
        return self.send(calls.declare_bundle(digest, listing))

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

    def metrics(self, ref: str, *, system: bool = False) -> list[models.MetricSummary]:
        """List each metric of a job in a row: what it logged.

        With `system` list what the scheduler measured while it ran instead; these names begin with
        `system/`.
        """
        return self.send(calls.metrics(ref, system=system))

    def metric(
        self, ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
    ) -> models.MetricSeries:
        """Show the points of a metric, one page at a time.

        With `points` show its whole course instead: the series is cut into so many stretches, and
        the lowest and the highest point of each stay, beside the very first and last.
        """
        return self.send(calls.metric(ref, name, points=points, start=start, limit=limit))

    def artifacts(self, ref: str) -> list[models.ArtifactView]:
        """List what a job has saved."""
        return self.send(calls.artifacts(ref))

    def files(self, ref: str) -> models.FileList:
        """List the files of a job: as submitted, changed, saved, and written about it."""
        return self.send(calls.files(ref))

    def search_log(self, ref: str, search: models.LogSearch) -> models.LogMatches:
        """Find the lines of a job's log that have a pattern, on the scheduler.

        An answer is a bounded piece of work: go on at its `next_offset` until it says `ended`.

        Raises:
            InvalidRequest: the pattern cannot be used.
        """
        return self.send(calls.search_log(ref, search))

    def log_times(
        self,
        ref: str,
        *,
        offset: int = 0,
        end: int | None = None,
        since_ms: int | None = None,
        limit: int | None = None,
    ) -> models.LogTimes:
        """Say when a part of a job's log was written.

        Args:
            ref: the job.
            offset: where the part begins, in bytes.
            end: where it ends; None for the end of the log.
            since_ms: leave out what was written before, in milliseconds since 1970. The first
                mark of the answer is then where that time is reached.
            limit: most marks; of more, every second one, every third one, and so on.
        """
        call = calls.log_times(ref, offset=offset, end=end, since_ms=since_ms, limit=limit)
        return self.send(call)

    def source_diff(self, ref: str, other: str) -> models.SourceDiff:
        """Show what differs between the files that two jobs were submitted with.

        Large files and a large answer are cut; each file says what was omitted.
        """
        return self.send(calls.source_diff(ref, other))


class AsyncVerbs(ABC):
    """Calls whose answer comes in one piece, for asyncio."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the scheduler is."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

    async def json(self, call: Call[Any]) -> Any:
        """Send a call, and return its answer as plain JSON."""
        return await self.send(calls.as_json(call))

    async def health(self) -> None:
        """Return when the scheduler answers."""
        return await self.send(calls.health())

    async def info(self) -> models.SchedulerInfo:
        """Ask who answers and how it stands."""
        return await self.send(calls.info())

    async def host(self) -> models.HostView:
        """Show how busy the scheduler's machine is, and which job holds which GPU."""
        return await self.send(calls.host())

    async def disk(self) -> models.DiskView:
        """Show what the scheduler's home takes on the disk, by kind and by project."""
        return await self.send(calls.disk())

    async def environments(self) -> models.EnvironmentsView:
        """Show the environments that jobs share, and what they take."""
        return await self.send(calls.environments())

    async def prune_environments(self, *, unused_days: float = 0) -> models.PrunedEnvironments:
        """Remove the environments that no job uses now, and none used for so many days."""
        return await self.send(calls.prune_environments(unused_days=unused_days))

    async def submit(
        self, submission: models.Submission, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Submit a job whose bundle is there."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.submit(submission, idempotency_key=key))

    async def submit_array(
        self, wanted: models.NewArray, *, idempotency_key: str | None = None
    ) -> models.ArrayView:
        """Submit an array of jobs whose bundle is there."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.submit_array(wanted, idempotency_key=key))

    async def array(self, ref: str) -> models.ArrayView:
        """Show an array of jobs and how they stand."""
        return await self.send(calls.array(ref))

    async def create_schedule(
        self, wanted: models.NewSchedule, *, idempotency_key: str | None = None
    ) -> models.ScheduleView:
        """Submit a job at each time of a cron line."""
        key = idempotency_key or uuid.uuid4().hex
        return await self.send(calls.create_schedule(wanted, idempotency_key=key))

    async def schedules(self) -> list[models.ScheduleView]:
        """List schedules."""
        return await self.send(calls.schedules())

    async def schedule(self, ref: str) -> models.ScheduleView:
        """Show a schedule."""
        return await self.send(calls.schedule(ref))

    async def pause_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit nothing."""
        return await self.send(calls.pause_schedule(ref))

    async def resume_schedule(self, ref: str) -> models.ScheduleView:
        """Let a schedule submit again."""
        return await self.send(calls.resume_schedule(ref))

    async def delete_schedule(self, ref: str) -> None:
        """Remove a schedule."""
        return await self.send(calls.delete_schedule(ref))

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

    async def move(
        self, refs: Iterable[str], place: models.MovePlace, *, other: str | None = None
    ) -> list[models.JobView]:
        """Move jobs that wait, among those of their priority, and return them."""
        return await self.send(calls.move(refs, place, other=other))

    async def clear_queue(
        self, project: str | None = None, *, filter: str | None = None
    ) -> models.Cleared:
        """Stop every job that waits, or those of a project or that a filter takes."""
        return await self.send(calls.clear_queue(project, filter=filter))

    async def pause_queue(self, project: str | None = None) -> models.QueueView:
        """Start nothing any more, in all projects or in one, until it is resumed."""
        return await self.send(calls.pause_queue(project))

    async def resume_queue(self, project: str | None = None) -> models.QueueView:
        """Take a pause back; those of projects outlast that of the whole queue."""
        return await self.send(calls.resume_queue(project))

    async def projects(self) -> list[models.ProjectView]:
        """List projects."""
        return await self.send(calls.projects())

    async def rename_project(self, name: str, new_name: str) -> models.ProjectView:
        """Give a project another name; its jobs go with it."""
        return await self.send(calls.rename_project(name, new_name))

    async def describe_project(self, name: str, description: str) -> models.ProjectView:
        """Say what a project is about (Markdown)."""
        return await self.send(calls.describe_project(name, description))

    async def set_retention(
        self, name: str, rule: models.RetentionRule | None
    ) -> models.ProjectView:
        """Set what a project keeps of its jobs; None leaves it to the server's settings."""
        return await self.send(calls.set_retention(name, rule))

    async def garbage(self) -> models.GarbageView:
        """Show which jobs their projects keep no longer, and which files nothing needs."""
        return await self.send(calls.garbage())

    async def collect_garbage(self) -> models.GarbageView:
        """Delete what `garbage` shows, and return it; jobs can be restored for some seconds."""
        return await self.send(calls.collect_garbage())

    async def delete_project(self, name: str) -> models.DeletedProject:
        """Delete a project with its jobs, which have all ended, and their archives."""
        return await self.send(calls.delete_project(name))

    async def restore_project(self, name: str) -> models.DeletedProject:
        """Bring back a project that was just deleted, with the jobs that went with it."""
        return await self.send(calls.restore_project(name))

    async def queue_settings(self) -> models.QueueView:
        """Show how the queue is run, and what is paused."""
        return await self.send(calls.queue_settings())

    async def set_queue_settings(
        self, max_running_jobs: int | None = None, **others: Any
    ) -> models.QueueView:
        """Change how many jobs run at once, and other settings of the queue.

        Args:
            max_running_jobs: of all together; None leaves it as it is.
            others: `max_running_per_project`, `max_running_per_user`, `project_limits` and
                `user_limits` (by name; 0 takes a limit away), `backfill_seconds`.
        """
        return await self.send(calls.set_queue_settings(max_running_jobs, **others))

    async def has_bundle(self, digest: str) -> bool:
        """Say whether a bundle is there and need not be uploaded."""
        return await self.send(calls.has_bundle(digest))

    async def declare_bundle(self, digest: str, listing: bytes) -> models.MissingFiles:
        """Say what is in a bundle, and ask which files are missing; without any it is there."""
        return await self.send(calls.declare_bundle(digest, listing))

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

    async def metrics(self, ref: str, *, system: bool = False) -> list[models.MetricSummary]:
        """List each metric of a job in a row: what it logged, or what the scheduler measured."""
        return await self.send(calls.metrics(ref, system=system))

    async def metric(
        self, ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
    ) -> models.MetricSeries:
        """Show the points of a metric, one page at a time."""
        call = calls.metric(ref, name, points=points, start=start, limit=limit)
        return await self.send(call)

    async def artifacts(self, ref: str) -> list[models.ArtifactView]:
        """List what a job has saved."""
        return await self.send(calls.artifacts(ref))

    async def files(self, ref: str) -> models.FileList:
        """List the files of a job."""
        return await self.send(calls.files(ref))

    async def search_log(self, ref: str, search: models.LogSearch) -> models.LogMatches:
        """Find the lines of a job's log that have a pattern, on the scheduler."""
        return await self.send(calls.search_log(ref, search))

    async def log_times(
        self,
        ref: str,
        *,
        offset: int = 0,
        end: int | None = None,
        since_ms: int | None = None,
        limit: int | None = None,
    ) -> models.LogTimes:
        """Say when a part of a job's log was written."""
        call = calls.log_times(ref, offset=offset, end=end, since_ms=since_ms, limit=limit)
        return await self.send(call)

    async def source_diff(self, ref: str, other: str) -> models.SourceDiff:
        """Show what differs between the files that two jobs were submitted with."""
        return await self.send(calls.source_diff(ref, other))
