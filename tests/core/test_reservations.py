"""Who may have what is kept for a job that was passed over for too long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_scheduler.core.capacity import Capacity, RunningLimits
from atlas_scheduler.core.job import Job
from foundations.models import JobState
from tests.core.queue_jobs import FOUR_GPUS, NOW, Outcome, decide, holding, job_id, waiting

HOUR_MS = 3_600_000
SPARE_MS = 70_000
"""A start and a grace, as the capacity has them."""
CAPACITY = Capacity(9, FOUR_GPUS, cpus=8, ram_gb=16)
KEPT = "job 00000001 has waited too long for a GPU to be passed again"


def reserved(number: int = 1, *, num_gpus: float = 4, ram_gb: float = 0, cpus: float = 0) -> Job:
    """A job that goes before all others; the smaller its number the earlier."""
    since_ms = NOW - 2 * HOUR_MS + number
    return waiting(number, num_gpus=num_gpus, ram_gb=ram_gb, cpus=cpus, passed_over_at_ms=since_ms)


def running(number: int, *gpus: str, hours: float | None = 1, ram_gb: float = 0) -> Job:
    """A job that began just now and surely ends after so many hours and the grace."""
    time_ms = None if hours is None else round(hours * HOUR_MS)
    return holding(number, *gpus, started_at_ms=NOW, time_ms=time_ms, ram_gb=ram_gb)


def happens(queued: list[Job], held: list[Job], capacity: Capacity = CAPACITY) -> Outcome:
    return decide(queued, held, capacity, now_ms=NOW)


def short(number: int, *, num_gpus: float = 1, time_ms: int = HOUR_MS - 60_000) -> Job:
    """A job that surely ends when one of an hour does that began just now."""
    return waiting(number, num_gpus=num_gpus, time_ms=time_ms)


def test_a_job_that_surely_ends_by_when_the_reserved_one_surely_starts_may_pass_it() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    longer = waiting(2, num_gpus=1, time_ms=HOUR_MS - 60_000 + 1)
    found = happens([reserved(), longer, waiting(3, num_gpus=1), short(4)], held)

    assert found.picked == [job_id(4)]
    assert found.picks[0].gpus == ("gpu-3",)
    assert found.waiting[job_id(1)] == "needs 4 GPUs; 0 of 4 are free"


def test_who_may_not_pass_is_told_which_time_limit_would_let_it() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    found = happens(
        [reserved(), waiting(2, num_gpus=1), waiting(3, num_gpus=1, time_ms=2 * HOUR_MS)], held
    )

    assert found.picks == ()
    assert found.waiting[job_id(2)] == (
        f"{KEPT}, except with a --time-limit that is over by 23:12 UTC"
    )
    assert found.waiting[job_id(3)] == f"{KEPT}: a time limit of 2h is not over by 23:12 UTC"
    assert found.moment.why(waiting(2, num_gpus=1)).blockers == (job_id(1),)


def test_a_time_of_another_day_is_told_with_its_date() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2", hours=3)]
    found = happens([reserved(), waiting(2, num_gpus=1)], held)

    assert found.waiting[job_id(2)] == (
        f"{KEPT}, except with a --time-limit that is over by 2023-11-15 01:12 UTC"
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(running(8, "gpu-1", hours=None), id="it has no time limit"),
        pytest.param(
            holding(8, "gpu-1", state=JobState.STARTING, started_at_ms=None, time_ms=HOUR_MS),
            id="it starts, and its time does not count yet",
        ),
    ],
)
def test_nobody_passes_while_nothing_says_when_there_is_room(other: Job) -> None:
    held = [running(9, "gpu-0", "gpu-2"), other]
    found = happens([reserved(), short(2, time_ms=1)], held)

    assert found.picks == ()
    assert found.waiting[job_id(2)] == KEPT


def test_only_what_the_reserved_job_needs_must_be_free_by_then() -> None:
    held = [running(9, "gpu-0", "gpu-1"), running(8, "gpu-2", hours=None)]

    assert happens([reserved(num_gpus=3), short(2)], held).picked == [job_id(2)]


def test_a_job_that_is_being_stopped_ends_within_the_grace_and_one_over_its_time_at_once() -> None:
    """Then there is one GPU more than the reserved job needs."""
    queued = [reserved(num_gpus=3), waiting(2, num_gpus=1), short(3, time_ms=1)]
    stopping = holding(9, "gpu-1", "gpu-2", state=JobState.STOPPING, started_at_ms=NOW - 1)
    overdue = holding(9, "gpu-1", "gpu-2", started_at_ms=NOW - HOUR_MS, time_ms=60_000)

    for one in (stopping, overdue):
        found = happens(queued, [one])
        assert found.picked == [job_id(2)]
        assert found.waiting[job_id(3)] == KEPT
    assert happens(queued, [replace(stopping, state=JobState.RUNNING)]).picks == ()


def test_gpus_that_the_reserved_job_does_not_need_then_are_for_all() -> None:
    held = [running(9, "gpu-2"), running(8, "gpu-3")]
    queued = [reserved(num_gpus=3), waiting(2, num_gpus=1), waiting(3, num_gpus=1)]
    found = happens(queued, held)

    assert [(pick.job_id, pick.gpus) for pick in found.picks] == [(job_id(2), ("gpu-1",))]
    assert found.waiting[job_id(3)].startswith(KEPT)


def test_processors_that_the_reserved_job_does_not_lack_are_kept_until_then_too() -> None:
    held = [running(9, "gpu-0")]
    queued = [reserved(cpus=6), waiting(2, cpus=3), waiting(3, cpus=2)]
    found = happens(queued, held)

    assert found.picked == [job_id(3)]
    assert found.waiting[job_id(2)] == (
        "job 00000001 has waited too long for processors or memory to be passed again, "
        "except with a --time-limit that is over by 23:12 UTC"
    )
    assert happens([reserved(cpus=6), replace(short(2), num_gpus=0, cpus=8)], held).picks


def test_limits_that_promise_little_are_not_waited_for_longer_than_jobs_may_be_passed() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2", hours=999)]
    mark_ms = NOW - 2 * HOUR_MS + 1
    until_ms = mark_ms + 2 * CAPACITY.backfill_ms
    longer = short(2, time_ms=until_ms - NOW - SPARE_MS + 1)
    fits = short(3, time_ms=until_ms - NOW - SPARE_MS)

    assert happens([reserved(), longer, fits], held).picked == [job_id(3)]


def test_what_a_second_reserved_job_lacks_beside_is_kept_for_it() -> None:
    """The first waits for GPUs, the second for memory that nobody can say the end of."""
    held = [running(9, "gpu-0"), running(8, hours=None, ram_gb=14)]
    second = reserved(2, num_gpus=0, ram_gb=4)
    greedy, modest = replace(short(3), ram_gb=1), short(4)
    found = happens([reserved(), second, greedy, modest], held)

    assert found.picked == [job_id(4)]
    assert found.waiting[job_id(3)] == (
        "job 00000002 has waited too long for processors or memory to be passed again"
    )


def test_gpus_that_a_job_does_not_lack_are_kept_while_it_waits_for_memory() -> None:
    held = [running(9, hours=None, ram_gb=14)]
    queued = [
        reserved(num_gpus=3, ram_gb=4),
        waiting(2, num_gpus=2),
        waiting(3, num_gpus=1),
        waiting(4, num_gpus=0.5),
    ]
    found = happens(queued, held)

    assert [(pick.job_id, pick.gpus) for pick in found.picks] == [(job_id(3), ("gpu-3",))]
    assert found.waiting[job_id(4)] == KEPT


def test_a_job_gets_no_gpu_that_is_free_only_now_for_one_that_is_free_only_then() -> None:
    """Half of gpu-0 is kept for the second job, and all of gpu-2 is left over in an hour."""
    always = holding(8, "gpu-0", num_gpus=0.25, cpus=8, started_at_ms=NOW)
    held = [always, running(9, "gpu-1", "gpu-2")]
    queued = [reserved(num_gpus=1), reserved(2, num_gpus=0.5, cpus=8), waiting(3, num_gpus=0.5)]
    found = happens(queued, held, replace(CAPACITY, gpus=FOUR_GPUS[:3]))

    assert found.picks == ()
    assert found.waiting[job_id(3)] == (
        f"{KEPT}, except with a --time-limit that is over by 23:12 UTC"
    )


def test_two_reserved_jobs_that_lack_different_things_are_both_started_in_time() -> None:
    held = [running(9, "gpu-0", hours=2), running(8, hours=1, ram_gb=14)]
    queued = [reserved(), reserved(2, num_gpus=0, ram_gb=16)]
    both = replace(short(3, time_ms=2 * HOUR_MS - 60_000), ram_gb=1)
    gpu_only = short(4, time_ms=2 * HOUR_MS - 60_000)
    brief = replace(short(5), ram_gb=1)
    found = happens([*queued, both, gpu_only, brief], held)

    assert found.picked == [job_id(4), job_id(5)]
    assert found.waiting[job_id(3)].endswith("a time limit of 1h59m is not over by 23:12 UTC")


def test_one_that_lacks_the_same_waits_behind_the_first_and_its_needs_are_kept_too() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    queued = [reserved(num_gpus=2), reserved(2, num_gpus=2), waiting(3, num_gpus=1), short(4)]
    found = happens(queued, held)

    assert found.picked == [job_id(4)]
    assert found.waiting[job_id(3)].startswith(KEPT)


def test_a_reserved_job_may_itself_pass_one_before_it() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    second = replace(reserved(2, num_gpus=1), limits=short(1).limits)

    assert happens([reserved(), second], held).picked == [job_id(2)]


def test_a_job_that_passes_leaves_the_reserved_one_its_place_within_all_limits() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    queued = [reserved(), short(2), replace(short(3), project="cats", user="bob")]
    limits = RunningLimits(users={"ada": 2}, projects={"iris": 2})
    found = happens(queued, held, replace(CAPACITY, limits=limits))

    assert found.picked == [job_id(3)]
    assert found.waiting[job_id(2)] == (
        "project iris runs 1 job, its limit is 2, "
        "with job 00000001 that has waited too long to be passed again"
    )
    assert found.moment.why(queued[1]).blockers == (job_id(1), job_id(9))


def test_a_share_of_a_gpu_passes_a_job_that_waits_for_it_whole() -> None:
    held = [holding(9, "gpu-0", num_gpus=0.5, started_at_ms=NOW, time_ms=HOUR_MS)]
    capacity = Capacity(9, ("gpu-0",))
    brief = short(2, num_gpus=0.5)

    assert happens([reserved(num_gpus=1), brief], held, capacity).picked == [job_id(2)]
    assert not happens([reserved(num_gpus=1), waiting(2, num_gpus=0.5)], held, capacity).picks


def test_where_nobody_passes_anybody_time_limits_change_nothing() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    capacity = replace(CAPACITY, backfill_ms=0)

    assert happens([waiting(1, num_gpus=4), short(2)], held, capacity).picks == ()


def test_those_of_one_shape_that_are_short_enough_start_in_their_order() -> None:
    held = [running(9, "gpu-0")]
    queued = [
        reserved(),
        waiting(2, num_gpus=1),
        short(3, time_ms=HOUR_MS // 2),
        short(4, time_ms=3 * HOUR_MS),
        short(5, time_ms=HOUR_MS // 4),
        short(6, time_ms=HOUR_MS // 3),
        short(7, time_ms=1),
    ]

    assert happens(queued, held).picked == [job_id(3), job_id(5), job_id(6)]


def test_a_time_limit_lets_a_job_of_lower_priority_pass_too() -> None:
    held = [running(9, "gpu-0", "gpu-1", "gpu-2")]
    queued = [reserved(), replace(short(2), priority=-5), replace(short(3), priority=-7)]

    assert happens(queued, held).picked == [job_id(2)]
