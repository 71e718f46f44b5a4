"""Arrays: many jobs of one submission, all or none of them, found by the array and by the index."""

from __future__ import annotations

import sqlite3
from functools import partial

import pytest

from atlas_scheduler.core.events import Exited, Started
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import AmbiguousJob, InvalidRequest, JobConflict, NotFound
from foundations.models import (
    ArrayPlace,
    ArrayView,
    JobSpec,
    JobState,
    JobView,
    NewArray,
    NewQueueSettings,
    Submission,
)
from foundations.provenance import GitState, Origin
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

S = JobState
SPEC = JobSpec(
    project="cats",
    environment={"KEPT": "yes", "ATLAS_ARRAY_INDEX": "mine"},
    tags={"kind": "sweep"},
    user="ada",
)
NO_ARRAY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def submission(service: Service) -> Submission:
    service.bundles.sweep()
    service.engine.problem = None
    return Submission(spec=SPEC, bundle=await stored(service.bundles))


async def submitted(
    service: Service,
    submission: Submission,
    indices: str = "0-4:2",
    *,
    key: str | None = None,
    at_once: int | None = None,
) -> ArrayView:
    wanted = NewArray(submission=submission, indices=indices, max_at_once=at_once)
    return await service.submit_array(wanted, idempotency_key=key)


async def members(service: Service, array: ArrayView) -> list[JobView]:
    return (await service.jobs(filter=f"array:{array.array_id[:8]} sort:array_index")).jobs


async def test_each_job_of_an_array_knows_its_place(
    service: Service, submission: Submission
) -> None:
    array = await submitted(service, submission)
    jobs = await members(service, array)

    assert (array.size, array.states, array.project) == (3, {S.QUEUED: 3}, "cats")
    assert [job.array for job in jobs] == [
        ArrayPlace(array_id=array.array_id, index=index) for index in (0, 2, 4)
    ]
    detail = await service.job(jobs[1].job_id)
    assert detail.spec.environment == {
        "KEPT": "yes",
        "ATLAS_ARRAY_ID": array.array_id,
        "ATLAS_ARRAY_INDEX": "2",
        "ATLAS_ARRAY_COUNT": "3",
    }
    assert detail.tags == {"kind": "sweep"}
    assert detail.whole_array == array
    assert [(one.event, one.detail) for one in detail.history] == [("Submitted", {"user": "ada"})]


async def test_jobs_of_an_array_wait_in_the_order_of_their_indices(
    service: Service, submission: Submission
) -> None:
    before = await service.submit(submission, idempotency_key=None)
    array = await submitted(service, submission, "7,1-2")
    after = await service.submit(submission, idempotency_key=None)

    waiting = [job for job in (await service.jobs()).jobs if job.waiting]
    in_turn = sorted(waiting, key=lambda job: (job.waiting and job.waiting.position) or 0)
    assert [job.array.index if job.array else job.job_id for job in in_turn] == [
        before.job_id,
        *(7, 1, 2),
        after.job_id,
    ]
    assert array.indices == "7,1-2"


async def test_the_same_key_gets_the_array_of_the_first(
    service: Service, submission: Submission
) -> None:
    first = await submitted(service, submission, key="k")
    again = await submitted(service, submission, "0-99", key="k")

    assert again == first
    assert len((await service.jobs()).jobs) == 3
    await service.submit(submission, idempotency_key="one")
    with pytest.raises(JobConflict, match="which is no array"):
        await submitted(service, submission, key="one")


async def test_an_array_whose_bundle_is_not_there_leaves_nothing(
    service: Service, submission: Submission
) -> None:
    lost = submission.model_copy(update={"bundle": f"sha256:{'0' * 64}"})
    with pytest.raises(NotFound):
        await submitted(service, lost)
    assert (await service.jobs()).jobs == []
    assert (await service.projects()) == []


async def test_a_job_of_an_array_is_named_by_its_index(
    service: Service, submission: Submission
) -> None:
    array = await submitted(service, submission)
    other = await submitted(service, submission)
    assert array.array_id != other.array_id
    third = (await members(service, array))[2]

    assert (await service.job(f"{array.array_id}_4")).job_id == third.job_id
    assert (await service.stop(f"{array.array_id[:13]}_4", by="ada")).state is S.STOPPED
    with pytest.raises(NotFound, match="has no job with the index 3"):
        await service.job(f"{array.array_id}_3")
    with pytest.raises(NotFound, match="There is no array"):
        await service.job(f"{NO_ARRAY}_0")
    with pytest.raises(InvalidRequest, match="too short"):
        await service.array("12")
    with pytest.raises(NotFound, match="There is no array 'x y z'"):
        await service.array("x y z")


