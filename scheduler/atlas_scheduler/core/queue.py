"""Which waiting jobs start now, and why each of the others does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from atlas_scheduler.core.dependencies import blocked
from atlas_scheduler.core.job import Job


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody's word that nothing starts until it is taken back."""

    by: str
    at_ms: int
    project: str | None = None
    """The project that it is about; None is all of them."""

    @property
    def reason(self) -> str:
        """Why a job that it keeps from starting waits."""
        what = "the queue" if self.project is None else f"project {self.project}"
        return f"{what} is paused by {self.by} since {_moment(self.at_ms):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the machine and the settings allow in all, not what is free: that follows from jobs."""

    max_running_jobs: int
    gpus: tuple[str, ...] = ()
    problem: str | None = None
    """Why nothing can start at all, such as an engine that does not answer."""
    pauses: tuple[Pause, ...] = ()
    array_limits: Mapping[int, int] = field(default_factory=dict)
    """How many jobs of an array may run at once, by its number; arrays without a limit are not."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A job to start, with the GPUs it gets."""

    job_id: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The picks in order, and a reason for each job left waiting."""

    picks: tuple[Pick, ...] = ()
    waiting: dict[str, str] = field(default_factory=dict)


def refusal(num_gpus: int, capacity: Capacity) -> str | None:
    """Say why a job of this size could never start, or None when it could."""
    total = len(capacity.gpus)
    if num_gpus > total:
        has = f"{total} GPU{'s' if total != 1 else ''}" if total else "no GPU"
        return f"the job asks for {num_gpus} GPU(s) and this scheduler has {has}"
    return None


def choose_next(
    queued: Sequence[Job], holding: Iterable[Job], capacity: Capacity, *, now_ms: int
) -> Decision:
    """Choose which jobs start now: by priority, then first in, first out, as capacity goes.

    A job that could never start, is held, is paused or waits for a time or another job holds nobody
    up; nor does one whose array has as many running as it allows.

    Args:
        queued: jobs that wait, in any order; `Job.turn` decides.
        holding: jobs that occupy slots and GPUs.
        capacity: what there is in all.
        now_ms: the time.
    """
    held = list(holding)
    taken = {gpu for job in held for gpu in job.gpus}
    free_gpus = [gpu for gpu in capacity.gpus if gpu not in taken]
    free_slots = capacity.max_running_jobs - len(held)
    picks: list[Pick] = []
    waiting: dict[str, str] = {}
    blocker: Job | None = None
    of_array = Counter(job.array for job in held if job.array is not None)
    for job in sorted(queued, key=lambda job: job.turn):
        aside = _set_aside(job, capacity, now_ms) or _array_is_full(job, of_array, capacity)
        if aside is not None:
            waiting[job.job_id] = aside
            continue
        if blocker is not None:
            waiting[job.job_id] = f"behind job {blocker.job_id[:8]} in the queue"
            continue
        reason = _shortage(job, free_slots, len(free_gpus), capacity)
        if reason is not None:
            waiting[job.job_id] = reason
            blocker = job
            continue
        picks.append(Pick(job.job_id, tuple(free_gpus[: job.num_gpus])))
        free_gpus = free_gpus[job.num_gpus :]
        free_slots -= 1
        if job.array is not None:
            of_array[job.array] += 1
    return Decision(tuple(picks), waiting)


def _set_aside(job: Job, capacity: Capacity, now_ms: int) -> str | None:
    """Why `job` has no turn at all, whatever is free and whoever is before it."""
    if job.held_by is not None:
        return f"held by {job.held_by}"
    if job.blockers:
        return blocked(job.blockers)
    if job.not_before_ms is not None and now_ms < job.not_before_ms:
        what_for = f": {job.reason}" if job.reason else ""
        return f"waits until {_moment(job.not_before_ms):%Y-%m-%d %H:%M:%S} UTC{what_for}"
    # What is wider is told first: who takes it back must look further anyway.
    for pause in sorted(capacity.pauses, key=lambda one: one.project is not None):
        if pause.project in (None, job.project):
            return pause.reason
    return capacity.problem or refusal(job.num_gpus, capacity)


def _array_is_full(job: Job, running: Mapping[int, int], capacity: Capacity) -> str | None:
    """Why `job` must let the others of its array end first."""
    limit = None if job.array is None else capacity.array_limits.get(job.array)
    if limit is None or job.array is None or running[job.array] < limit:
        return None
    jobs = "1 job" if limit == 1 else f"{limit} jobs"
    return f"its array runs at most {jobs} at once"


def _shortage(job: Job, free_slots: int, free_gpus: int, capacity: Capacity) -> str | None:
    """What is missing for `job` to start now."""
    if free_slots <= 0:
        limit = capacity.max_running_jobs
        count = limit - free_slots
        running = "1 job is" if count == 1 else f"{count} jobs are"
        return f"{running} running, and max_running_jobs is {limit}"
    if job.num_gpus > free_gpus:
        return f"needs {job.num_gpus} GPU(s); {free_gpus} of {len(capacity.gpus)} are free"
    return None


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
