"""The queue is reordered, held and paused, and everybody is told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store import pauses
from atlas_scheduler.store.db import Database
from foundations.errors import InvalidRequest, JobConflict, NotFound
from foundations.models import (
    Change,
    HostView,
    JobSpec,
    JobView,
    NewQueueSettings,
    NewRecords,
    QueueChange,
    Submission,
)
from tests.store.projects import stored
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio


@pytest.fixture
async def queue(service: Service, database: Database) -> list[str]:
    """Four jobs that wait, of two projects; the engine answers."""
    service.engine.problem = None
    return await database.write(
        lambda conn: [add(conn, project=name).job_id for name in ("cats", "dogs", "cats", "dogs")]
    )


async def waiting(service: Service) -> list[JobView]:
    found = (await service.jobs(filter="state:queued")).jobs
    return sorted(found, key=lambda job: (job.waiting and job.waiting.position) or 0)


async def line(service: Service) -> list[str]:
    return [job.job_id for job in await waiting(service)]


async def events(service: Service, job_id: str) -> list[tuple[str, dict[str, object]]]:
    return [(one.event, dict(one.detail)) for one in (await service.job(job_id)).history]


async def test_jobs_are_moved_together_and_told_where(service: Service, queue: list[str]) -> None:
    a, b, c, d = queue
    moved = await service.move([d, b[:13]], "first", None, by="ada")
    assert [job.job_id for job in moved] == [d, b]
    assert [job.waiting.position for job in moved if job.waiting] == [2, 1]
    assert await line(service) == [b, d, a, c]
    await service.move([b], "after", c, by="ada")
    assert await line(service) == [d, a, c, b]
    assert await events(service, b) == [
        ("Moved", {"by": "ada", "place": "first"}),
        ("Moved", {"by": "ada", "place": "after", "other": c}),
    ]
    assert await events(service, a) == []


async def test_a_move_that_moves_nothing_is_not_told(service: Service, queue: list[str]) -> None:
    await service.move([queue[0]], "up", None, by="ada")
    assert await events(service, queue[0]) == []


async def test_moves_at_the_same_time_leave_each_job_one_place(
    service: Service, database: Database, queue: list[str]
) -> None:
    await asyncio.gather(
        *(service.move([job_id], "first", None, by="ada") for job_id in queue),
        *(service.move([job_id], "down", None, by="ada") for job_id in queue),
        *(service.move([job_id], "last", None, by="ada") for job_id in queue),
        service.move([queue[0]], "before", queue[3], by="ada"),
    )
    found = await database.read(
        lambda conn: conn.execute("SELECT queue_order FROM jobs").fetchall()
    )
    assert len({row[0] for row in found}) == 4
    late = await database.write(lambda conn: add(conn, project="cats").job_id)
    cats = [job.job_id for job in await waiting(service) if job.project == "cats"]
    assert cats[-1] == late


async def test_only_jobs_that_wait_are_moved_and_none_when_one_does_not(
    service: Service, database: Database, queue: list[str]
) -> None:
    ended = (await database.write(lambda conn: finish(conn, add(conn)))).job_id
    for refs, other in (([queue[3], ended], queue[0]), ([queue[3]], ended)):
        with pytest.raises(JobConflict, match=f"`{ended}` is completed and cannot be"):
            await service.move(refs, "before", other, by="ada")
    with pytest.raises(InvalidRequest, match="`before` needs `other`"):
        await service.move([queue[3]], "before", None, by="ada")
    with pytest.raises(InvalidRequest, match="`first` has no `other`"):
        await service.move([queue[3]], "first", queue[0], by="ada")
    await service.set_priority(queue[1], 5, by="ada")
    with pytest.raises(InvalidRequest, match="Change the priority first"):
        await service.move([queue[0]], "before", queue[1], by="ada")
    assert await line(service) == [queue[1], queue[0], queue[2], queue[3]]


async def test_a_priority_decides_before_the_order_and_can_be_searched_for(
    service: Service, queue: list[str]
) -> None:
    a, b, c, d = queue
    job = await service.set_priority(c, 7, by="ada")
    assert (job.priority, job.waiting and job.waiting.position) == (7, 1)
    await service.set_priority(a, -3, by="ada")
    await service.set_priority(b, 0, by="ada")
    assert await line(service) == [c, b, d, a]
    found = (await service.jobs(filter="priority >= 0 sort:-priority sort:submitted")).jobs
    assert [one.job_id for one in found] == [c, b, d]
    assert await events(service, c) == [("Prioritized", {"by": "ada", "priority": 7, "before": 0})]
    assert await events(service, b) == []


async def test_a_held_job_lets_the_others_pass_until_it_is_released(
    service: Service, queue: list[str]
) -> None:
    a, b, *_ = queue
    held = await service.hold(a, by="ada")
    await service.hold(a, by="grace")
    assert held.held_by == "ada"
    assert held.waiting is not None
    assert (held.waiting.reason, held.waiting.position) == ("held by ada", None)
    assert [view.waiting.position for view in await waiting(service) if view.waiting] == [
        None,
        1,
        2,
        3,
    ]
    await service.take_turn()
    assert (await service.job(a)).state == "queued"
    assert (await service.job(b)).state == "starting"
    released = await service.release(a, by="grace")
    assert released.held_by is None
    assert await events(service, a) == [("Held", {"by": "ada"}), ("Released", {"by": "grace"})]
    with pytest.raises(JobConflict, match="is starting and cannot be"):
        await service.hold(b, by="ada")


async def test_a_held_job_can_be_stopped(service: Service, queue: list[str]) -> None:
    await service.hold(queue[0], by="ada")
    stopped = await service.stop(queue[0], by="ada")
    assert (stopped.state, stopped.held_by) == ("stopped", None)


async def test_a_job_is_submitted_with_a_priority_and_held(service: Service) -> None:
    service.bundles.sweep()
    digest = await stored(service.bundles)
    spec = JobSpec(project="cats", priority=-100, user="ada")
    job = await service.submit(Submission(spec=spec, bundle=digest, hold=True), idempotency_key="k")
    assert (job.priority, job.held_by) == (-100, "ada")


async def test_a_pause_stops_the_starts_of_all_or_of_one_project_and_outlasts_the_service(
    service: Service, database: Database, queue: list[str]
) -> None:
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=9), by="ada")
    view = await service.pause_queue("cats", by="ada")
    assert view.paused is None
    assert [(one.project, one.by) for one in view.paused_projects] == [("cats", "ada")]
    assert (await service.pause_queue("cats", by="grace")).paused_projects[0].by == "ada"
    paused = await service.pause_queue(None, by="grace")
    assert paused.paused is not None
    assert (await service.info()).queue == paused == await service.queue_settings()
    reasons = {job.waiting.reason for job in await waiting(service) if job.waiting}
    assert reasons == {f"the queue is paused by grace since {paused.paused.at:%Y-%m-%d %H:%M} UTC"}
    await service.take_turn()
    assert len(await waiting(service)) == 4
    assert len(await database.read(pauses.in_force)) == 2

    await service.rename_project("cats", "lions", by="ada")
    resumed = await service.resume_queue(None, by="ada")
    assert [one.project for one in resumed.paused_projects] == ["lions"]
    await service.take_turn()
    assert await line(service) == [queue[0], queue[2]]
    await service.resume_queue("lions", by="ada")
    await service.take_turn()
    assert await line(service) == []
    with pytest.raises(NotFound, match="no project `cats`"):
        await service.pause_queue("cats", by="ada")


async def test_changes_of_the_queue_come_in_the_feed_to_who_asks_for_them(
    service: Service, queue: list[str]
) -> None:
    await service.pause_queue(None, by="ada")
    await service.hold(queue[0], by="ada")
    await service.pause_queue(None, by="ada")
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=3), by="grace")
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=3), by="grace")
    await service.resume_queue(None, by="ada")
    await service.resume_queue(None, by="ada")

    told = [one async for one in service.changes(0, follow=False, queue=True)]
    seqs = [one.seq for one in told if isinstance(one, Change | QueueChange)]
    assert seqs == sorted(set(seqs))
    assert [
        (one.event, one.project, one.detail) for one in told if isinstance(one, QueueChange)
    ] == [
        ("QueuePaused", None, {"by": "ada"}),
        ("QueueChanged", None, {"by": "grace", "max_running_jobs": 3}),
        ("QueueResumed", None, {"by": "ada"}),
    ]
    plain = [one async for one in service.changes(0, follow=False)]
    assert [one.event for one in plain if isinstance(one, Change)] == ["Held"]
    assert len(plain) == 1
    mine = [one async for one in service.changes(0, follow=False, queue=True, job_id=queue[0])]
    assert len(mine) == 1


async def test_new_records_are_told_once_for_all_and_only_to_who_asks(service: Service) -> None:
    await service.pause_queue(None, by="ada")
    async with (
        asyncio.timeout(10),
        aclosing(service.changes(0, follow=True, queue=True, records=True)) as feed,
    ):
        assert isinstance(await anext(feed), QueueChange)
        for _ in range(100):
            service.feed.recorded("b")
            service.feed.recorded("a")
        assert await anext(feed) == NewRecords(job_ids=["a", "b"])
        service.feed.recorded("c")
        assert await anext(feed) == NewRecords(job_ids=["c"])
    told = [one async for one in service.changes(0, follow=False, queue=True, records=True)]
    assert len(told) == 1


async def test_how_busy_the_machine_is_is_told_only_to_who_follows_and_asks(
    service: Service,
) -> None:
    async with (
        asyncio.timeout(10),
        aclosing(service.changes(0, follow=True, host=True)) as feed,
    ):
        told = await anext(feed)
        assert isinstance(told, HostView)
        assert told.cpus > 0
    assert [one async for one in service.changes(0, follow=False, host=True)] == []


async def test_of_one_job_only_its_own_records_are_told(service: Service, queue: list[str]) -> None:
    await service.hold(queue[0], by="ada")
    async with (
        asyncio.timeout(10),
        aclosing(service.changes(0, job_id=queue[0], follow=True, records=True)) as feed,
    ):
        assert isinstance(await anext(feed), Change)
        service.feed.recorded(queue[1])
        service.feed.recorded(queue[0])
        assert await anext(feed) == NewRecords(job_ids=[queue[0]])


async def test_a_queue_is_cleared_by_a_filter(service: Service, queue: list[str]) -> None:
    a, b, c, d = queue
    for job_id in (a, b):
        await service.tag(job_id, {"old": ""}, by="ada")
    assert (await service.clear_queue("cats", filter="tag:old", by="ada")).job_ids == [a]
    assert await line(service) == [b, c, d]
    assert (await service.clear_queue(None, filter="not project:cats", by="ada")).removed == 2
    assert (await service.clear_queue(None, filter="state:completed", by="ada")).job_ids == []
    with pytest.raises(InvalidRequest, match="column 1"):
        await service.clear_queue(None, filter="nonsense = 1", by="ada")
    assert await line(service) == [c]
