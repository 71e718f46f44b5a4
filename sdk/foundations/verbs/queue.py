"""What can be done with the queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from foundations.calls import queue as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class QueueVerbs(Sender):
    """Blocking; see `Client`."""

    def move(
        self,
        refs: Iterable[str],
        place: models.MovePlace,
        *,
        other: str | None = None,
        filter: str | None = None,
    ) -> list[models.JobView]:
        """Move jobs that wait, among those of their priority, and return them.

        They keep their order among themselves; all are moved, or none.

        Args:
            refs: the jobs; none with a filter.
            place: `first`, `last`, `up`, `down`, or `before` or `after` the `other`.
            other: the job to put them next to.
            filter: all jobs that it takes and that wait, in place of `refs`.
        """
        return self.send(calls.move(refs, place, other=other, filter=filter))

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


class AsyncQueueVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def move(
        self,
        refs: Iterable[str],
        place: models.MovePlace,
        *,
        other: str | None = None,
        filter: str | None = None,
    ) -> list[models.JobView]:
        """Move jobs that wait, among those of their priority, and return them."""
        return await self.send(calls.move(refs, place, other=other, filter=filter))

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
