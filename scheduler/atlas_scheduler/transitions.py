"""Lets events happen to jobs, with history: the one way that their state changes."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict

from atlas_scheduler.core.deadlines import next_due_ms, overdue
from atlas_scheduler.core.dependencies import Verdict, barred, verdict
from atlas_scheduler.core.events import Barred, Event
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, advance
from atlas_scheduler.store import dependencies, jobs, schedules
from atlas_scheduler.writing import Writing

Moved = tuple[Job, tuple[Effect, ...]]
"""A job after a transition, and what must be done now."""
_NO_DETAIL = frozenset({"at_ms", "started_at_ms"})
"""Of an event: the change and the job have these themselves."""


class Transitions(Writing):
    """What happens to jobs, and what happens to them when their time is over."""

    async def apply(self, job_id: str, event: Event) -> Job:
        """Let an event happen to a job: the one way that its state changes.

        Raises:
            InvalidTransition: the event does not fit; nothing changed.
            NotFound: no such job.
        """

        def step(conn: sqlite3.Connection) -> list[Moved]:
            moved = self._advance(conn, jobs.load_job(conn, job_id), event)
            return self._with_dependents(conn, [moved])

        (job, _), *_ = await self._durably(self._database.write(step), self._publish)
        return job

    async def end_overdue(self) -> int | None:
        """End every job that has run or waited for as long as it may.

        Returns:
            When (ms) to look at the queue again though nothing happens; None is never.
        """
        now_ms = self._clock_ms()
        moment_ms = await self._database.read(lambda conn: self._next_moment_ms(conn, now_ms))
        if moment_ms is None or moment_ms > now_ms:
            return moment_ms

        def step(conn: sqlite3.Connection) -> list[Moved]:
            limited = [*jobs.expired(conn, now_ms=now_ms), *self._running(conn)]
            moved = [
                self._advance(conn, job, event) for job, event in overdue(limited, now_ms=now_ms)
            ]
            return self._with_dependents(conn, moved)

        await self._durably(self._database.write(step), self._publish)
        return await self._database.read(lambda conn: self._next_moment_ms(conn, now_ms))

    def _next_moment_ms(self, conn: sqlite3.Connection, now_ms: int) -> int | None:
        """When the next of those that wait has a turn, or the next job's time is over."""
        moments = (
            jobs.next_turn_ms(conn, now_ms=now_ms),
            jobs.next_expiry_ms(conn),
            next_due_ms(self._running(conn)),
            schedules.next_due_ms(conn),
        )
        return min((at_ms for at_ms in moments if at_ms is not None), default=None)

    def _running(self, conn: sqlite3.Connection) -> list[Job]:
        """Jobs that may be over their time limit."""
        # Until the engine was asked, a job that runs for the table may have ended long ago.
        return [] if self.engine.problem else jobs.holding(conn)

    def _advance(
        self, conn: sqlite3.Connection, job: Job, event: Event, *, engine: str | None = None
    ) -> Moved:
        moved, effects = advance(job, event)
        jobs.save_job(conn, moved, engine=engine)
        detail = {key: value for key, value in asdict(event).items() if key not in _NO_DETAIL}
        if len(moved.retried) > len(job.retried):
            detail |= {"retry": moved.reason, "pause_seconds": _pause_seconds(moved, event)}
        self._append(conn, moved, type(event).__name__, event.at_ms, detail)
        return moved, effects

    def _with_dependents(self, conn: sqlite3.Connection, moved: list[Moved]) -> list[Moved]:
        """Add what follows for the jobs that come after those that ended, and after these in turn.

        In the transaction of the end itself, so that nothing can come between.
        """
        ended = deque(job for job, _ in moved if job.is_final)
        for job in ended:  # before any of them bars another
            dependencies.close(conn, job.job_id)
        told = list(moved)
        while ended:
            other = ended.popleft()
            for job_id, condition in dependencies.after(conn, other.job_id):
                if verdict(condition, other.state) is Verdict.MET:
                    dependencies.meet(conn, job_id, other.job_id)
                    continue
                barred_now = self._bar(conn, job_id, other)
                told.append(barred_now)
                ended.append(barred_now[0])
        return told

    def _bar(self, conn: sqlite3.Connection, job_id: str, other: Job) -> Moved:
        """End a job that can never start."""
        event = Barred(self._clock_ms(), barred(other.job_id, other.state))
        moved = self._advance(conn, jobs.load_job(conn, job_id), event)
        dependencies.close(conn, job_id)
        return moved

    def _publish(self, moved: Iterable[Moved]) -> None:
        for job, effects in moved:
            self.telemetry.moved(job)
            if job.is_final:
                self._mark_ended(job.job_id)
            if not job.holds_slot or job.deadline_ms is not None:
                self.shell.wake()
            self.shell.perform(job, effects)
        self.feed.announce()


def _pause_seconds(job: Job, event: Event) -> float:
    """How long a job waits at least for its retry."""
    return ((job.not_before_ms or event.at_ms) - event.at_ms) / 1000
