"""Which jobs have run or waited for as long as they may, and when the next one will have."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_scheduler.core.events import Expired, TimedOut
from atlas_scheduler.core.job import Job
from foundations.models import JobState


def overdue(jobs: Iterable[Job], *, now_ms: int) -> list[tuple[Job, TimedOut | Expired]]:
    """Jobs whose time is over, each with the event that says so."""
    late = [job for job in jobs if (at_ms := _due_ms(job)) is not None and at_ms <= now_ms]
    return [
        (job, Expired(now_ms) if job.state is JobState.QUEUED else TimedOut(now_ms)) for job in late
    ]


def next_due_ms(jobs: Iterable[Job]) -> int | None:
    """When the first of these jobs is over its time; None when none has a limit."""
    return min((at_ms for job in jobs if (at_ms := _due_ms(job)) is not None), default=None)


def _due_ms(job: Job) -> int | None:
    """A job that starts has time yet, and one that is being stopped needs no second word."""
    if job.state is JobState.RUNNING:
        return job.deadline_ms
    return job.expires_at_ms if job.state is JobState.QUEUED else None
