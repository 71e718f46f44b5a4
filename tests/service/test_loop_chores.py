"""What the loop does beside starting jobs: schedules at their times, and archives a few at once."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from atlas_scheduler.archiving import AT_ONCE
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import StorageFull
from foundations.models import Change, JobSpec, JobState, NewArray, NewSchedule, Submission
from tests.service.test_loop_retries import DEADLINE_SECONDS, FakeEngine, looping
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

NOON_MS = 1_780_315_200_000
MINUTE_MS = 60_000


class Clock:
    """A clock that stands until it is set."""

    at_ms = NOON_MS

    def __call__(self) -> int:
        return self.at_ms


@pytest.fixture
def clock(service: Service) -> Clock:
    clock = Clock()
    service._clock_ms = clock
    return clock


@pytest.fixture
async def submission(
    service: Service, clock: Clock, database: Database
) -> AsyncIterator[Submission]:
    """What can be submitted while a loop runs; nothing starts."""
    service.bundles.sweep()
    bundle = await stored(service.bundles)
    await service.pause_queue(None, by="ada")
    async with looping(service, database, FakeEngine()):
        yield Submission(spec=JobSpec(project="cats"), bundle=bundle)


async def heard(service: Service, event: str) -> Change:
    """Wait for something that happens to a job."""
    async with asyncio.timeout(DEADLINE_SECONDS), aclosing(service.changes(0, follow=True)) as news:
        async for one in news:
            if isinstance(one, Change) and one.event == event:
                return one
    raise AssertionError("the feed ended")


async def test_a_schedule_is_worked_off_when_its_time_has_come(
    service: Service, clock: Clock, submission: Submission
) -> None:
    wanted = NewSchedule(submission=submission, cron="* * * * *")
    made = await service.create_schedule(wanted, by="ada", idempotency_key=None)
    assert made.next_at is not None
    assert (await service.jobs()).jobs == []

    clock.at_ms += MINUTE_MS
    service.shell.wake()

    submitted = await heard(service, "Submitted")
    assert submitted.detail["schedule"] == made.schedule_id
    view = await service.schedule(made.schedule_id)
    assert view.last_job_id == submitted.job_id
    assert view.next_at is not None
    assert (view.next_at - made.next_at).total_seconds() == 60


class Finisher:
    """Completes archives when it may, and counts how many are under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.may_go_on = threading.Event()
        self.under_way = 0
        self.most = 0
        self.done = 0

    def __call__(self, *_: Any) -> None:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        assert self.may_go_on.wait(2 * DEADLINE_SECONDS)
        with self.lock:
            self.under_way -= 1
            self.done += 1


async def test_an_archive_that_could_not_be_written_is_tried_again(
    service: Service, submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.archiving.RETRY_SECONDS", 0.001)
    failures = [OSError(errno.EROFS, "Read-only file system"), StorageFull("full")]
    finish = service.archives.finish

    def fail_first(*about: Any) -> None:
        if failures:
            raise failures.pop()
        finish(*about)

    monkeypatch.setattr(service.archives, "finish", fail_first)
    job_id = (await service.submit(submission, idempotency_key=None)).job_id
    await service.clear_queue(None, by="ada")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await service.unfinished_archives():
            await service.info()
    assert failures == []
    assert service.archives.is_complete(job_id)


async def test_a_job_whose_files_cannot_be_made_says_why(
    service: Service, submission: Submission
) -> None:
    service.home.job_dirs.parent.mkdir(parents=True, exist_ok=True)
    service.home.job_dirs.write_text("no directory")
    await service.resume_queue(None, by="ada")
    job_id = (await service.submit(submission, idempotency_key=None)).job_id
    await heard(service, "StartRefused")
    job = await service.job(job_id)
    assert job.state is JobState.FAILED
    assert job.reason is not None
    assert job.reason.startswith("the scheduler cannot use its files: [Errno ")
    assert str(service.home.job_dirs) in job.reason


async def test_archives_of_a_cleared_queue_are_completed_a_few_at_once(
    service: Service, submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    finisher = Finisher()
    monkeypatch.setattr(service.archives, "finish", finisher)
    array = NewArray(submission=submission, indices="0-7")
    await service.submit_array(array, idempotency_key=None)

    await service.clear_queue(None, by="ada")

    async with asyncio.timeout(DEADLINE_SECONDS):
        while finisher.under_way < AT_ONCE:
            await service.info()
        for _ in range(20):
            await service.info()
        finisher.may_go_on.set()
        while await service.unfinished_archives():
            await service.info()
    assert (finisher.done, finisher.most) == (8, AT_ONCE)


async def test_a_server_that_ends_leaves_an_archive_that_takes_long_to_the_next_start(
    service: Service, clock: Clock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.effects.CLOSE_SECONDS", 0.01)
    service.bundles.sweep()
    submission = Submission(spec=JobSpec(project="cats"), bundle=await stored(service.bundles))
    await service.pause_queue(None, by="ada")
    finisher = Finisher()
    with monkeypatch.context() as hanging:
        hanging.setattr(service.archives, "finish", finisher)
        async with asyncio.timeout(DEADLINE_SECONDS):
            async with looping(service, database, FakeEngine()):
                job_id = (await service.submit(submission, idempotency_key=None)).job_id
                await service.clear_queue(None, by="ada")
                while not finisher.under_way:
                    await service.info()
    assert finisher.done == 0, "nobody waited for it"
    finisher.may_go_on.set()

    async with looping(service, database, FakeEngine()), asyncio.timeout(DEADLINE_SECONDS):
        while await service.unfinished_archives():
            await service.info()
    assert service.archives.is_complete(job_id)
