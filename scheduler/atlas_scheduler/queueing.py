"""The verbs for the queue: order, priorities, holds, pauses, and how many jobs run at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from atlas_scheduler.core.capacity import Pause
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.moves import ImpossibleMove, reorder, reorder_own
from atlas_scheduler.core.waiting import Places
from atlas_scheduler.store import jobs, meta, pauses
from atlas_scheduler.store.queue_settings import SETTING, changed_settings, stored_settings
from atlas_scheduler.writing import Writing
from foundations.errors import InvalidRequest, JobConflict
from foundations.models import (
    JobState,
    JobView,
    MovePlace,
    NewQueueSettings,
    QueueSettings,
    QueueView,
)

_Edit = Callable[[Job], tuple[Job, dict[str, Any]]]
"""What becomes of a queued job, and what its history says of it beside who did it."""


class Queueing(Writing):
    """What these change is no state of a job: it stays queued."""

    async def move(
        self,
        refs: Sequence[str],
        place: MovePlace,
        other: str | None,
        *,
        by: str,
        only_of: str | None = None,
    ) -> list[JobView]:
        """Move queued jobs among those of their priority; they keep their order among themselves.

        With `only_of` they move only among the jobs of that user, in the places that these have.

        Raises:
            InvalidRequest: `other` is missing or too much, or has another priority.
            JobConflict: one of them does not wait; nothing is moved.
        """
        _require_fitting(place, other)

        def step(conn: sqlite3.Connection) -> list[str]:
            chosen = {job.job_id: job for job in (_waiting(conn, ref, "moved") for ref in refs)}
            anchor = None if other is None else _waiting(conn, other, "a place to move to")
            anchor_id = None if anchor is None else anchor.job_id
            queue = self._line.up_to_date(conn)
            line = list(self._places(conn, queue).with_held())
            orders = _new_orders(line, chosen, place, anchor_id, only_of=only_of)
            detail = {"by": by, "place": place, **({"other": anchor_id} if anchor_id else {})}
            for job_id, order in orders.items():
                moved = replace(queue[job_id], order=order)
                jobs.save_job(conn, _afresh(moved) if job_id in chosen else moved)
            for job_id in chosen if orders else ():
                self._append(conn, chosen[job_id], "Moved", self._clock_ms(), detail)
            return list(chosen)

        job_ids = await self._durably(self._write_with_line(step), self._wake)
        return await self._database.read(
            lambda conn: self._views(conn, [jobs.load(conn, job_id) for job_id in job_ids])
        )

    async def set_priority(self, ref: str, priority: int, *, by: str) -> JobView:
        """Give a queued job another priority.

        Raises:
            JobConflict: it does not wait.
        """

        def change(job: Job) -> tuple[Job, dict[str, Any]]:
            return replace(job, priority=priority), {"priority": priority, "before": job.priority}

        return await self._change_waiting(ref, "Prioritized", change, by=by)

    async def hold(self, ref: str, *, by: str) -> JobView:
        """Keep a queued job from being chosen; one that is held stays held by who did it first.

        Raises:
            JobConflict: it does not wait.
        """
        return await self._change_waiting(
            ref, "Held", lambda job: (replace(job, held_by=job.held_by or by), {}), by=by
        )

    async def release(self, ref: str, *, by: str) -> JobView:
        """Let a held job have its turn again.

        Raises:
            JobConflict: it does not wait.
        """
        return await self._change_waiting(
            ref, "Released", lambda job: (replace(job, held_by=None), {}), by=by
        )

    async def pause_queue(self, project: str | None, *, by: str) -> QueueView:
        """Start nothing any more, in all projects or in one, until it is resumed.

        Raises:
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> None:
            if pauses.add(conn, Pause(by, self._clock_ms(), project)):
                self._append_for_queue(conn, "QueuePaused", project, {"by": by})

        await self._durably(self._database.write(step), self._announce)
        return await self.queue_settings()

    async def resume_queue(self, project: str | None, *, by: str) -> QueueView:
        """Take a pause back. Pauses of projects outlast that of the whole queue.

        Raises:
            NotFound: there is no such project.
        """

        def step(conn: sqlite3.Connection) -> None:
            if pauses.remove(conn, project):
                self._append_for_queue(conn, "QueueResumed", project, {"by": by})

        await self._durably(self._database.write(step), self._wake)
        return await self.queue_settings()

    async def set_queue_settings(self, wanted: NewQueueSettings, *, by: str) -> QueueView:
        """Change how the queue is run, now and after the next start. What is not given stays."""

        def step(conn: sqlite3.Connection) -> QueueSettings:
            before = stored_settings(conn) or self._queue
            settings = changed_settings(before, wanted)
            meta.set_setting(conn, SETTING, settings.model_dump())
            if settings != before:
                asked = wanted.model_dump(exclude_defaults=True)
                self._append_for_queue(conn, "QueueChanged", None, {"by": by, **asked})
            return settings

        def hold_from_now_on(settings: QueueSettings) -> None:
            self._queue = settings
            self._wake()

        await self._durably(self._database.write(step), hold_from_now_on)
        return await self.queue_settings()

    def _places(self, conn: sqlite3.Connection, line: Line) -> Places:
        holding, capacity = jobs.holding(conn), self._capacity(conn)
        return Places(line, holding, capacity, now_ms=self._clock_ms())

    async def _change_waiting(self, ref: str, event: str, change: _Edit, *, by: str) -> JobView:
        def step(conn: sqlite3.Connection) -> str:
            job = _waiting(conn, ref, "changed in the queue")
            changed, detail = change(job)
            if changed != job:
                jobs.save_job(conn, _afresh(changed))
                self._append(conn, changed, event, self._clock_ms(), {"by": by, **detail})
            return job.job_id

        return await self.view(await self._durably(self._database.write(step), self._wake))


def _require_fitting(place: MovePlace, other: str | None) -> None:
    if (place in ("before", "after")) != (other is not None):
        raise InvalidRequest(
            f"`{place}` needs `other`, the job to put them next to."
            if other is None
            else f"`{place}` has no `other`; only `before` and `after` have."
        )


def _new_orders(
    line: Sequence[Job],
    moved: Iterable[str],
    place: MovePlace,
    other: str | None,
    *,
    only_of: str | None,
) -> dict[str, int]:
    try:
        if only_of is None:
            return reorder(line, moved, place, other)
        own = [job for job in line if job.user == only_of]
        return reorder_own(own, moved, place, other)
    except ImpossibleMove as error:
        raise InvalidRequest(str(error)) from error


def _afresh(job: Job) -> Job:
    """The job in its new place, where nobody has passed it over yet."""
    return replace(job, passed_over_at_ms=None)


def _waiting(conn: sqlite3.Connection, ref: str, purpose: str) -> Job:
    job = jobs.load_job(conn, jobs.resolve(conn, ref))
    if job.state is not JobState.QUEUED:
        raise JobConflict(
            f"Job `{job.job_id}` is {job.state} and cannot be {purpose}: only a job that waits can."
        )
    return job
