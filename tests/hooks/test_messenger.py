"""Who is told of which ends: each at least once, in order, also across restarts and failures."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from atlas_scheduler.core.events import Exited, StopRequested
from atlas_scheduler.hooks import Ended, HookFailed, Messenger
from atlas_scheduler.service import Service
from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database
from foundations.home import Home
from foundations.models import FINAL_STATES, JobState
from tests.service.conftest import service_on
from tests.store import samples
from tests.store.samples import add

pytestmark = pytest.mark.anyio


class Listener:
    """A hook that notes what it is told, and fails as often as a test says."""

    kind = "command"
    target = "listener"

    def __init__(self, *states: JobState) -> None:
        self.states = states or tuple(FINAL_STATES)
        self.told: list[tuple[str, str]] = []
        self.failures = 0
        self.tries = 0
        self.defect: Exception | None = None
        self.changed = asyncio.Event()

    async def tell(self, ended: Ended) -> None:
        self.tries += 1
        self.changed.set()
        if self.defect is not None:
            raise self.defect
        if self.failures:
            self.failures -= 1
            raise HookFailed("nobody is there")
        self.told.append((ended.job.job_id, ended.job.state.value))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "scheduler.db") as opened:
        yield opened


@pytest.fixture
async def service(tmp_path: Path, database: Database) -> AsyncIterator[Service]:
    async with service_on(Home(tmp_path), database) as opened:
        yield opened


@asynccontextmanager
async def telling(
    service: Service,
    database: Database,
    *listeners: Listener,
    now: datetime | None = None,
    give_up_seconds: float = 60.0,
) -> AsyncIterator[None]:
    messenger = Messenger(
        service,
        database,
        [(str(number), one) for number, one in enumerate(listeners)],
        give_up_seconds=give_up_seconds,
        retry_seconds=(0.0,),
        now=lambda: now or datetime.fromtimestamp(1_000, UTC),
    )

    def have_places(conn: sqlite3.Connection) -> bool:
        numbers = range(len(listeners))
        return all(meta.get_setting(conn, f"hook.{number}") is not None for number in numbers)

    running = asyncio.create_task(messenger.run())
    try:
        # Once each has its place in the feed, what ends from now on is theirs to tell.
        async with asyncio.timeout(30):
            while not await database.read(have_places):
                pass
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def running_job(service: Service, database: Database) -> str:
    def step(conn: sqlite3.Connection) -> str:
        return samples.run(conn, add(conn)).job_id

    return await database.write(step)


async def end(service: Service, database: Database, *, exit_code: int = 0) -> str:
    job_id = await running_job(service, database)
    await service.apply(job_id, Exited(1_000_000, exit_code=exit_code, oom_killed=False))
    return job_id


async def test_each_end_is_told_once_and_in_order(service: Service, database: Database) -> None:
    listener = Listener()
    async with telling(service, database, listener):
        first = await end(service, database)
        second = await end(service, database, exit_code=1)
        waiting = await database.write(lambda conn: add(conn).job_id)
        await service.apply(waiting, StopRequested(1_000_000, "ada"))
        await service.tag(first, {"best": ""}, by="ada")
        await listener.until(lambda: len(listener.told) == 3)
    assert listener.told == [(first, "completed"), (second, "failed"), (waiting, "stopped")]


async def test_a_hook_is_told_only_of_the_states_it_wants(
    service: Service, database: Database
) -> None:
    listener = Listener(JobState.FAILED)
    async with telling(service, database, listener):
        await end(service, database)
        failed = await end(service, database, exit_code=1)
        await listener.until(lambda: bool(listener.told))
    assert listener.told == [(failed, "failed")]


async def test_what_ended_before_the_hook_was_there_is_not_told(
    service: Service, database: Database
) -> None:
    await end(service, database)
    listener = Listener()
    async with telling(service, database, listener):
        later = await end(service, database)
        await listener.until(lambda: bool(listener.told))
    assert listener.told == [(later, "completed")]


async def test_what_ends_while_nobody_tells_is_told_later(
    service: Service, database: Database
) -> None:
    listener = Listener()
    async with telling(service, database, listener):
        first = await end(service, database)
        await listener.until(lambda: bool(listener.told))
    second = await end(service, database)
    async with telling(service, database, listener):
        await listener.until(lambda: len(listener.told) >= 2)
        third = await end(service, database)
        await listener.until(lambda: listener.told[-1][0] == third)
    told = [job_id for job_id, _ in listener.told]
    # The first may come twice: its number may not have been noted before the end.
    assert told in ([first, second, third], [first, first, second, third])


async def test_a_hook_that_fails_is_tried_again_and_holds_up_no_other(
    service: Service, database: Database
) -> None:
    failing, fine = Listener(), Listener()
    failing.failures = 1_000_000_000
    async with telling(service, database, failing, fine):
        jobs = [await end(service, database) for _ in range(2)]
        await fine.until(lambda: len(fine.told) == 2)
        await failing.until(lambda: failing.tries >= 3)
        assert failing.told == []
        failing.failures = 0
        await failing.until(lambda: len(failing.told) == 2)
    assert [job_id for job_id, _ in failing.told] == jobs
    text = await service.measurements()
    assert 'atlas_hook_deliveries_total{kind="command",outcome="told"} 4.0' in text


async def test_a_hook_that_fails_for_too_long_is_given_up_for_that_job(
    service: Service, database: Database
) -> None:
    listener = Listener()
    listener.failures = 1
    late = datetime.fromtimestamp(1_060, UTC)
    with capture_logs() as logs:
        async with telling(service, database, listener, now=late):
            lost = await end(service, database)
            told = await end(service, database)
            await listener.until(lambda: bool(listener.told))
    assert listener.told == [(told, "completed")]
    (entry,) = [one for one in logs if one["log_level"] == "error"]
    assert entry["event"] == "a hook is never told of a job"
    assert (entry["job_id"], entry["problem"]) == (lost, "nobody is there")


async def test_a_defect_of_a_hook_ends_neither_it_nor_the_others(
    service: Service, database: Database
) -> None:
    broken, fine = Listener(), Listener()
    broken.defect = RuntimeError("a bug in a library")
    with capture_logs() as logs:
        async with telling(service, database, broken, fine):
            await end(service, database)
            await fine.until(lambda: bool(fine.told))
            await broken.until(lambda: broken.tries > 2)
            broken.defect = None
            await broken.until(lambda: bool(broken.told))
    assert "a hook met a defect" in {one["event"] for one in logs}


async def test_a_job_that_was_deleted_meanwhile_is_passed_over(
    service: Service, database: Database
) -> None:
    listener = Listener()
    listener.failures = 1_000_000_000
    async with telling(service, database, listener):
        gone = await end(service, database)
        await listener.until(lambda: listener.tries > 1)
        await service.delete(gone, by="ada")
        await service.purge(gone)
        kept = await end(service, database)
        listener.failures = 0
        await listener.until(lambda: bool(listener.told))
    assert listener.told == [(kept, "completed")]