def rename(conn: sqlite3.Connection, old: str, new: str) -> None:
    conn.execute("UPDATE arrays SET array_id = ? WHERE array_id = ?", (new, old))


async def test_a_prefix_of_several_arrays_is_refused(
    service: Service, submission: Submission, database: Database
) -> None:
    for end in ("0", "1"):
        array = await submitted(service, submission)
        new_id = f"abcd0000-0000-4000-8000-00000000000{end}"
        await database.write(partial(rename, old=array.array_id, new=new_id))
    with pytest.raises(AmbiguousJob, match="'abcd' fits several arrays: abcd0000-"):
        await service.array("abcd")


async def test_no_more_run_at_once_than_the_array_allows(
    service: Service, submission: Submission
) -> None:
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=9), by="ada")
    array = await submitted(service, submission, "0-3", at_once=2)

    await service.take_turn()
    assert (await service.array(array.array_id)).states == {S.STARTING: 2, S.QUEUED: 2}
    third = await service.job(f"{array.array_id}_2")
    assert third.waiting
    assert third.waiting.reason == "its array runs at most 2 jobs at once"
    first = (await service.job(f"{array.array_id}_0")).job_id
    await service.apply(first, Started(5))
    await service.apply(first, Exited(6, exit_code=0))
    await service.take_turn()
    assert (await service.array(array.array_id)).states == {
        S.STARTING: 2,
        S.QUEUED: 1,
        S.COMPLETED: 1,
    }


async def test_what_waits_of_an_array_is_stopped_in_one_step(
    service: Service, submission: Submission
) -> None:
    array = await submitted(service, submission)
    single = await service.submit(submission, idempotency_key=None)

    cleared = await service.clear_queue(None, by="ada", filter=f"array:{array.array_id}")

    assert cleared.removed == 3
    assert (await service.job(single.job_id)).state is S.QUEUED
    assert (await service.array(array.array_id)).states == {S.STOPPED: 3}


async def test_an_array_is_there_as_long_as_one_of_its_jobs(
    service: Service, submission: Submission, database: Database
) -> None:
    service.delete_grace_ms = 0
    array = await submitted(service, submission, "0-1")
    await service.clear_queue(None, by="ada")
    first, second = (job.job_id for job in await members(service, array))

    await service.delete(first, by="ada")
    await sweep(service)
    left = await service.array(array.array_id)
    assert (left.size, left.states) == (2, {S.STOPPED: 1})
    await service.delete(second, by="ada")
    with pytest.raises(NotFound):
        await service.array(array.array_id)
    await service.restore(second, by="ada")
    assert (await service.array(array.array_id)).states == {S.STOPPED: 1}
    await service.delete(second, by="ada")
    await sweep(service)

    count = "SELECT count(*) FROM arrays"
    assert await database.read(lambda conn: conn.execute(count).fetchone()[0]) == 0


async def sweep(service: Service) -> None:
    job_ids, _ = await service.begin_sweeps()
    for job_id in job_ids:
        await service.purge(job_id)


async def test_where_an_array_comes_from_is_kept_once_and_told_of_each_job(
    service: Service, submission: Submission, database: Database
) -> None:
    git = GitState(commit="a" * 40, dirty=True, diff="--- a\n+++ b\n")
    from_git = submission.model_copy(update={"origin": Origin(git=git)})
    array = await submitted(service, from_git)

    for job in await members(service, array):
        known = await service.provenance(job.job_id)
        assert known.origin is not None
        assert known.origin.git == git
    count = "SELECT count(*) FROM submitted_diffs"
    assert await database.read(lambda conn: conn.execute(count).fetchone()[0]) == 0


async def test_each_job_of_an_array_is_found_by_parameter_while_it_waits(
    service: Service, submission: Submission
) -> None:
    spec = SPEC.model_copy(update={"params": {"lr": 0.5, "model": {"depth": 3}}})
    await submitted(service, submission.model_copy(update={"spec": spec}))

    found = (await service.jobs(filter="param.lr > 0.1 and param.model_depth = 3")).jobs
    assert [job.parameters for job in found] == [{"lr": 0.5, "model_depth": 3}] * 3
