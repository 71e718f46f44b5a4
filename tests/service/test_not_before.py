"""A job that waits for a time has no turn before it, and somebody looks again at that time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from tests.store.samples import add

pytestmark = pytest.mark.anyio

FIRST_MS, SECOND_MS = 5_000_000, 6_000_000


async def defer(database: Database, not_before_ms: int) -> str:
    job = await database.write(add)
    deferred = replace(job, not_before_ms=not_before_ms)
    await database.write(lambda conn: jobs.save_job(conn, deferred))
    return job.job_id


async def test_the_next_time_that_a_job_waits_for_is_when_to_look_again(
    service: Service, database: Database
) -> None:
    service.engine.problem = None
    assert await service.end_overdue() is None
    for at_ms in (SECOND_MS, FIRST_MS):
        await defer(database, at_ms)
    assert await service.end_overdue() == FIRST_MS


async def test_who_asks_is_told_when_and_others_pass(service: Service, database: Database) -> None:
    service.engine.problem = None
    later = await defer(database, FIRST_MS)
    now = (await database.write(add)).job_id
    view = await service.view(later)
    assert view.not_before == datetime.fromtimestamp(FIRST_MS / 1000, tz=UTC)
    assert view.waiting is not None
    assert view.waiting.reason == "waits until 1970-01-01 01:23:20 UTC"
    await service.take_turn()
    assert [(await service.view(job_id)).state for job_id in (later, now)] == ["queued", "starting"]


async def test_a_time_that_has_come_is_not_waited_for(service: Service, database: Database) -> None:
    service.engine.problem = None
    due = await defer(database, 1)
    assert await service.end_overdue() is None
    await service.take_turn()
    claimed = await service.view(due)
    assert (claimed.state, claimed.not_before) == ("starting", None)
