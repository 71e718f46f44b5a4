"""Jobs that come after others: they start, or end at once with what bars them, whatever happens."""

from __future__ import annotations

import itertools

import pytest

from atlas_scheduler.core.events import Event, Exited, Gone, Started, StopRequested
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import InvalidRequest, NotFound
from foundations.models import (
    After,
    AfterView,
    JobDetail,
    JobSpec,
    JobState,
    NewArray,
    NewQueueSettings,
    QueueSettings,
    Submission,
)
from tests.service.onlooker import Onlooker
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

S = JobState
GOOD, BAD = Exited(9, exit_code=0), Exited(9, exit_code=3)
LOST = Gone(9, "it was removed")
STOP = StopRequested(9, "ada")


class Submitter:
    """Submits jobs that come after others."""

    def __init__(self, service: Service, bundle: str) -> None:
        self.service = service
        self.bundle = bundle

    async def __call__(self, *after: str, **fields: object) -> str:
        """Submit a job after these: `ID` or `ID:how`."""
        wanted = []
        for one in after:
            job, colon, on = one.rpartition(":")
            named = {"job": job, "on": on} if colon and job != "array" else {"job": one}
            wanted.append(After.model_validate(named))
        submission = Submission.model_validate(
            {
                "spec": JobSpec(project="cats"),
                "bundle": self.bundle,
                "after": tuple(wanted),
                **fields,
            }
        )
        return (await self.service.submit(submission, idempotency_key=None)).job_id


@pytest.fixture
async def submit(service: Service) -> Submitter:
    service.bundles.sweep()
    service.engine.problem = None
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=9), by="ada")
    return Submitter(service, await stored(service.bundles))


async def end(service: Service, job_id: str, event: Event) -> None:
    """Let a job run, and end."""
    await service.take_turn()
    await service.apply(job_id, Started(8))
    await service.apply(job_id, event)


async def standing(service: Service, job_id: str) -> tuple[JobState, str | None]:
    job = await service.job(job_id)
    return job.state, job.waiting.reason if job.waiting else job.reason


async def test_a_job_waits_until_the_other_has_completed(
    service: Service, submit: Submitter
) -> None:
    first = await submit()
    second = await submit(first[:8])

    await service.take_turn()
    reason = f"comes after job {first[:8]} (starting)"
    assert await standing(service, second) == (S.QUEUED, reason)
    await service.apply(first, Started(5))
    await service.apply(first, GOOD)
    assert (await service.job(second)).after == [
        AfterView(job_id=first, on="ok", status="met", state=S.COMPLETED)
    ]
    await service.take_turn()
    assert (await service.job(second)).state is S.STARTING


@pytest.mark.parametrize(
    ("on", "event", "reason"),
    [
        ("ok", BAD, "failed"),
        ("ok", LOST, "was lost"),
        ("ok", STOP, "was stopped"),
        ("failed", GOOD, "completed"),
        ("failed", STOP, "was stopped"),
        ("failed", BAD, None),
        ("failed", LOST, None),
        ("any", GOOD, None),
        ("any", BAD, None),
        ("any", STOP, None),
    ],
)
async def test_how_the_other_ends_decides(
    service: Service, submit: Submitter, on: str, event: Event, reason: str | None
) -> None:
    first = await submit()
    second = await submit(f"{first}:{on}")
    if event is STOP:
        await service.apply(first, event)
    else:
        await end(service, first, event)

    if reason is None:
        await service.take_turn()
        assert (await service.job(second)).state is S.STARTING
        return
    why = f"job {first[:8]}, which it comes after, {reason}"
    assert await standing(service, second) == (S.STOPPED, why)
    detail = await service.job(second)
    assert [one.status for one in detail.after] == ["unmet"]
    assert (detail.history[-1].event, detail.history[-1].detail) == ("Barred", {"reason": why})


async def test_what_comes_after_a_job_that_can_never_start_ends_too(
    service: Service, submit: Submitter
) -> None:
    first = await submit()
    chain = [first]
    for _ in range(30):
        chain.append(await submit(chain[-1]))
    cleaner = await submit(f"{chain[-1]}:any")
    alarm = await submit(f"{chain[-1]}:failed")

    await end(service, first, BAD)

    for other, job_id in itertools.pairwise(chain[1:]):
        why = f"job {other[:8]}, which it comes after, was stopped"
        assert await standing(service, job_id) == (S.STOPPED, why)
    assert (await service.job(alarm)).state is S.STOPPED
    await service.take_turn()
    assert (await service.job(cleaner)).state is S.STARTING


async def test_a_job_may_come_after_several(service: Service, submit: Submitter) -> None:
    first, second, third = [await submit() for _ in range(3)]
    last = await submit(first, f"{second}:any", f"{third}:failed")

    await end(service, second, BAD)
    await end(service, first, GOOD)
    reason = f"comes after job {third[:8]} (starting)"
    assert await standing(service, last) == (S.QUEUED, reason)
    assert [one.status for one in (await service.job(last)).after] == ["met", "met", "open"]
    await service.apply(third, Started(8))
    await service.apply(third, GOOD)
    assert (await service.job(last)).state is S.STOPPED


