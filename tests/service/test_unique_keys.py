"""A unique key is that of one job of a project at a time, however many submit at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from atlas_scheduler.core.events import Exited, Started, StopRequested
from atlas_scheduler.service import Service
from foundations.errors import InvalidRequest
from foundations.models import (
    Accepted,
    After,
    JobSpec,
    JobState,
    NewArray,
    NewQueueSettings,
    Submission,
    Unique,
)
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

S = JobState
SKIP = Unique(key="nightly")
REPLACE = Unique(key="nightly", if_exists="replace")


@pytest.fixture
async def bundle(service: Service) -> str:
    service.bundles.sweep()
    service.engine.problem = None
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=9), by="ada")
    return await stored(service.bundles)


async def submit(
    service: Service, bundle: str, unique: Unique | None, *, project: str = "cats", **fields: Any
) -> Accepted:
    spec = JobSpec(project=project, user="ada")
    submission = Submission(spec=spec, bundle=bundle, unique=unique, **fields)
    return await service.submit(submission, idempotency_key=None)


async def unfinished(service: Service) -> list[str]:
    found = await service.jobs(filter="unique:nightly and state in (queued, starting, running)")
    return [job.job_id for job in found.jobs]


async def test_a_second_job_with_the_key_is_not_submitted(service: Service, bundle: str) -> None:
    first = await submit(service, bundle, SKIP)
    again = await submit(service, bundle, SKIP)
    await service.take_turn()
    while_it_runs = await submit(service, bundle, SKIP)

    assert (first.existed, first.unique_key) == (False, "nightly")
    assert (again.existed, again.job_id) == (True, first.job_id)
    assert (while_it_runs.job_id, while_it_runs.state) == (first.job_id, S.STARTING)
    assert len((await service.jobs()).jobs) == 1


async def test_once_it_has_ended_the_key_is_free(service: Service, bundle: str) -> None:
    first = await submit(service, bundle, SKIP)
    await service.apply(first.job_id, StopRequested(5, "ada"))
    second = await submit(service, bundle, SKIP)

    assert second.job_id != first.job_id
    assert not second.existed


async def test_another_project_has_keys_of_its_own(service: Service, bundle: str) -> None:
    first = await submit(service, bundle, SKIP)
    other = await submit(service, bundle, SKIP, project="dogs")
    none = await submit(service, bundle, None)

    assert len({first.job_id, other.job_id, none.job_id}) == 3


async def test_a_job_that_waits_is_replaced_at_once(service: Service, bundle: str) -> None:
    first = await submit(service, bundle, SKIP)
    after = await submit(service, bundle, None, after=(After(job=first.job_id),))
    second = await submit(service, bundle, REPLACE)

    assert (second.replaced, second.existed) == (first.job_id, False)
    old = await service.job(first.job_id)
    assert old.state is S.STOPPED
    assert old.reason == f"stopped by ada (job {second.job_id[:8]} takes its place)"
    assert (await service.job(after.job_id)).state is S.STOPPED
    assert (await service.job(second.job_id)).after == []


async def test_a_job_that_runs_is_ended_before_the_other_starts(
    service: Service, bundle: str
) -> None:
    first = await submit(service, bundle, SKIP)
    await service.take_turn()
    await service.apply(first.job_id, Started(5))

    second = await submit(service, bundle, REPLACE)
    third = await submit(service, bundle, REPLACE)

    assert (await service.job(first.job_id)).state is S.STOPPING
    assert (second.replaced, third.replaced) == (first.job_id, second.job_id)
    waiting = (await service.job(third.job_id)).waiting
    assert waiting
    assert waiting.reason == f"comes after job {first.job_id[:8]} (stopping)"
    await service.apply(first.job_id, Exited(9, exit_code=143))
    await service.take_turn()
    assert (await service.job(third.job_id)).state is S.STARTING


async def test_a_job_that_is_being_stopped_is_waited_for_and_not_found(
    service: Service, bundle: str
) -> None:
    first = await submit(service, bundle, SKIP)
    await service.take_turn()
    await service.stop(first.job_id, by="ada")

    second = await submit(service, bundle, SKIP)

    assert not second.existed
    assert [one.job_id for one in (await service.job(second.job_id)).after] == [first.job_id]


@pytest.mark.parametrize("unique", [SKIP, REPLACE])
async def test_however_many_submit_at_once_one_job_has_the_key(
    service: Service, bundle: str, unique: Unique
) -> None:
    found = await asyncio.gather(*(submit(service, bundle, unique) for _ in range(20)))

    (left,) = await unfinished(service)
    assert left in {one.job_id for one in found}
    if unique is SKIP:
        assert {one.job_id for one in found} == {left}
        assert sum(not one.existed for one in found) == 1


async def test_an_array_has_no_unique_key(service: Service, bundle: str) -> None:
    submission = Submission(spec=JobSpec(project="cats"), bundle=bundle, unique=SKIP)
    with pytest.raises(InvalidRequest, match="an array cannot have it"):
        await service.submit_array(
            NewArray(submission=submission, indices="0-1"), idempotency_key=None
        )
