"""Jobs as the queue sees them, and what it decides about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import NO_LIMITS, Limits
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import Decision, Pick, choose_next
from atlas_scheduler.core.waiting import Moment
from foundations.models import JobState

FOUR_GPUS = ("gpu-0", "gpu-1", "gpu-2", "gpu-3")

NOW = 1_700_000_000_000
"""A time that matters to few tests."""


def job_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def waiting(
    number: int,
    *,
    num_gpus: float = 0,
    order: int | None = None,
    priority: int = 0,
    held_by: str | None = None,
    not_before_ms: int | None = None,
    project: str = "iris",
    array: int | None = None,
    cpus: float = 0,
    ram_gb: float = 0,
    user: str = "ada",
    passed_over_at_ms: int | None = None,
    time_ms: int | None = None,
) -> Job:
    return Job(
        job_id(number),
        project,
        JobState.QUEUED,
        number if order is None else order,
        num_gpus,
        priority=priority,
        held_by=held_by,
        array=array,
        not_before_ms=not_before_ms,
        cpus=cpus,
        ram_gb=ram_gb,
        user=user,
        passed_over_at_ms=passed_over_at_ms,
        limits=_limits(time_ms),
    )


def holding(
    number: int,
    *gpus: str,
    state: JobState = JobState.RUNNING,
    num_gpus: float | None = None,
    project: str = "iris",
    cpus: float = 0,
    ram_gb: float = 0,
    user: str = "ada",
    started_at_ms: int | None = 0,
    time_ms: int | None = None,
) -> Job:
    return Job(
        job_id(number),
        project,
        state,
        number,
        len(gpus) if num_gpus is None else num_gpus,
        attempt=1,
        gpus=gpus,
        cpus=cpus,
        ram_gb=ram_gb,
        user=user,
        started_at_ms=started_at_ms,
        limits=_limits(time_ms),
    )


def _limits(time_ms: int | None) -> Limits:
    return NO_LIMITS if time_ms is None else Limits(time_ms=time_ms)


@dataclass(frozen=True)
class Outcome:
    """A decision, and what those are told that it leaves waiting."""

    moment: Moment

    @property
    def decision(self) -> Decision:
        return self.moment.decision

    @property
    def picks(self) -> tuple[Pick, ...]:
        return self.decision.picks

    @property
    def picked(self) -> list[str]:
        return [pick.job_id for pick in self.picks]

    @property
    def waiting(self) -> dict[str, str]:
        """Reasons, in the order of turns."""
        line = self.moment.places().with_held()
        return {
            job.job_id: self.moment.why(job).reason for job in line if job.job_id not in self.picked
        }


def decide(
    queued: Iterable[Job], held: Iterable[Job], capacity: Capacity, *, now_ms: int = 0
) -> Outcome:
    """What happens to these jobs."""
    line, running = Line(queued), list(held)
    decision = choose_next(line, running, capacity, now_ms=now_ms)
    return Outcome(Moment(line, running, capacity, decision, now_ms))
