"""Who starts now, and what the others are told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from atlas_scheduler.core.capacity import Capacity, Pause, RunningLimits, refusal
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import Pick
from atlas_scheduler.core.resources import Needs
from foundations.models import JobState
from tests.core.queue_jobs import FOUR_GPUS, NOW, Outcome, decide, holding, job_id, waiting


def reason(decision: Outcome, number: int) -> str:
    return decision.waiting[job_id(number)]


def test_an_empty_queue_needs_no_decision() -> None:
    assert decide([], [], Capacity(1)).picks == ()


def test_the_first_in_the_queue_starts_whatever_order_it_is_given_in() -> None:
    decision = decide([waiting(2), waiting(1)], [], Capacity(1))

    assert decision.picks == (Pick(job_id(1)),)


def test_place_in_the_queue_decides_not_the_job_id() -> None:
    decision = decide([waiting(1, order=9), waiting(2, order=3)], [], Capacity(1))

    assert decision.picks == (Pick(job_id(2)),)


def test_as_many_start_as_slots_are_free() -> None:
    queued = [waiting(number) for number in (1, 2, 3)]
    decision = decide(queued, [holding(9)], Capacity(3))

    assert decision.picks == (Pick(job_id(1)), Pick(job_id(2)))
    assert set(decision.waiting) == {job_id(3)}


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, JobState.STOPPING])
def test_a_job_keeps_its_slot_and_gpus_while_it_starts_runs_and_stops(state: JobState) -> None:
    held = [holding(9, "gpu-0", state=state)]
    decision = decide([waiting(1, num_gpus=1)], held, Capacity(2, ("gpu-0", "gpu-1")))

    assert decision.picks == (Pick(job_id(1), ("gpu-1",)),)
    assert decide([waiting(1)], held, Capacity(1)).picks == ()


def test_gpus_are_given_in_the_order_of_the_machine_and_none_twice() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2), waiting(3, num_gpus=1)]
    decision = decide(queued, [holding(9, "gpu-1")], Capacity(9, FOUR_GPUS))

    assert decision.picks == (
        Pick(job_id(1), ("gpu-0", "gpu-2")),
        Pick(job_id(2)),
        Pick(job_id(3), ("gpu-3",)),
    )


def test_a_job_that_fits_passes_one_that_does_not_and_that_one_is_marked_once() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2), waiting(3, num_gpus=1)]
    held, capacity = [holding(9, "gpu-0")], Capacity(9, ("gpu-0", "gpu-1"))
    decision = decide(queued, held, capacity)

    assert decision.picked == [job_id(2), job_id(3)]
    assert decision.decision.passed_over == (job_id(1),)
    marked = [waiting(1, num_gpus=2, passed_over_at_ms=0), *queued[1:]]
    assert decide(marked, held, capacity).decision.passed_over == ()


def test_nobody_is_marked_while_nothing_starts() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2, num_gpus=2)]
    decision = decide(queued, [holding(9, "gpu-0")], Capacity(9, ("gpu-0", "gpu-1")))

    assert (decision.picks, decision.decision.passed_over) == ((), ())


def test_what_a_job_waits_for_is_kept_for_it_once_it_was_passed_over_too_long() -> None:
    marked = waiting(1, num_gpus=2, cpus=2, passed_over_at_ms=1_000)
    queued = [marked, waiting(2, num_gpus=1), waiting(3, cpus=7), waiting(4, cpus=6), waiting(5)]
    held = [holding(9, "gpu-0")]
    capacity = Capacity(9, ("gpu-0", "gpu-1"), cpus=8, backfill_ms=5_000)

    soon = decide(queued, held, capacity, now_ms=5_999)
    assert soon.picked == [job_id(2), job_id(3), job_id(5)]
    late = decide(queued, held, capacity, now_ms=6_000)
    assert late.picked == [job_id(4), job_id(5)]
    why = "job 00000001 has waited too long for a GPU to be passed again"
    assert reason(late, 2) == why
    assert late.moment.why(queued[1]).blockers == (job_id(1),)


def test_it_is_kept_as_soon_as_all_has_ended_that_ran_when_it_was_first_passed_over() -> None:
    queued = [waiting(1, num_gpus=2, passed_over_at_ms=1_000), waiting(2, num_gpus=1)]
    capacity = Capacity(9, FOUR_GPUS[:3])
    old, new = holding(8, started_at_ms=999), holding(9, "gpu-0", "gpu-1", started_at_ms=1_001)

    assert decide(queued, [old, new], capacity, now_ms=2_000).picked == [job_id(2)]
    assert decide(queued, [new], capacity, now_ms=2_000).picks == ()


def test_a_share_may_not_go_on_using_a_gpu_that_a_job_waits_for() -> None:
    queued = [waiting(1, num_gpus=1, passed_over_at_ms=1), waiting(2, num_gpus=0.5)]
    held, capacity = [holding(9, "gpu-0", num_gpus=0.5)], Capacity(9, ("gpu-0",), backfill_ms=10)

    assert decide(queued, held, capacity, now_ms=11).picks == ()
    assert decide(queued, held, capacity, now_ms=10).picked == [job_id(2)]


def test_a_job_that_was_passed_over_too_long_goes_before_the_fair_share() -> None:
    queued = [waiting(1, passed_over_at_ms=1), waiting(2, project="cats")]
    held, capacity = [holding(9, project="iris")], Capacity(2, backfill_ms=10)

    assert decide(queued, held, capacity, now_ms=10).picked == [job_id(2)]
    assert decide(queued, held, capacity, now_ms=11).picked == [job_id(1)]


def test_without_backfill_nothing_passes_what_does_not_fit() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2, num_gpus=1), waiting(3)]
    held, gpus = [holding(9, "gpu-0")], ("gpu-0", "gpu-1")

    assert decide(queued, held, Capacity(9, gpus, backfill_ms=0)).picked == [job_id(3)]


def test_the_project_with_the_fewest_running_jobs_goes_first() -> None:
    search = [waiting(number) for number in range(1, 6)]
    quick = [waiting(10, project="cats"), waiting(11, project="dogs")]
    decision = decide([*search, *quick], [holding(99)], Capacity(6))

    expected = [10, 11, 1, 2, 3]
    assert decision.picked == [job_id(number) for number in expected]
    assert list(decision.waiting) == [job_id(4), job_id(5)]


def test_what_was_moved_to_the_front_goes_before_the_fair_share() -> None:
    queued = [waiting(1, order=0), waiting(2), waiting(3, project="cats")]
    decision = decide(queued, [holding(9)], Capacity(2))

    assert decision.picked == [job_id(1)]
    assert list(decision.waiting) == [job_id(3), job_id(2)]


def test_a_priority_decides_before_the_fair_share() -> None:
    queued = [waiting(1, priority=1), waiting(2, project="cats")]

    assert decide(queued, [holding(9)], Capacity(2)).picked == [job_id(1)]


def test_limits_of_projects_and_users_hold_nobody_else_up() -> None:
    queued = [
        waiting(1),
        waiting(2, project="cats"),
        waiting(3, project="dogs", user="bob"),
        waiting(4, project="dogs", user="eve"),
    ]
    held = [holding(9, user="eve"), holding(8, project="birds", user="bob")]
    limits = RunningLimits(each_user=5, projects={"iris": 1}, users={"bob": 1})
    decision = decide(queued, held, Capacity(9, limits=limits))

    assert decision.picked == [job_id(2), job_id(4)]
    assert decision.waiting == {
        job_id(1): "project iris runs 1 job, its limit is 1",
        job_id(3): "user bob runs 1 job, their limit is 1",
    }
    assert decision.moment.why(queued[0]).blockers == (job_id(9),)
    assert decision.moment.why(queued[2]).blockers == (job_id(8),)


def test_a_limit_counts_the_jobs_that_are_about_to_start() -> None:
    queued = [waiting(number) for number in (1, 2, 3)]
    decision = decide(queued, [], Capacity(9, limits=RunningLimits(each_project=2)))

    assert decision.picked == [job_id(1), job_id(2)]
    assert reason(decision, 3) == "project iris runs 2 jobs, its limit is 2"


def test_shares_fill_a_gpu_that_is_begun_and_never_mix_with_whole_gpus() -> None:
    queued = [
        waiting(1, num_gpus=0.5),
        waiting(2, num_gpus=1),
        waiting(3, num_gpus=0.25),
        waiting(4, num_gpus=0.5),
        waiting(5, num_gpus=2),
    ]
    decision = decide(queued, [holding(9, "gpu-1", num_gpus=0.25)], Capacity(9, FOUR_GPUS[:3]))

    assert decision.picks == (
        Pick(job_id(1), ("gpu-1",)),
        Pick(job_id(2), ("gpu-0",)),
        Pick(job_id(3), ("gpu-1",)),
        Pick(job_id(4), ("gpu-2",)),
    )
    assert reason(decision, 5) == "needs 2 GPUs; 0 of 3 are free"


def test_ten_tenths_make_one_gpu_and_no_more() -> None:
    queued = [waiting(number, num_gpus=0.1) for number in range(1, 13)]
    decision = decide(queued, [], Capacity(99, ("gpu-0",)))

    assert len(decision.picks) == 10
    assert reason(decision, 11) == "needs 0.1 of a GPU; none has so much left"


def test_processors_and_memory_are_counted_for_those_who_ask() -> None:
    queued = [waiting(1, cpus=4, ram_gb=8), waiting(2, ram_gb=9), waiting(3, cpus=0.5), waiting(4)]
    held = [holding(9, cpus=3.5, ram_gb=20), holding(8)]
    decision = decide(queued, held, Capacity(9, cpus=8, ram_gb=32))

    assert decision.picked == [job_id(1), job_id(3), job_id(4)]
    assert reason(decision, 2) == "needs 9 GB of memory; 4 of 32 are free"
    assert decision.moment.why(queued[1]).blockers == (job_id(9), job_id(1))


def test_a_gpu_that_somebody_else_uses_is_not_begun_and_it_is_told_who() -> None:
    others = {"gpu-0": "GPU 0 is used by others: 14 of 16 GB of its memory (python, process 7)"}
    capacity = Capacity(9, FOUR_GPUS[:2], occupied_gpus=others)
    queued = [waiting(1, num_gpus=1), waiting(2, num_gpus=1)]
    decision = decide(queued, [], capacity)

    assert decision.picks == (Pick(job_id(1), ("gpu-1",)),)
    assert reason(decision, 2) == f"needs 1 GPU; 0 of 2 are free; {others['gpu-0']}"
    share = decide([waiting(1, num_gpus=0.5)], [holding(9, "gpu-0", num_gpus=0.5)], capacity)
    assert share.picks == (Pick(job_id(1), ("gpu-0",)),)


def test_a_job_that_could_never_start_holds_nobody_up() -> None:
    decision = decide([waiting(1, num_gpus=5), waiting(2)], [], Capacity(1, FOUR_GPUS))

    assert decision.picks == (Pick(job_id(2)),)
    assert set(decision.waiting) == {job_id(1)}


def test_lowering_the_limit_below_what_runs_starts_nothing() -> None:
    decision = decide([waiting(1)], [holding(8), holding(9)], Capacity(1))

    assert decision.picks == ()
    assert set(decision.waiting) == {job_id(1)}


def test_a_gpu_that_a_job_holds_and_the_machine_no_longer_has_is_not_counted_as_free() -> None:
    capacity = Capacity(9, ("gpu-0",))
    decision = decide([waiting(1, num_gpus=1)], [holding(9, "gpu-7")], capacity)

    assert decision.picks == (Pick(job_id(1), ("gpu-0",)),)


@dataclass(frozen=True)
class Told:
    name: str
    queued: tuple[Job, ...]
    held: tuple[Job, ...]
    capacity: Capacity
    number: int
    text: str


TEXTS = (
    Told(
        "one slot, taken",
        (waiting(1),),
        (holding(9),),
        Capacity(1),
        1,
        "1 running, max_running_jobs is 1",
    ),
    Told(
        "three slots, taken",
        (waiting(1),),
        (holding(7), holding(8), holding(9)),
        Capacity(3),
        1,
        "3 running, max_running_jobs is 3",
    ),
    Told(
        "the slots go to those before it",
        (waiting(1), waiting(2), waiting(3)),
        (),
        Capacity(2),
        3,
        "2 running, max_running_jobs is 2",
    ),
    Told(
        "more run than the limit since it was lowered",
        (waiting(1),),
        (holding(7), holding(8), holding(9)),
        Capacity(1),
        1,
        "3 running, max_running_jobs is 1",
    ),
    Told(
        "too few free GPUs",
        (waiting(1, num_gpus=2),),
        (holding(9, "gpu-0", "gpu-1", "gpu-2"),),
        Capacity(9, FOUR_GPUS),
        1,
        "needs 2 GPUs; 1 of 4 are free",
    ),
    Told(
        "the GPUs go to those before it",
        (waiting(1, num_gpus=3), waiting(2, num_gpus=3)),
        (),
        Capacity(9, FOUR_GPUS),
        2,
        "needs 3 GPUs; 1 of 4 are free",
    ),
    Told(
        "a slot is what is missing first",
        (waiting(1, num_gpus=1),),
        (holding(9, "gpu-0"),),
        Capacity(1, ("gpu-0",)),
        1,
        "1 running, max_running_jobs is 1",
    ),
    Told(
        "too few processors",
        (waiting(1, cpus=2),),
        (holding(9, cpus=3),),
        Capacity(9, cpus=4),
        1,
        "needs 2 processors; 1 of 4 are free",
    ),
    Told(
        "too little of several things",
        (waiting(1, num_gpus=1, ram_gb=3),),
        (holding(9, "gpu-0", ram_gb=2),),
        Capacity(9, ("gpu-0",), ram_gb=4),
        1,
        "needs 1 GPU; 0 of 1 are free, and 3 GB of memory; 2 of 4 are free",
    ),
    Told(
        "more GPUs than there are",
        (waiting(1, num_gpus=5),),
        (),
        Capacity(9, FOUR_GPUS),
        1,
        "the job asks for 5 GPUs and this scheduler has 4 GPUs",
    ),
    Told(
        "more GPUs than there are, behind one that waits",
        (waiting(1), waiting(2, num_gpus=5)),
        (holding(9),),
        Capacity(1, FOUR_GPUS),
        2,
        "the job asks for 5 GPUs and this scheduler has 4 GPUs",
    ),
    Told(
        "the engine does not answer",
        (waiting(1), waiting(2, num_gpus=9)),
        (),
        Capacity(9, problem="Docker does not answer"),
        2,
        "Docker does not answer",
    ),
)


@pytest.mark.parametrize("told", TEXTS, ids=lambda told: told.name)
def test_a_job_that_waits_is_told_why(told: Told) -> None:
    decision = decide(told.queued, told.held, told.capacity)

    assert reason(decision, told.number) == told.text


@pytest.mark.parametrize(
    ("num_gpus", "gpus", "text"),
    [
        (0.5, (), "the job asks for 0.5 of a GPU and this scheduler has no GPU"),
        (0.5, ("gpu-0",), None),
        (0, (), None),
        (0, FOUR_GPUS, None),
        (4, FOUR_GPUS, None),
        (1, (), "the job asks for 1 GPU and this scheduler has no GPU"),
        (2, ("gpu-0",), "the job asks for 2 GPUs and this scheduler has 1 GPU"),
        (5, FOUR_GPUS, "the job asks for 5 GPUs and this scheduler has 4 GPUs"),
    ],
)
def test_a_job_is_refused_only_for_more_gpus_than_there_are_in_all(
    num_gpus: float, gpus: tuple[str, ...], text: str | None
) -> None:
    assert refusal(Needs(num_gpus), Capacity(1, gpus)) == text
    assert refusal(Needs(num_gpus), Capacity(1, gpus, "Docker does not answer")) == text


def test_a_job_is_refused_for_more_processors_or_memory_than_there_are() -> None:
    capacity = Capacity(1, cpus=8, ram_gb=31.5)
    assert refusal(Needs(cpus=8, ram_gb=31.5), capacity) is None
    assert refusal(Needs(cpus=8.5), capacity) == (
        "the job asks for 8.5 processors and this scheduler has 8 to give"
    )
    assert refusal(Needs(num_gpus=99, cpus=0.5, ram_gb=32), capacity) == (
        "the job asks for 99 GPUs and this scheduler has no GPU, and for 32 GB of memory and this "
        "scheduler has 31.5 GB to give"
    )
    assert refusal(Needs(ram_gb=32), capacity) == (
        "the job asks for 32 GB of memory and this scheduler has 31.5 GB to give"
    )


def test_a_held_job_and_a_paused_one_are_told_by_whom() -> None:
    held, other, cat = waiting(1, held_by="ada"), waiting(2), waiting(3, project="cats")
    at_ms = 1_700_000_000_000
    one = Capacity(3, pauses=(Pause("grace", at_ms, "cats"),))
    decision = decide([held, other, cat], [], one)
    assert decision.picked == [other.job_id]
    assert decision.waiting == {
        held.job_id: "held by ada",
        cat.job_id: "project cats is paused by grace since 2023-11-14 22:13 UTC",
    }
    both = Capacity(3, pauses=(*one.pauses, Pause("ada", at_ms)))
    text = "the queue is paused by ada since 2023-11-14 22:13 UTC"
    assert decide([other, cat], [], both).waiting == dict.fromkeys((other.job_id, cat.job_id), text)


def test_a_larger_priority_goes_before_a_smaller_order() -> None:
    low, plain, high = waiting(1, priority=-1), waiting(2), waiting(3, priority=100)
    decision = decide([low, plain, high], [], Capacity(1))
    assert decision.picked == [high.job_id]
    assert list(decision.waiting) == [plain.job_id, low.job_id]


def test_a_job_has_no_turn_before_its_time_and_holds_nobody_up() -> None:
    later, now, first = waiting(1, not_before_ms=NOW + 1), waiting(2), waiting(3, not_before_ms=NOW)
    decision = decide([later, now, first], [], Capacity(3), now_ms=NOW)
    assert decision.picked == [now.job_id, first.job_id]
    assert decision.waiting == {later.job_id: "waits until 2023-11-14 22:13:20 UTC"}
    due = decide([later, now], [], Capacity(1), now_ms=NOW + 1)
    assert due.picked == [later.job_id]


def test_a_job_that_waits_for_its_retry_is_told_what_for() -> None:
    job = replace(waiting(1, not_before_ms=NOW + 1), reason="retry 1 of 2 after exit code 3")
    told = reason(decide([job], [], Capacity(1), now_ms=NOW), 1)
    assert told == "retry 1 of 2 after exit code 3, at 2023-11-14 22:13:20 UTC"


def test_who_holds_a_job_that_waits_for_a_time_is_told_before_the_time() -> None:
    job = waiting(1, held_by="ada", not_before_ms=NOW + 1)
    assert reason(decide([job], [], Capacity(1), now_ms=NOW), 1) == "held by ada"


# -- arrays


def test_no_more_of_an_array_run_than_it_allows_and_others_go_past_it() -> None:
    running = replace(holding(9), array=5)
    queued = [waiting(number, array=5) for number in (1, 2, 3)] + [waiting(4)]
    decision = decide(queued, [running], Capacity(9, array_limits={5: 2}))

    assert decision.picks == (Pick(job_id(1)), Pick(job_id(4)))
    assert reason(decision, 2) == reason(decision, 3) == "its array runs at most 2 jobs at once"


def test_an_array_may_run_one_at_a_time() -> None:
    queued = [waiting(1, array=5), waiting(2, array=5)]
    decision = decide(queued, [], Capacity(9, array_limits={5: 1}))

    assert decision.picks == (Pick(job_id(1)),)
    assert reason(decision, 2) == "its array runs at most 1 job at once"


def test_an_array_without_a_limit_takes_all_slots() -> None:
    queued = [waiting(1, array=5), waiting(2, array=5), waiting(3, array=6)]
    decision = decide(queued, [], Capacity(9, array_limits={6: 1}))

    assert len(decision.picks) == 3
