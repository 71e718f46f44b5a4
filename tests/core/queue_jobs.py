"""Jobs as the queue sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from atlas_scheduler.core import queue
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import Capacity, Decision
from foundations.models import JobState

FOUR_GPUS = ("gpu-0", "gpu-1", "gpu-2", "gpu-3")

NOW = 1_700_000_000_000


def choose_next(
    queued: Sequence[Job], holding: Iterable[Job], capacity: Capacity, *, now_ms: int = NOW
) -> Decision:
    """What the queue decides, at a time that matters to few tests."""
    return queue.choose_next(queued, holding, capacity, now_ms=now_ms)


def job_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def waiting(
    number: int,
    *,
    num_gpus: int = 0,
    order: int | None = None,
    priority: int = 0,
    held_by: str | None = None,
    not_before_ms: int | None = None,
    project: str = "iris",
    array: int | None = None,
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
    )


def holding(number: int, *gpus: str, state: JobState = JobState.RUNNING) -> Job:
    return Job(job_id(number), "iris", state, number, len(gpus), attempt=1, gpus=gpus)
