"""Every state meets every event."""

from __future__ import annotations

import typing
from dataclasses import asdict, replace

import pytest

from atlas_scheduler.core.events import Event, StopRequested
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import TRANSITIONS, InvalidTransition, advance
from foundations.models import JobState
from tests.core.lifecycle_table import ALLOWED, EVENTS, JOBS, ROWS, Row, ended

FINAL = {
    JobState.COMPLETED,
    JobState.FAILED,
    JobState.STOPPED,
    JobState.LOST,
    JobState.PRUNED,
}
HOLDING = {JobState.STARTING, JobState.RUNNING, JobState.STOPPING}

MISFITS = [
    pytest.param(job, event, id=f"{state}-{kind.__name__}")
    for state, job in JOBS.items()
    for kind, event in EVENTS.items()
    if (state, kind) not in ALLOWED
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_event_that_fits_does_what_the_table_says(row: Row) -> None:
    moved, effects = advance(row.before, row.event)

    assert moved == replace(row.before, state=row.state, **row.recorded)
    assert effects == row.effects


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_table_names_exactly_the_fields_that_change(row: Row) -> None:
    before = asdict(row.before)
    moved, _ = advance(row.before, row.event)

    changed = {name for name, value in asdict(moved).items() if value != before[name]}
    assert changed - {"state"} == set(row.recorded)


@pytest.mark.parametrize(("job", "event"), MISFITS)
def test_an_event_that_does_not_fit_is_refused_and_changes_nothing(job: Job, event: Event) -> None:
    before = replace(job)

    with pytest.raises(InvalidTransition) as caught:
        advance(job, event)

    assert job == before
    assert caught.value.job is job
    assert caught.value.event is event


def test_a_refused_event_is_named_with_the_job_and_its_state() -> None:
    job = ended(JobState.COMPLETED)

    with pytest.raises(InvalidTransition, match="StopRequested does not fit") as caught:
        advance(job, StopRequested(9_000, "eve"))

    assert str(caught.value) == f"job {job.job_id} is completed: StopRequested does not fit"


def test_the_pairs_of_the_table_and_the_misfits_are_all_pairs_there_are() -> None:
    states, kinds = set(JobState), set(typing.get_args(Event))

    assert set(JOBS) == states
    assert set(EVENTS) == kinds
    assert len(ALLOWED) + len(MISFITS) == len(states) * len(kinds) == 9 * 11


def test_the_core_knows_no_transition_that_the_table_does_not() -> None:
    assert set(TRANSITIONS) == set(ALLOWED)


@pytest.mark.parametrize("state", JobState)
def test_no_event_leads_out_of_a_final_state(state: JobState) -> None:
    leaves = {kind for before, kind in ALLOWED if before is state}

    assert JOBS[state].is_final == (state in FINAL)
    assert bool(leaves) != (state in FINAL)


@pytest.mark.parametrize("state", JobState)
def test_a_job_holds_its_slot_from_its_claim_to_its_end(state: JobState) -> None:
    assert JOBS[state].holds_slot == (state in HOLDING)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_only_a_final_job_has_an_end(row: Row) -> None:
    moved, _ = advance(row.before, row.event)

    assert (moved.finished_at_ms is not None) == moved.is_final


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_archive_is_finished_exactly_when_a_job_becomes_final(row: Row) -> None:
    moved, effects = advance(row.before, row.event)

    assert ("FINISH" in [effect.name for effect in effects]) == moved.is_final


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_event_that_comes_twice_is_refused_or_starts_no_second_attempt(row: Row) -> None:
    once, _ = advance(row.before, row.event)
    try:
        twice, _ = advance(once, row.event)
    except InvalidTransition:
        return

    assert twice.state is once.state
    assert twice.attempt == once.attempt
