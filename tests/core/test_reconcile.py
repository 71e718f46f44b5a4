"""The recovery table, row by row: what the jobs table says, what the engine shows, what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.events import Event, NotStarted, Started
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, advance
from atlas_scheduler.core.reconcile import Seen, SeenStatus, leftovers, observe
from foundations.models import JobState
from tests.core.lifecycle_table import JOBS, NOW, QUEUED, RUNNING, STARTING, STOPPING, ended
from tests.core.profiles import PROPERTY

BEGUN = 4_500


def container(job: Job, status: SeenStatus, *, attempt: int | None = None) -> Seen:
    number = job.attempt if attempt is None else attempt
    began = None if status is SeenStatus.CREATED else BEGUN
    return Seen(f"atlas-1-{job.job_id}-{number}", job.job_id, number, status, began)


@dataclass(frozen=True)
class Case:
    name: str
    job: Job
    status: SeenStatus | None
    event: Event
    state: JobState
    effects: tuple[Effect, ...]


CASES = (
    Case(
        "starting, none: it never ran, start it again",
        STARTING,
        None,
        NotStarted(NOW),
        JobState.STARTING,
        (Effect.START,),
    ),
    Case(
        "starting, created: start what is there",
        STARTING,
        SeenStatus.CREATED,
        NotStarted(NOW),
        JobState.STARTING,
        (Effect.START,),
    ),
    Case(
        "starting, running: adopt it",
        STARTING,
        SeenStatus.RUNNING,
        Started(BEGUN),
        JobState.RUNNING,
        (Effect.WATCH,),
    ),
    Case(
        "starting, exited: collect it, never start it again",
        STARTING,
        SeenStatus.EXITED,
        Started(BEGUN),
        JobState.RUNNING,
        (Effect.WATCH,),
    ),
    Case(
        "running, running: adopt it",
        RUNNING,
        SeenStatus.RUNNING,
        Started(BEGUN),
        JobState.RUNNING,
        (Effect.WATCH,),
    ),
    Case(
        "running, exited: collect it",
        RUNNING,
        SeenStatus.EXITED,
        Started(BEGUN),
        JobState.RUNNING,
        (Effect.WATCH,),
    ),
    Case(
        "running, none: the infrastructure lost it",
        RUNNING,
        None,
        NotStarted(NOW),
        JobState.LOST,
        (Effect.FINISH,),
    ),
    Case(
        "running, created: what ran is gone, so it is lost",
        RUNNING,
        SeenStatus.CREATED,
        NotStarted(NOW),
        JobState.LOST,
        (Effect.FINISH,),
    ),
    Case(
        "stopping, running: go on stopping it",
        STOPPING,
        SeenStatus.RUNNING,
        Started(BEGUN),
        JobState.STOPPING,
        (Effect.STOP, Effect.WATCH),
    ),
    Case(
        "stopping, exited: collect it",
        STOPPING,
        SeenStatus.EXITED,
        Started(BEGUN),
        JobState.STOPPING,
        (Effect.STOP, Effect.WATCH),
    ),
    Case(
        "stopping, created: it will not begin any more",
        STOPPING,
        SeenStatus.CREATED,
        NotStarted(NOW),
        JobState.STOPPED,
        (Effect.FINISH,),
    ),
    Case(
        "stopping, none: it is stopped",
        STOPPING,
        None,
        NotStarted(NOW),
        JobState.STOPPED,
        (Effect.FINISH,),
    ),
)

HOLDING = {state: job for state, job in JOBS.items() if job.holds_slot}
NOT_HOLDING = [job for job in JOBS.values() if not job.holds_slot]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_engine_shows_decides(case: Case) -> None:
    seen = [container(case.job, case.status)] if case.status is not None else []

    assert observe([case.job], seen, now_ms=NOW) == [(case.job.job_id, case.event)]
    moved, effects = advance(case.job, case.event)
    assert (moved.state, moved.attempt, effects) == (case.state, case.job.attempt, case.effects)
    assert leftovers({case.job.job_id: case.job}, seen) == []


def test_the_cases_are_all_holding_states_with_all_the_engine_can_show() -> None:
    covered = {(case.job.state, case.status) for case in CASES}

    assert covered == {(state, status) for state in HOLDING for status in (None, *SeenStatus)}


@pytest.mark.parametrize("status", SeenStatus)
@pytest.mark.parametrize("job", NOT_HOLDING, ids=lambda job: job.state)
def test_a_container_of_a_queued_or_final_job_is_left_over_and_no_evidence(
    job: Job, status: SeenStatus
) -> None:
    one = container(job, status)

    assert observe([job], [one], now_ms=NOW) == []
    assert leftovers({job.job_id: job}, [one]) == [one]


@pytest.mark.parametrize("status", SeenStatus)
def test_a_container_of_a_job_that_does_not_exist_is_left_over(status: SeenStatus) -> None:
    one = container(ended(JobState.COMPLETED), status)

    assert leftovers({}, [one]) == [one]


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_container_of_another_attempt_is_left_over_and_no_evidence(attempt: int) -> None:
    second = replace(RUNNING, attempt=2)
    other = container(second, SeenStatus.RUNNING, attempt=attempt)
    own = container(second, SeenStatus.RUNNING)

    assert observe([second], [other], now_ms=NOW) == [(second.job_id, NotStarted(NOW))]
    assert observe([second], [own, other], now_ms=NOW) == [(second.job_id, Started(BEGUN))]
    assert leftovers({second.job_id: second}, [own, other]) == [other]


def test_a_start_that_the_engine_has_no_time_for_is_stamped_now() -> None:
    one = replace(container(STARTING, SeenStatus.RUNNING), started_at_ms=None)

    assert observe([STARTING], [one], now_ms=NOW) == [(STARTING.job_id, Started(NOW))]


def test_a_job_that_waits_is_no_question_for_the_engine() -> None:
    assert observe([QUEUED], [], now_ms=NOW) == []


@st.composite
def jobs_and_containers(draw: st.DrawFn) -> tuple[dict[str, Job], list[Seen]]:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(4)]
    jobs = {
        job_id: replace(
            JOBS[draw(st.sampled_from(JobState))], job_id=job_id, attempt=draw(st.integers(1, 3))
        )
        for job_id in ids[:3]
    }
    names = draw(
        st.lists(st.tuples(st.sampled_from(ids), st.integers(1, 3)), unique=True, max_size=8)
    )
    seen = [
        Seen(f"atlas-1-{job_id}-{attempt}", job_id, attempt, draw(st.sampled_from(SeenStatus)))
        for job_id, attempt in names
    ]
    return jobs, seen


@PROPERTY
@given(jobs_and_containers())
def test_every_container_is_evidence_for_a_holding_job_or_left_over_never_both(
    world: tuple[dict[str, Job], list[Seen]],
) -> None:
    jobs, seen = world
    holding = {job_id: job for job_id, job in jobs.items() if job.holds_slot}

    over = leftovers(holding, seen)
    evidence = [
        one for one in seen if one.job_id in holding and holding[one.job_id].attempt == one.attempt
    ]

    assert sorted(one.name for one in (*over, *evidence)) == sorted(one.name for one in seen)
    assert leftovers(jobs, seen) == over


@PROPERTY
@given(jobs_and_containers(), st.randoms(use_true_random=False))
def test_each_holding_job_gets_one_event_that_fits_whatever_the_order(
    world: tuple[dict[str, Job], list[Seen]], random: Random
) -> None:
    jobs, seen = world
    events = dict(observe(jobs.values(), seen, now_ms=NOW))
    shuffled = list(seen)
    random.shuffle(shuffled)

    assert set(events) == {job_id for job_id, job in jobs.items() if job.holds_slot}
    assert dict(observe(reversed(jobs.values()), shuffled, now_ms=NOW)) == events
    for job_id, event in events.items():
        advance(jobs[job_id], event)
