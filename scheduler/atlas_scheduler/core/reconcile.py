"""What the engine shows against what the jobs table says.

Evidence from the engine decides, never elapsed time. The caller asks the engine first; when the
engine cannot be asked there is nothing to observe and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from atlas_scheduler.core.events import Event, NotStarted, Started
from atlas_scheduler.core.job import Job


class SeenStatus(StrEnum):
    """What an engine says of one attempt."""

    CREATED = "created"
    """It exists and never began."""
    RUNNING = "running"
    EXITED = "exited"
    """It ended, and how is still to be collected."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt as an engine shows it."""

    name: str
    job_id: str
    attempt: int
    status: SeenStatus
    started_at_ms: int | None = None


def observe(jobs: Iterable[Job], seen: Iterable[Seen], *, now_ms: int) -> list[tuple[str, Event]]:
    """Turn what an engine shows into events for the jobs that hold a slot.

    Args:
        jobs: every job in a state that holds a slot.
        seen: every attempt of this scheduler instance that the engine knows.
        now_ms: the time to stamp events with.

    Returns:
        `(job_id, event)` pairs, at most one a job.
    """
    by_attempt = {(one.job_id, one.attempt): one for one in seen}
    return [(job.job_id, _evidence(by_attempt, job, now_ms)) for job in jobs if job.holds_slot]


def _evidence(by_attempt: Mapping[tuple[str, int], Seen], job: Job, now_ms: int) -> Event:
    one = by_attempt.get((job.job_id, job.attempt))
    if one is None or one.status is SeenStatus.CREATED:
        return NotStarted(now_ms)
    return Started(one.started_at_ms or now_ms)


def leftovers(jobs: Mapping[str, Job], seen: Iterable[Seen]) -> list[Seen]:
    """Attempts that no job holds a slot for: of finished or deleted jobs, or superseded.

    Args:
        jobs: the jobs that hold a slot, by id.
        seen: every attempt of this scheduler instance that the engine knows.
    """
    return [
        one
        for one in seen
        if (job := jobs.get(one.job_id)) is None or not job.holds_slot or job.attempt != one.attempt
    ]
