"""What is measured of jobs, and whether the database can be written to."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from atlas_scheduler.core.events import Claimed, Exited, Started
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from atlas_scheduler.telemetry import Telemetry
from foundations.models import JobSpec, Submission
from tests.api.test_watching import samples
from tests.store.samples import DIGEST

pytestmark = pytest.mark.anyio


async def test_waits_starts_and_ends_of_jobs_are_measured(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [2_000.0]
    service.telemetry = Telemetry(seconds=lambda: now[0])
    monkeypatch.setattr(service.bundles, "size_bytes", lambda _: 1)
    monkeypatch.setattr(service.bundles, "has", lambda _: True)
    job = await service.submit(
        Submission(spec=JobSpec(project="a"), bundle=DIGEST), idempotency_key=None
    )
    submitted = job.submitted_at.timestamp()
    text = await service.measurements()
    assert samples(text, "atlas_jobs")["queued",] == 1

    now[0] = submitted + 20
    await service.apply(job.job_id, Claimed(1, ()))
    now[0] += 3
    await service.apply(job.job_id, Started(2))
    text = await service.measurements()
    assert samples(text, "atlas_job_queue_wait_seconds_sum")[()] == pytest.approx(20)
    assert samples(text, "atlas_job_start_seconds_sum")[()] == pytest.approx(3)
    assert samples(text, "atlas_jobs")["running",] == 1
    assert samples(text, "atlas_job_slots_in_use") == {(): 1}

    await service.apply(job.job_id, Exited(3, exit_code=0, oom_killed=False))
    text = await service.measurements()
    assert samples(text, "atlas_jobs_ended_total")["completed",] == 1
    assert samples(text, "atlas_job_slots_in_use") == {(): 0}
    assert samples(text, "atlas_engine_up")["process",] == 0


async def test_no_project_and_no_user_is_a_label(service: Service) -> None:
    labels = {
        label
        for family in service.telemetry.registry.collect()
        for sample in family.samples
        for label in sample.labels
    }
    assert labels <= {"method", "route", "status", "state", "le", "engine", "version", "kind",
                      "outcome"}  # fmt: skip


async def test_a_server_is_ready_while_its_database_takes_writes(
    service: Service, database: Database
) -> None:
    service.engine.problem = None
    found = await service.readiness()
    assert (found.ready, found.database, found.engine) == (True, True, True)


async def test_a_database_that_others_keep_locked_makes_it_not_ready(
    service: Service, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.watching.PROBE_SECONDS", 0.05)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not (await service.readiness()).ready
        other.execute("ROLLBACK")
