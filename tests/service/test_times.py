"""Jobs end when their time is over, by the clock and the word of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from atlas_scheduler.core.events import Claimed, Exited, Started
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from tests.service.onlooker import Onlooker
from tests.store.samples import add

pytestmark = pytest.mark.anyio


class Recorder(Onlooker):
    """A shell that notes what it is asked for."""

    def __init__(self) -> None:
        self.performed: list[tuple[str, Effect]] = []
        self.wakes = 0

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        self.performed += [(job.job_id, effect) for effect in effects]

    def wake(self) -> None:
        self.wakes += 1


async def submitted(database: Database, **spec: Any) -> str:
    return (await database.write(lambda conn: add(conn, spec=spec))).job_id


async def running(service: Service, database: Database, **spec: Any) -> str:
    job_id = await submitted(database, **spec)
    await service.apply(job_id, Claimed(900_000))
    await service.apply(job_id, Started(900_000))
    return job_id


async def test_the_engine_is_asked_before_a_job_is_over_its_time(
    service: Service, database: Database
) -> None:
    service.shell = recorder = Recorder()
    job_id = await running(service, database, time_limit_seconds=10)
    assert await service.end_overdue() is None
    assert (await service.view(job_id)).state == "running"
    service.engine.problem = None
    assert await service.end_overdue() is None
    view = await service.view(job_id)
    assert (view.state, view.reason) == ("stopping", "time limit of 10s")
    assert recorder.performed[-1] == (job_id, Effect.STOP)
    await service.apply(job_id, Exited(2_000_000, 0))
    view = await service.view(job_id)
    assert (view.state, view.reason, view.exit_code) == ("failed", "time limit of 10s", 0)
    assert [one.event for one in (await service.job(job_id)).history][-2:] == ["TimedOut", "Exited"]


async def test_the_next_end_of_a_time_is_when_to_look_again(
    service: Service, database: Database
) -> None:
    service.engine.problem = None
    await running(service, database, time_limit_seconds=500)
    assert await service.end_overdue() == 1_400_000
    await running(service, database, time_limit_seconds=400)
    assert await service.end_overdue() == 1_300_000
    await running(service, database)
    assert await service.end_overdue() == 1_300_000


async def test_jobs_that_waited_too_long_are_stopped_though_the_engine_is_away(
    service: Service, database: Database
) -> None:
    plain = await submitted(database)
    brief = await submitted(database, queue_ttl_seconds=90)
    later = await submitted(database, queue_ttl_seconds=5_000)
    assert await service.end_overdue() == 5_001_000
    assert (await service.view(later)).state == "queued"
    view = await service.view(brief)
    assert (view.state, view.reason) == ("stopped", "waited longer than 1m30s")
    assert (await service.view(plain)).state == "queued"


async def test_a_retry_is_told_with_its_cause_and_wakes_whoever_dispatches(
    service: Service, database: Database
) -> None:
    service.shell = recorder = Recorder()
    service.engine.problem = None
    retries = {"exit": 1}
    job_id = await running(service, database, retries=retries, retry_delay_seconds=60)
    wakes = recorder.wakes
    await service.apply(job_id, Exited(2_000_000, 3))
    assert recorder.wakes == wakes + 1
    assert recorder.performed[-1] == (job_id, Effect.DISCARD)
    assert await service.end_overdue() == 2_060_000
    last = (await service.job(job_id)).history[-1]
    assert (last.event, last.state, last.detail["exit_code"]) == ("Exited", "queued", 3)
    assert last.detail["retry"] == "retry 1 of 1 after exit code 3"
    assert last.detail["pause_seconds"] == 60
    await service.take_turn()
    assert (await service.view(job_id)).state == "queued"
