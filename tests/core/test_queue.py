"""Who starts now, and what the others are told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import Capacity, Decision, Pause, Pick, refusal
from foundations.models import JobState
from tests.core.queue_jobs import FOUR_GPUS, NOW, choose_next, holding, job_id, waiting


def reason(decision: Decision, number: int) -> str:
    return decision.waiting[job_id(number)]


def test_an_empty_queue_needs_no_decision() -> None:
    assert choose_next([], [], Capacity(1)) == Decision()


def test_the_first_in_the_queue_starts_whatever_order_it_is_given_in() -> None:
    decision = choose_next([waiting(2), waiting(1)], [], Capacity(1))

    assert decision.picks == (Pick(job_id(1)),)


def test_place_in_the_queue_decides_not_the_job_id() -> None:
    decision = choose_next([waiting(1, order=9), waiting(2, order=3)], [], Capacity(1))

    assert decision.picks == (Pick(job_id(2)),)


def test_as_many_start_as_slots_are_free() -> None:
    queued = [waiting(number) for number in (1, 2, 3)]
    decision = choose_next(queued, [holding(9)], Capacity(3))

    assert decision.picks == (Pick(job_id(1)), Pick(job_id(2)))
    assert set(decision.waiting) == {job_id(3)}


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, JobState.STOPPING])
def test_a_job_keeps_its_slot_and_gpus_while_it_starts_runs_and_stops(state: JobState) -> None:
    held = [holding(9, "gpu-0", state=state)]
    decision = choose_next([waiting(1, num_gpus=1)], held, Capacity(2, ("gpu-0", "gpu-1")))

    assert decision.picks == (Pick(job_id(1), ("gpu-1",)),)
    assert choose_next([waiting(1)], held, Capacity(1)).picks == ()


def test_gpus_are_given_in_the_order_of_the_machine_and_none_twice() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2), waiting(3, num_gpus=1)]
    decision = choose_next(queued, [holding(9, "gpu-1")], Capacity(9, FOUR_GPUS))

    assert decision.picks == (
        Pick(job_id(1), ("gpu-0", "gpu-2")),
        Pick(job_id(2)),
        Pick(job_id(3), ("gpu-3",)),
    )


def test_a_job_that_fits_does_not_overtake_one_that_does_not() -> None:
    queued = [waiting(1, num_gpus=2), waiting(2), waiting(3)]
    decision = choose_next(queued, [holding(9, "gpu-0")], Capacity(9, ("gpu-0", "gpu-1")))

    assert decision.picks == ()
    assert set(decision.waiting) == {job_id(1), job_id(2), job_id(3)}


def test_a_job_that_could_never_start_holds_nobody_up() -> None:
    decision = choose_next([waiting(1, num_gpus=5), waiting(2)], [], Capacity(1, FOUR_GPUS))

    assert decision.picks == (Pick(job_id(2)),)
    assert set(decision.waiting) == {job_id(1)}


def test_lowering_the_limit_below_what_runs_starts_nothing() -> None:
    decision = choose_next([waiting(1)], [holding(8), holding(9)], Capacity(1))

    assert decision.picks == ()
    assert set(decision.waiting) == {job_id(1)}


def test_a_gpu_that_a_job_holds_and_the_machine_no_longer_has_is_not_counted_as_free() -> None:
    capacity = Capacity(9, ("gpu-0",))
    decision = choose_next([waiting(1, num_gpus=1)], [holding(9, "gpu-7")], capacity)

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
        "1 job is running, and max_running_jobs is 1",
    ),
    Told(
        "three slots, taken",
        (waiting(1),),
        (holding(7), holding(8), holding(9)),
        Capacity(3),
        1,
        "3 jobs are running, and max_running_jobs is 3",
    ),
    Told(
        "the slots go to those before it",
        (waiting(1), waiting(2), waiting(3)),
        (),
        Capacity(2),
        3,
        "2 jobs are running, and max_running_jobs is 2",
    ),
    Told(
        "more run than the limit since it was lowered",
        (waiting(1),),
        (holding(7), holding(8), holding(9)),
        Capacity(1),
        1,
        "3 jobs are running, and max_running_jobs is 1",
    ),
    Told(
        "too few free GPUs",
        (waiting(1, num_gpus=2),),
        (holding(9, "gpu-0", "gpu-1", "gpu-2"),),
        Capacity(9, FOUR_GPUS),
        1,
        "needs 2 GPU(s); 1 of 4 are free",
    ),
    Told(
        "the GPUs go to those before it",
        (waiting(1, num_gpus=3), waiting(2, num_gpus=3)),
        (),
        Capacity(9, FOUR_GPUS),
        2,
        "needs 3 GPU(s); 1 of 4 are free",
    ),
    Told(
        "a slot is what is missing first",
        (waiting(1, num_gpus=1),),
        (holding(9, "gpu-0"),),
        Capacity(1, ("gpu-0",)),
        1,
        "1 job is running, and max_running_jobs is 1",
    ),
    Told(
        "behind one that waits for a slot",
        (waiting(1), waiting(2)),
        (holding(9),),
        Capacity(1),
        2,
        "behind job 00000001 in the queue",
    ),
    Told(
        "behind one that waits for GPUs, however far back",
        (waiting(1, num_gpus=1), waiting(2), waiting(3)),
        (holding(9, "gpu-0"),),
        Capacity(9, ("gpu-0",)),
        3,
        "behind job 00000001 in the queue",
    ),
    Told(
        "more GPUs than there are",
        (waiting(1, num_gpus=5),),
        (),
        Capacity(9, FOUR_GPUS),
        1,
        "the job asks for 5 GPU(s) and this scheduler has 4 GPUs",
    ),
    Told(
        "more GPUs than there are, behind one that waits",
        (waiting(1), waiting(2, num_gpus=5)),
        (holding(9),),
        Capacity(1, FOUR_GPUS),
        2,
        "the job asks for 5 GPU(s) and this scheduler has 4 GPUs",
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
    decision = choose_next(told.queued, told.held, told.capacity)

    assert reason(decision, told.number) == told.text


@pytest.mark.parametrize(
    ("num_gpus", "gpus", "text"),
    [
        (0, (), None),
        (0, FOUR_GPUS, None),
        (4, FOUR_GPUS, None),
        (1, (), "the job asks for 1 GPU(s) and this scheduler has no GPU"),
        (2, ("gpu-0",), "the job asks for 2 GPU(s) and this scheduler has 1 GPU"),
        (5, FOUR_GPUS, "the job asks for 5 GPU(s) and this scheduler has 4 GPUs"),
    ],
)
def test_a_job_is_refused_only_for_more_gpus_than_there_are_in_all(
    num_gpus: int, gpus: tuple[str, ...], text: str | None
) -> None:
    assert refusal(num_gpus, Capacity(1, gpus)) == text
    assert refusal(num_gpus, Capacity(1, gpus, "Docker does not answer")) == text


def test_a_held_job_and_a_paused_one_are_told_by_whom() -> None:
    held, other, cat = waiting(1, held_by="ada"), waiting(2), waiting(3, project="cats")
    at_ms = 1_700_000_000_000
    one = Capacity(3, pauses=(Pause("grace", at_ms, "cats"),))
    decision = choose_next([held, other, cat], [], one)
    assert [pick.job_id for pick in decision.picks] == [other.job_id]
    assert decision.waiting == {
        held.job_id: "held by ada",
        cat.job_id: "project cats is paused by grace since 2023-11-14 22:13 UTC",
    }
    both = Capacity(3, pauses=(*one.pauses, Pause("ada", at_ms)))
    text = "the queue is paused by ada since 2023-11-14 22:13 UTC"
    assert choose_next([other, cat], [], both).waiting == dict.fromkeys(
        (other.job_id, cat.job_id), text
    )


def test_a_larger_priority_goes_before_a_smaller_order() -> None:
    low, plain, high = waiting(1, priority=-1), waiting(2), waiting(3, priority=100)
    decision = choose_next([low, plain, high], [], Capacity(1))
    assert [pick.job_id for pick in decision.picks] == [high.job_id]
    assert list(decision.waiting) == [plain.job_id, low.job_id]


def test_a_job_has_no_turn_before_its_time_and_holds_nobody_up() -> None:
    later, now, first = waiting(1, not_before_ms=NOW + 1), waiting(2), waiting(3, not_before_ms=NOW)
    decision = choose_next([later, now, first], [], Capacity(3))
    assert [pick.job_id for pick in decision.picks] == [now.job_id, first.job_id]
    assert decision.waiting == {later.job_id: "waits until 2023-11-14 22:13:20 UTC"}
    due = choose_next([later, now], [], Capacity(1), now_ms=NOW + 1)
    assert [pick.job_id for pick in due.picks] == [later.job_id]


def test_a_job_that_waits_for_its_retry_is_told_what_for() -> None:
    job = replace(waiting(1, not_before_ms=NOW + 1), reason="retry 1 of 2 after exit code 3")
    told = reason(choose_next([job], [], Capacity(1)), 1)
    assert told == "waits until 2023-11-14 22:13:20 UTC: retry 1 of 2 after exit code 3"


def test_who_holds_a_job_that_waits_for_a_time_is_told_before_the_time() -> None:
    job = waiting(1, held_by="ada", not_before_ms=NOW + 1)
    assert reason(choose_next([job], [], Capacity(1)), 1) == "held by ada"


# -- arrays


def test_no_more_of_an_array_run_than_it_allows_and_others_go_past_it() -> None:
    running = replace(holding(9), array=5)
    queued = [waiting(number, array=5) for number in (1, 2, 3)] + [waiting(4)]
    decision = choose_next(queued, [running], Capacity(9, array_limits={5: 2}))

    assert decision.picks == (Pick(job_id(1)), Pick(job_id(4)))
    assert reason(decision, 2) == reason(decision, 3) == "its array runs at most 2 jobs at once"


def test_an_array_may_run_one_at_a_time() -> None:
    queued = [waiting(1, array=5), waiting(2, array=5)]
    decision = choose_next(queued, [], Capacity(9, array_limits={5: 1}))

    assert decision.picks == (Pick(job_id(1)),)
    assert reason(decision, 2) == "its array runs at most 1 job at once"


def test_an_array_without_a_limit_takes_all_slots() -> None:
    queued = [waiting(1, array=5), waiting(2, array=5), waiting(3, array=6)]
    decision = choose_next(queued, [], Capacity(9, array_limits={6: 1}))

    assert len(decision.picks) == 3
