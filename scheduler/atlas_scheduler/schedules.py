"""The verbs for schedules: submissions that are made at each time of a cron line."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from atlas_scheduler.acceptance import first_time, refuse_for_schedule
from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.recurrence import BadRecurrence, next_after
from atlas_scheduler.store import jobs, schedules
from atlas_scheduler.store.schedules import Schedule
from atlas_scheduler.store.threads import in_thread
from atlas_scheduler.submitting import Submitting
from atlas_scheduler.transitions import Moved
from foundations.errors import SchedulerError, TooMany
from foundations.models import NewSchedule, ScheduleView


class Schedules(Submitting):
    """A time that comes is worked off in one transaction: the job, and when the next one is.

    Times that pass while no server runs, or while it is late, are worked off as one.
    """

    async def create_schedule(
        self,
        wanted: NewSchedule,
        *,
        by: str,
        idempotency_key: str | None,
        bounds: Bounds | None = None,
    ) -> ScheduleView:
        """Submit a job at each time from now on.

        A second call with the same key returns the schedule of the first. With `bounds` its jobs
        are held to how many may wait, each when its time comes.

        Raises:
            InvalidRequest: the times cannot be read or never come, or its jobs make no sense.
            NotFound: its bundle is not here.
        """
        await self._require_possible(wanted.submission)
        refuse_for_schedule(wanted.submission)

        def step(conn: sqlite3.Connection) -> str:
            if idempotency_key is not None:
                earlier = schedules.by_idempotency_key(conn, idempotency_key)
                if earlier is not None:
                    return earlier
            schedule_id = str(uuid.uuid4())
            self._insert_schedule(
                conn, schedule_id, wanted, by=by, idempotency_key=idempotency_key, bounds=bounds
            )
            return schedule_id

        schedule_id = await self._durably(self._database.write(step), self._wake)
        return await self._database.read(lambda conn: schedules.view(conn, schedule_id))

    def _insert_schedule(
        self,
        conn: sqlite3.Connection,
        schedule_id: str,
        wanted: NewSchedule,
        *,
        by: str,
        idempotency_key: str | None,
        bounds: Bounds | None,
    ) -> None:
        # Here and not before: `purge` takes unused bundles away on this same thread.
        self.bundles.size_bytes(wanted.submission.bundle)
        now_ms = self._clock_ms()
        schedules.insert(
            conn,
            schedule_id,
            wanted,
            by=by,
            next_at_ms=first_time(wanted.cron, wanted.time_zone, now_ms),
            now_ms=now_ms,
            idempotency_key=idempotency_key,
            queued_jobs=None if bounds is None else bounds.queued_jobs,
        )
        project = wanted.submission.spec.project
        self._append_for_schedule(conn, "ScheduleCreated", schedule_id, project, by=by)

    async def schedules(self) -> list[ScheduleView]:
        """Every schedule, the oldest first."""
        return await self._database.read(schedules.views)

    async def schedule(self, ref: str) -> ScheduleView:
        """A schedule, and how it stands.

        Raises:
            NotFound: there is no such schedule.
        """
        return await self._database.read(
            lambda conn: schedules.view(conn, schedules.resolve(conn, ref))
        )

    async def pause_schedule(self, ref: str, *, by: str) -> ScheduleView:
        """Submit nothing any more until it is resumed; times that pass meanwhile are not made up.

        Raises:
            NotFound: there is no such schedule.
        """

        def step(conn: sqlite3.Connection) -> ScheduleView:
            schedule = schedules.load(conn, schedules.resolve(conn, ref))
            if schedule.paused_by is None:
                schedules.set_pause(conn, schedule.schedule_id, by=by, next_at_ms=None)
                self._append_of(conn, "SchedulePaused", schedule, by=by)
            return schedules.view(conn, schedule.schedule_id)

        return await self._durably(self._database.write(step), self._wake)

    async def resume_schedule(self, ref: str, *, by: str) -> ScheduleView:
        """Submit again, from the next time on.

        Raises:
            NotFound: there is no such schedule.
        """

        def step(conn: sqlite3.Connection) -> ScheduleView:
            schedule = schedules.load(conn, schedules.resolve(conn, ref))
            if schedule.paused_by is not None:
                next_at_ms, problem = _time_after(schedule, self._clock_ms())
                schedules.set_pause(
                    conn, schedule.schedule_id, by=None, next_at_ms=next_at_ms, problem=problem
                )
                self._append_of(conn, "ScheduleResumed", schedule, by=by)
            return schedules.view(conn, schedule.schedule_id)

        return await self._durably(self._database.write(step), self._wake)

    async def delete_schedule(self, ref: str, *, by: str) -> None:
        """Remove a schedule; jobs that it submitted stay. Its bundle goes when no job uses it.

        Raises:
            NotFound: there is no such schedule.
        """

        def step(conn: sqlite3.Connection) -> Path | None:
            schedule = schedules.load(conn, schedules.resolve(conn, ref))
            self._append_of(conn, "ScheduleDeleted", schedule, by=by)
            schedules.delete(conn, schedule.schedule_id)
            bundle = schedule.submission.bundle
            # Inside the transaction, so that no submission can count on the bundle meanwhile.
            return None if jobs.bundle_in_use(conn, bundle) else self.bundles.retire(bundle)

        leftover = await self._durably(self._database.write(step), self._wake)
        if leftover is not None:
            await in_thread(self.bundles.listed.discard, leftover)

    async def run_schedules(self) -> None:
        """Submit what the schedules whose time has come are for."""
        now_ms = self._clock_ms()

        def step(conn: sqlite3.Connection) -> list[Moved]:
            found = schedules.due(conn, now_ms=now_ms)
            due = [schedules.load(conn, schedule_id) for schedule_id in found]
            return [moved for one in due for moved in self._run(conn, one, now_ms)]

        if await self._database.read(lambda conn: schedules.due(conn, now_ms=now_ms)):
            await self._durably(self._database.write(step), self._publish)

    def _run(self, conn: sqlite3.Connection, schedule: Schedule, now_ms: int) -> list[Moved]:
        job_id, problem, skipped = None, None, False
        moved: list[Moved] = []
        is_busy = schedules.has_unfinished_job(conn, schedule.schedule_id)
        if is_busy and schedule.overlap == "skip":
            self._append_of(conn, "ScheduleSkipped", schedule, reason="its last job had not ended")
            skipped = True
        else:
            spec = schedule.submission.spec.model_copy(update={"project": schedule.project})
            submission = schedule.submission.model_copy(update={"spec": spec})
            try:
                self._refuse_impossible(submission)
                (job_id, _), moved = self._insert(
                    conn,
                    submission,
                    None,
                    schedule_id=schedule.schedule_id,
                    bounds=_bounds_of(schedule),
                )
            except TooMany as error:
                self._append_of(conn, "ScheduleSkipped", schedule, reason=error.message)
                skipped, problem = True, f"It skipped its last time: {error.message}"
            except SchedulerError as error:
                # Nothing was written: both look before they do.
                problem = error.message
        next_at_ms, no_more = _time_after(schedule, now_ms)
        schedules.note(
            conn,
            schedule.schedule_id,
            now_ms=now_ms,
            next_at_ms=next_at_ms,
            job_id=job_id,
            skipped=skipped,
            problem=no_more or problem,
        )
        return moved

    def _append_of(
        self, conn: sqlite3.Connection, event: str, schedule: Schedule, **detail: str
    ) -> None:
        self._append_for_schedule(conn, event, schedule.schedule_id, schedule.project, **detail)

    def _append_for_schedule(
        self, conn: sqlite3.Connection, event: str, schedule_id: str, project: str, **detail: str
    ) -> None:
        self._append_for_queue(conn, event, project, {"schedule": schedule_id, **detail})


def _bounds_of(schedule: Schedule) -> Bounds | None:
    """How far its jobs may go: as those of the token that made it; its bundle is here already."""
    if schedule.queued_jobs is None:
        return None
    user = schedule.submission.spec.user
    return Bounds(user, only_own=False, queued_jobs=schedule.queued_jobs)


def _time_after(schedule: Schedule, now_ms: int) -> tuple[int | None, str | None]:
    """The next time; where there is none any more, why, for whoever looks at the schedule."""
    try:
        return next_after(schedule.cron, schedule.time_zone, now_ms), None
    except BadRecurrence as error:
        # It could be read when it was made: the time zones of this machine are others now.
        return None, (f"It submits nothing any more: {error} Mend that, then pause and resume it.")
