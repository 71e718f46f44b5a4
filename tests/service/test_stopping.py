"""Several jobs are asked to end in one step: by their ids, or all that a filter takes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import InvalidRequest, JobConflict
from foundations.models import JobState, StopJobs
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio
UNKNOWN = "f" * 36


@pytest.fixture
async def queue(service: Service, database: Database) -> list[str]:
    """Three jobs that wait, of two projects, and one that has ended; the engine answers."""
    service.engine.problem = None
    waiting = await database.write(
        lambda conn: [add(conn, project=name).job_id for name in ("cats", "dogs", "cats")]
    )
    ended = await database.write(lambda conn: finish(conn, add(conn, project="cats")).job_id)
    return [*waiting, ended]


async def states(service: Service, job_ids: list[str]) -> list[JobState]:
    return [(await service.job(job_id)).state for job_id in job_ids]


async def test_jobs_that_are_named_are_stopped_and_each_refusal_is_told(
    service: Service, queue: list[str]
) -> None:
    first, _, third, ended = queue

    which = StopJobs(jobs=(first, ended, UNKNOWN, third[:13], first))
    answer = await service.stop_jobs(which, by="ada")

    assert (answer.stopped, answer.stopping) == ([first, third], [])
    assert [(one.job, one.error) for one in answer.refused] == [
        (ended, "job_conflict"),
        (UNKNOWN, "not_found"),
    ]
    assert answer.refused[0].message == f"Job `{ended}` is completed and cannot be stopped"
    assert await states(service, queue[:3]) == ["stopped", "queued", "stopped"]
    assert (await service.job(first)).reason == "stopped by ada"


async def test_a_job_that_runs_is_asked_to_end(service: Service, queue: list[str]) -> None:
    await service.take_turn()

    answer = await service.stop_jobs(StopJobs(filter="project:cats or project:dogs"), by="ada")

    assert answer.stopping == [queue[0]]
    assert set(answer.stopped) == set(queue[1:3])
    assert await states(service, queue) == ["stopping", "stopped", "stopped", "completed"]


async def test_a_filter_takes_what_goes_on_in_a_project_and_of_a_user(
    service: Service, queue: list[str]
) -> None:
    answer = await service.stop_jobs(StopJobs(filter="", project="dogs"), by="ada")
    assert answer.stopped == [queue[1]]
    nothing = await service.stop_jobs(StopJobs(filter=""), by="ada", only_of="somebody")
    assert (nothing.stopped, nothing.stopping, nothing.refused) == ([], [], [])
    with pytest.raises(InvalidRequest, match="column 1"):
        await service.stop_jobs(StopJobs(filter="nonsense = 1"), by="ada")


async def test_more_than_was_confirmed_is_not_stopped(service: Service, queue: list[str]) -> None:
    with pytest.raises(JobConflict, match="takes 3 jobs by now, more than the 2"):
        await service.stop_jobs(StopJobs(filter="state:queued", at_most=2), by="ada")
    assert await states(service, queue[:3]) == ["queued"] * 3

    answer = await service.stop_jobs(StopJobs(filter="state:queued", at_most=3), by="ada")
    assert len(answer.stopped) == 3


def test_either_jobs_or_a_filter_is_given() -> None:
    for nothing in ({}, {"project": "cats"}, {"jobs": ["abcd"], "filter": "state:queued"}):
        with pytest.raises(ValidationError, match="give either `jobs` or a `filter`"):
            StopJobs.model_validate(nothing)
