"""How long a job can be passed over: the bound that docs/scheduling.md states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.core.playing import Played, play
from tests.core.profiles import MACHINE_TIMEOUT_SECONDS, PROPERTY
from tests.core.queue_jobs import FOUR_GPUS, job_id, waiting

pytestmark = pytest.mark.timeout(MACHINE_TIMEOUT_SECONDS)

LONGEST_MS = 50
PROJECTS = ("iris", "cats", "dogs")
LIMITED: dict[str, list[int | None]] = {
    "none": [None],
    "some": [None, 1, 4],
    "all": [1, 1, 2, 6],
}
"""By what factor the time limits of jobs are too long, where they have one."""


@dataclass(frozen=True)
class Workload:
    """Jobs that come over time, and how long each lasts."""

    jobs: list[Job]
    lasts_ms: dict[str, int]
    capacity: Capacity

    @property
    def longest_ms(self) -> int:
        """The longest that a job runs, or may run and go on when it is asked to end."""
        limits = [job.limits.time_ms for job in self.jobs if job.limits.time_ms is not None]
        return max(LONGEST_MS, max(limits, default=0) + self.capacity.grace_ms)

    def played(self) -> Played:
        return play(
            [],
            [],
            self.capacity,
            lambda job: self.lasts_ms[job.job_id],
            now_ms=0,
            arrivals=self.jobs,
        )


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Any mix of sizes and time limits, on a machine that is mostly too small for it."""
    limited = draw(st.sampled_from(sorted(LIMITED)))
    gpus = FOUR_GPUS[: draw(st.integers(1, 4))]
    capacity = Capacity(
        draw(st.integers(1, 5)),
        gpus,
        cpus=4,
        ram_gb=8,
        backfill_ms=draw(st.sampled_from([0, 1, 30, 200])),
        grace_ms=draw(st.sampled_from([0, 2])),
        start_ms=draw(st.sampled_from([0, 1])),
    )
    sizes = [0, 0.25, 0.5, 1, 1, len(gpus)]
    jobs, lasts_ms, at_ms = [], {}, 0
    for number in range(1, draw(st.integers(2, 40)) + 1):
        at_ms += draw(st.sampled_from([0, 0, 1, 7, 20]))
        job = waiting(
            number,
            num_gpus=draw(st.sampled_from(sizes)),
            cpus=draw(st.sampled_from([0, 0, 1, 4])),
            ram_gb=draw(st.sampled_from([0, 0, 3, 8])),
            project=draw(st.sampled_from(PROJECTS)),
        )
        lasts_ms[job.job_id] = lasts = draw(st.integers(1, LONGEST_MS))
        times_too_long = draw(st.sampled_from(LIMITED[limited]))
        limits = Limits(time_ms=times_too_long and lasts * times_too_long)
        jobs.append(replace(job, submitted_at_ms=at_ms, limits=limits))
    return Workload(jobs, lasts_ms, capacity)


@PROPERTY
@given(workloads())
def test_whoever_is_passed_over_starts_within_the_bound(workload: Workload) -> None:
    found = workload.played()
    backfill_ms, longest_ms = workload.capacity.backfill_ms, workload.longest_ms
    by_limits_ms = min(backfill_ms, longest_ms) + len(PROJECTS) * longest_ms
    by_durations_ms = 2 * backfill_ms + len(PROJECTS) * LONGEST_MS
    bound_ms = min(by_limits_ms, by_durations_ms)

    assert set(found.starts) == {job.job_id for job in workload.jobs}
    for passed, at_ms in found.passed_over.items():
        assert found.starts[passed] - at_ms <= bound_ms


@PROPERTY
@given(workloads())
def test_a_later_job_of_the_same_project_passes_only_one_that_is_marked(workload: Workload) -> None:
    found = workload.played()
    for project in PROJECTS:
        jobs = [job for job in workload.jobs if job.project == project]
        for place, first in enumerate(jobs):
            start_ms = found.starts[first.job_id]
            earlier = [found.starts[job.job_id] for job in jobs[:place]]
            head_ms = max([first.submitted_at_ms, *earlier])
            passed = [
                found.starts[job.job_id]
                for job in jobs[place + 1 :]
                if head_ms < found.starts[job.job_id] < start_ms
            ]
            marked_ms = found.passed_over.get(first.job_id)
            assert not passed or (marked_ms is not None and marked_ms <= min(passed))


def a_stream_of_small_jobs(backfill_ms: int, *, endless: bool = False) -> Workload:
    """GPUs of which one is always busy, and a job that needs two; one may be taken for ever."""
    small = [
        replace(waiting(number, num_gpus=1), submitted_at_ms=5 * number) for number in range(1, 200)
    ]
    large = replace(waiting(999, num_gpus=2, order=3), submitted_at_ms=12)
    jobs = sorted([*small, large], key=lambda job: job.submitted_at_ms)
    lasts_ms = {job.job_id: 10 for job in jobs}
    gpus: tuple[str, ...] = FOUR_GPUS[:2]
    if endless:
        jobs.insert(0, waiting(0, num_gpus=1, order=-1))
        lasts_ms[job_id(0)] = 10**6
        gpus = FOUR_GPUS[:3]
    capacity = Capacity(9, gpus, backfill_ms=backfill_ms, grace_ms=0, start_ms=0)
    return Workload(jobs, lasts_ms, capacity)


def test_a_large_job_gets_its_turn_once_what_ran_has_ended() -> None:
    found = a_stream_of_small_jobs(10**9).played()

    assert 0 < found.starts[job_id(999)] - found.passed_over[job_id(999)] <= 20


def test_a_job_that_never_ends_does_not_put_that_off_for_ever() -> None:
    found = a_stream_of_small_jobs(100, endless=True).played()
    passed_at_ms = found.passed_over[job_id(999)]

    assert 100 <= found.starts[job_id(999)] - passed_at_ms <= 110
    assert sum(start < found.starts[job_id(999)] for start in found.starts.values()) > 20


def test_limits_that_are_far_too_long_do_not_put_it_off_for_as_long() -> None:
    stream = a_stream_of_small_jobs(100)
    limited = [
        replace(job, limits=Limits(time_ms=100_000 - 20 * job.order))
        if job.job_id != job_id(999)
        else job
        for job in stream.jobs
    ]
    found = replace(stream, jobs=limited).played()

    assert found.starts[job_id(999)] - found.passed_over[job_id(999)] <= 2 * 100 + 10


def test_short_limits_let_small_jobs_pass_while_it_waits_for_a_long_one() -> None:
    stream = a_stream_of_small_jobs(300, endless=True)
    limits_ms = {job_id(0): 500, job_id(999): None}
    limited = [
        replace(job, limits=Limits(time_ms=limits_ms.get(job.job_id, 20))) for job in stream.jobs
    ]
    capacity = replace(stream.capacity, gpus=FOUR_GPUS[:2])
    lasts_ms = stream.lasts_ms | {job_id(0): 450}
    found = Workload(limited, lasts_ms, capacity).played()

    assert found.starts[job_id(999)] <= 500
    reserved_ms = found.passed_over[job_id(999)] + 300
    assert sum(reserved_ms < start < 450 for start in found.starts.values()) > 10


def test_without_a_reservation_it_would_wait_for_the_end_of_the_stream() -> None:
    found = a_stream_of_small_jobs(10**9, endless=True).played()

    assert found.starts[job_id(999)] == max(found.starts.values())
