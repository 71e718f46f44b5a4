"""Jobs as the queue sees them."""

from __future__ import annotations

from atlas_scheduler.core.job import Job
from foundations.models import JobState

FOUR_GPUS = ("gpu-0", "gpu-1", "gpu-2", "gpu-3")


def job_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def waiting(
    number: int,
    *,
    num_gpus: int = 0,
    order: int | None = None,
    priority: int = 0,
    held_by: str | None = None,
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
    )


def holding(number: int, *gpus: str, state: JobState = JobState.RUNNING) -> Job:
    return Job(job_id(number), "iris", state, number, len(gpus), attempt=1, gpus=gpus)
