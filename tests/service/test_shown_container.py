"""A job's page names its container where it has one."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from foundations.models import JobState
from tests.store import samples

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("attempt", "engine", "is_named"),
    [(0, None, False), (1, None, True), (1, "docker", True), (1, "process", False)],
)
async def test_the_container_is_named_unless_there_is_none(
    service: Service, database: Database, attempt: int, engine: str | None, is_named: bool
) -> None:
    def step(conn: sqlite3.Connection) -> str:
        job = samples.add(conn)
        state = JobState.STARTING if attempt else JobState.QUEUED
        jobs.save_job(conn, replace(job, state=state, attempt=attempt), engine=engine)
        return job.job_id

    job_id = await database.write(step)

    name = f"atlas-{service.instance}-{job_id}-1" if is_named else None
    assert (await service.job(job_id)).container == name