async def test_what_has_ended_already_counts_at_once(service: Service, submit: Submitter) -> None:
    good, bad = await submit(), await submit()
    await end(service, good, GOOD)
    await service.apply(bad, Started(8))
    await service.apply(bad, BAD)

    may, never = await submit(good, f"{bad}:failed"), await submit(good, bad)

    assert (await standing(service, may))[1] == "about to start"
    why = f"job {bad[:8]}, which it comes after, failed"
    assert await standing(service, never) == (S.STOPPED, why)


async def test_a_job_that_was_met_and_deleted_is_not_missed(
    service: Service, submit: Submitter
) -> None:
    service.delete_grace_ms = 0
    first = await submit()
    second = await submit(first, hold=True)
    await end(service, first, GOOD)
    await service.delete(first, by="ada")
    for job_id in (await service.begin_sweeps())[0]:
        await service.purge(job_id)

    await service.release(second, by="ada")
    await service.take_turn()

    detail = await service.job(second)
    assert detail.state is S.STARTING
    assert detail.after == [AfterView(job_id=first, on="ok", status="met")]


async def test_only_jobs_that_are_there_can_be_named(service: Service, submit: Submitter) -> None:
    gone = await submit()
    await service.apply(gone, STOP)
    await service.delete(gone, by="ada")
    before = (await service.jobs()).jobs

    for unknown in (gone, "00000000-0000-4000-8000-000000000000", "array:00000000"):
        with pytest.raises(NotFound, match="There is no"):
            await submit(unknown)
    first = await submit()
    with pytest.raises(InvalidRequest, match="is named twice as one to come after"):
        await submit(first, f"{first[:8]}:any")

    assert len((await service.jobs()).jobs) == len(before) + 1


async def test_what_is_cleared_takes_what_comes_after_with_it(
    service: Service, submit: Submitter
) -> None:
    first = await submit()
    second = await submit(first)
    third = await submit(second)

    cleared = await service.clear_queue(None, by="ada", filter=f"id:{first} or id:{third}")

    assert set(cleared.job_ids) == {first, second, third}
    why = f"job {first[:8]}, which it comes after, was stopped"
    assert await standing(service, second) == (S.STOPPED, why)
    assert (await standing(service, third))[1] == "stopped by ada (clear-queue)"


async def test_what_is_cleared_together_with_what_it_comes_after_is_stopped_by_who_cleared_it(
    service: Service, submit: Submitter
) -> None:
    first = await submit()
    second = await submit(first)

    cleared = await service.clear_queue(None, by="ada", filter=f"id:{first} or id:{second}")

    assert set(cleared.job_ids) == {first, second}
    assert (await standing(service, second))[1] == "stopped by ada (clear-queue)"


async def test_an_array_is_a_job_each_to_come_after_and_each_of_it_comes_after(
    service: Service, submit: Submitter
) -> None:
    first = await submit()
    wanted = NewArray(
        submission=Submission(
            spec=JobSpec(project="cats"), bundle=submit.bundle, after=(After(job=first),)
        ),
        indices="0-1",
    )
    array = await service.submit_array(wanted, idempotency_key=None)
    last = await submit(f"array:{array.array_id[:8]}:any")

    reason = (await standing(service, last))[1] or ""
    assert reason.count("(queued)") == 2
    assert (await service.jobs(filter=f"after:{first[:8]}")).jobs != []
    await end(service, first, BAD)
    assert (await service.array(array.array_id)).states == {S.STOPPED: 2}
    await service.take_turn()
    assert (await service.job(last)).state is S.STARTING
    never = await service.submit_array(wanted, idempotency_key=None)
    assert never.states == {S.STOPPED: 2}


async def test_there_is_a_limit_to_how_many_jobs_come_after_how_many(
    service: Service, submit: Submitter
) -> None:
    plain = Submission(spec=JobSpec(project="cats"), bundle=submit.bundle)
    array = await service.submit_array(
        NewArray(submission=plain, indices="0-399"), idempotency_key=None
    )
    after = plain.model_copy(update={"after": (After(job=f"array:{array.array_id}"),)})
    with pytest.raises(InvalidRequest, match="400 jobs after 400 others are more than 100000"):
        await service.submit_array(
            NewArray(submission=after, indices="0-399"), idempotency_key=None
        )


async def test_a_server_that_dies_with_the_end_leaves_nothing_undecided(
    service: Service, submit: Submitter, database: Database
) -> None:
    first = await submit()
    second = await submit(first)
    await end(service, first, BAD)

    again = Service(
        database=database,
        home=service.home,
        instance="0123abcd",
        queue=QueueSettings(max_running_jobs=1),
        engine=EngineState(name="process"),
        clock_ms=lambda: 2_000_000,
    )
    again.shell = Onlooker()

    detail: JobDetail = await again.job(second)
    assert detail.state is S.STOPPED
    assert {job.job_id for job in await again.unfinished_archives()} == {first, second}
