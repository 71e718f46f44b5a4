"""Reserved jobs start when they surely can, whoever has what is kept for them meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import reserved_first
from tests.core.profiles import MACHINE_TIMEOUT_SECONDS, PROPERTY
from tests.core.working_day import Seen, WorkingDay, working_days

pytestmark = pytest.mark.timeout(MACHINE_TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Promised:
    """The first of the reserved jobs, and when it surely starts."""

    job: Job
    at_ms: int
    by_ms: int
    stay: list[Job]
    """Who may still run then, of those that came before it."""


def parts_of(job: Job) -> int:
    return round(job.num_gpus * 1000) if 0 < job.num_gpus < 1 else 1000


def has_room(job: Job, held: list[Job], capacity: Capacity) -> bool:
    """Whether a job would fit beside these, counted by hand."""
    used: Counter[str] = Counter()
    for one in held:
        for gpu in one.gpus:
            used[gpu] += parts_of(one)
    if 0 < job.num_gpus < 1:
        has_gpus = any(used[gpu] + parts_of(job) <= 1000 for gpu in capacity.gpus)
    else:
        has_gpus = sum(used[gpu] == 0 for gpu in capacity.gpus) >= job.num_gpus
    return (
        has_gpus
        and len(held) < capacity.max_running_jobs
        and sum(one.cpus for one in held) + job.cpus <= capacity.cpus
        and sum(one.ram_gb for one in held) + job.ram_gb <= capacity.ram_gb
    )


def promised(seen: Seen, capacity: Capacity) -> Promised | None:
    """What the first reserved job is promised, by what ran before the decision."""
    reserved = list(seen.decision.left.reservations.reserved.values())
    if not reserved:
        return None
    ends = {
        job.job_id: job.deadline_ms + capacity.grace_ms
        for job in seen.held
        if job.deadline_ms is not None
    }
    older = [job for job in seen.picked if is_before(job, reserved[0])]
    for by_ms in sorted({seen.now_ms, *ends.values()}):
        stay = [job for job in seen.held if ends.get(job.job_id, by_ms + 1) > by_ms]
        if has_room(reserved[0], stay + older, capacity):
            return Promised(reserved[0], seen.now_ms, by_ms, stay + older)
    return None


def is_before(job: Job, other: Job) -> bool:
    """Whether a job has an older mark."""
    return job.passed_over_at_ms is not None and reserved_first(job) < reserved_first(other)


def older_start(day: WorkingDay, one: Promised, queued: dict[str, Job], until_ms: int) -> bool:
    """Whether a job with an older mark went first after all, because it was at a limit before."""
    return any(
        one.at_ms <= start_ms <= until_ms
        for job in queued.values()
        if is_before(job, one.job)
        for start_ms in day.starts[job.job_id]
    )


@PROPERTY
@given(working_days())
def test_the_first_reserved_job_starts_when_it_surely_can_and_nobody_who_passes_changes_that(
    day: WorkingDay,
) -> None:
    for seen in list(day.pass_by()):
        one = promised(seen, day.capacity)
        if one is not None:
            assert next_start(day, one) <= one.by_ms
            assert has_room(one.job, one.stay + longer_picks(seen, one, day), day.capacity)
        else:
            assert leaves_what_is_there(seen, day.capacity)


@PROPERTY
@given(working_days(limited=True))
def test_so_it_does_where_projects_and_users_have_limits_and_nothing_is_ever_given_twice(
    day: WorkingDay,
) -> None:
    for seen in list(day.pass_by()):
        one = promised(seen, day.capacity)
        if one is not None:
            start_ms = next_start(day, one)
            assert start_ms <= one.by_ms or older_start(day, one, seen.queued, start_ms)
        assert is_sound([*seen.held, *seen.picked], day.capacity)

    for job_id, attempts_ms in day.attempts_ms.items():
        assert len(day.starts[job_id]) == len(attempts_ms)


def next_start(day: WorkingDay, one: Promised) -> int:
    return min(ms for ms in day.starts[one.job.job_id] if ms >= one.at_ms)


def longer_picks(seen: Seen, one: Promised, day: WorkingDay) -> list[Job]:
    """Who passed it at that moment, and may run longer than until its promise."""
    return [
        job
        for job in seen.picked
        if not is_before(job, one.job)
        and (
            job.limits.time_ms is None
            or seen.now_ms + job.limits.time_ms + day.capacity.grace_ms > one.by_ms
        )
    ]


def leaves_what_is_there(seen: Seen, capacity: Capacity) -> bool:
    """Whether what the first reserved job does not lack is still there after the decision."""
    for first in list(seen.decision.left.reservations.reserved.values())[:1]:
        older = [job for job in seen.picked if is_before(job, first)]
        for part in (
            replace(first, cpus=0, ram_gb=0),
            replace(first, num_gpus=0, ram_gb=0),
            replace(first, num_gpus=0, cpus=0),
        ):
            was_there = has_room(part, seen.held + older, capacity)
            if was_there and not has_room(part, seen.held + seen.picked, capacity):
                return False
    return True


def is_sound(held: list[Job], capacity: Capacity) -> bool:
    """Whether no GPU is given twice, and nothing beyond what there is."""
    used: Counter[str] = Counter()
    for job in held:
        for gpu in job.gpus:
            used[gpu] += parts_of(job)
    return (
        all(len(job.gpus) == (1 if 0 < job.num_gpus < 1 else job.num_gpus) for job in held)
        and all(parts <= 1000 for parts in used.values())
        and len(held) <= capacity.max_running_jobs
        and sum(job.cpus for job in held) <= capacity.cpus
        and sum(job.ram_gb for job in held) <= capacity.ram_gb
    )
