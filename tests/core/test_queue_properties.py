"""What holds for every decision of the queue, whatever waits and runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.queue import Capacity, Decision, Pause
from foundations.models import JobState
from tests.core.profiles import PROPERTY
from tests.core.queue_jobs import FOUR_GPUS, NOW, choose_next, holding, waiting


@dataclass(frozen=True)
class Moment:
    """A queue, what runs and what there is in all."""

    queued: list[Job]
    held: list[Job]
    capacity: Capacity


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    gpus = FOUR_GPUS[: draw(st.integers(0, 4))]
    orders = draw(st.lists(st.integers(0, 99), unique=True, max_size=8))
    queued = [
        waiting(
            number,
            order=order,
            num_gpus=draw(st.integers(0, 3)),
            priority=draw(st.sampled_from([-100, 0, 0, 7])),
            held_by=draw(st.sampled_from([None, None, None, "ada"])),
            not_before_ms=draw(st.sampled_from([None, None, NOW, NOW + 1])),
            project=draw(st.sampled_from(["iris", "iris", "cats"])),
        )
        for number, order in enumerate(orders)
    ]
    free = list(gpus)
    held: list[Job] = []
    for number in range(draw(st.integers(0, 4))):
        count = draw(st.integers(0, min(2, len(free))))
        state = draw(st.sampled_from([JobState.STARTING, JobState.RUNNING, JobState.STOPPING]))
        held.append(holding(100 + number, *free[:count], state=state))
        del free[:count]
    problem = draw(st.sampled_from([None, None, None, "Docker does not answer"]))
    pauses = draw(st.sampled_from([(), (), (Pause("ada", 0, "cats"),), (Pause("ada", 0),)]))
    return Moment(queued, held, Capacity(draw(st.integers(1, 6)), gpus, problem, pauses))


def is_set_aside(job: Job, capacity: Capacity) -> bool:
    paused = {pause.project for pause in capacity.pauses}
    too_early = job.not_before_ms is not None and job.not_before_ms > NOW
    return job.held_by is not None or too_early or None in paused or job.project in paused


def could_start(moment: Moment) -> list[Job]:
    """Jobs that have a turn at all, in the order of their turns."""
    possible = [
        job
        for job in moment.queued
        if job.num_gpus <= len(moment.capacity.gpus) and not is_set_aside(job, moment.capacity)
    ]
    return sorted(possible, key=lambda job: (-job.priority, job.order))


def decide(moment: Moment) -> Decision:
    return choose_next(moment.queued, moment.held, moment.capacity)


@PROPERTY
@given(moments())
def test_each_queued_job_is_picked_or_told_why_not_never_both(moment: Moment) -> None:
    decision = decide(moment)
    picked = [pick.job_id for pick in decision.picks]

    assert sorted([*picked, *decision.waiting]) == sorted(job.job_id for job in moment.queued)
    assert all(text.strip() for text in decision.waiting.values())


@PROPERTY
@given(moments())
def test_no_job_overtakes_another(moment: Moment) -> None:
    decision = decide(moment)
    line = [job.job_id for job in could_start(moment)]
    picked = [pick.job_id for pick in decision.picks]
    waiting = [job_id for job_id in decision.waiting if job_id in line]

    assert [*picked, *waiting] == line


@PROPERTY
@given(moments())
def test_slots_and_gpus_are_never_given_twice_nor_beyond_what_there_is(moment: Moment) -> None:
    decision = decide(moment)
    wanted = {job.job_id: job.num_gpus for job in moment.queued}
    given_out = [gpu for pick in decision.picks for gpu in pick.gpus]
    in_use = given_out + [gpu for job in moment.held for gpu in job.gpus]

    slots = moment.capacity.max_running_jobs
    assert not decision.picks or len(moment.held) + len(decision.picks) <= slots
    assert len(set(in_use)) == len(in_use)
    assert set(given_out) <= set(moment.capacity.gpus)
    assert all(len(pick.gpus) == wanted[pick.job_id] for pick in decision.picks)


@PROPERTY
@given(moments())
def test_nothing_waits_that_could_start(moment: Moment) -> None:
    decision = decide(moment)
    waits = [job for job in could_start(moment) if job.job_id in decision.waiting]
    if not waits or moment.capacity.problem is not None:
        return
    first = waits[0]
    slots = moment.capacity.max_running_jobs - len(moment.held) - len(decision.picks)
    taken = {gpu for job in moment.held for gpu in job.gpus}
    taken |= {gpu for pick in decision.picks for gpu in pick.gpus}
    gpus = len(set(moment.capacity.gpus) - taken)

    assert slots <= 0 or gpus < first.num_gpus


@PROPERTY
@given(moments())
def test_all_but_the_first_that_waits_are_behind_it(moment: Moment) -> None:
    decision = decide(moment)
    waits = [job.job_id for job in could_start(moment) if job.job_id in decision.waiting]
    if not waits or moment.capacity.problem is not None:
        return
    first, *others = waits

    assert "behind" not in decision.waiting[first]
    assert {decision.waiting[one] for one in others} <= {f"behind job {first[:8]} in the queue"}


@PROPERTY
@given(moments(), st.randoms(use_true_random=False))
def test_a_decision_depends_on_nothing_but_its_input_and_not_on_its_order(
    moment: Moment, random: Random
) -> None:
    queued, held = list(moment.queued), list(moment.held)
    random.shuffle(queued)
    random.shuffle(held)

    assert choose_next(queued, iter(held), moment.capacity) == decide(moment) == decide(moment)


@PROPERTY
@given(moments())
def test_nothing_starts_while_the_engine_has_a_problem(moment: Moment) -> None:
    problem = "Docker does not answer"
    capacity = replace(moment.capacity, problem=problem)
    decision = choose_next(moment.queued, moment.held, capacity)

    assert decision.picks == ()
    theirs = {decision.waiting[job.job_id] for job in could_start(moment)}
    assert theirs <= {problem}


@PROPERTY
@given(moments())
def test_what_is_held_or_paused_waits_and_holds_nobody_up(moment: Moment) -> None:
    decision = decide(moment)
    aside = [job for job in moment.queued if is_set_aside(job, moment.capacity)]
    others = [job for job in moment.queued if job not in aside]

    for job in aside:
        told = decision.waiting[job.job_id]
        assert (
            told.startswith("waits until ")
            or f"{'held' if job.held_by else 'is paused'} by ada" in told
        )
    assert choose_next(others, moment.held, moment.capacity).picks == decision.picks


@PROPERTY
@given(moments())
def test_places_follow_priority_and_then_order(moment: Moment) -> None:
    line = sorted(moment.queued, key=lambda job: (-job.priority, job.order))
    waits = decide(moment).waiting

    assert list(waits) == [job.job_id for job in line if job.job_id in waits]
