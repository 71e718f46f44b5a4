"""Questions about the machine and its disk, on a real database and a fake NVIDIA library."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from atlas_scheduler.engine import gpus
from atlas_scheduler.service import Service
from atlas_scheduler.store import disk_use, jobs
from atlas_scheduler.store.db import Database
from foundations.models import JobState
from tests.engine.fake_nvml import FakeGpu, FakeNvml
from tests.store import samples

pytestmark = pytest.mark.anyio


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml([FakeGpu("GPU-aaaa"), FakeGpu("GPU-bbbb")])
    monkeypatch.setattr(gpus, "pynvml", fake)
    return fake


async def test_the_machine_is_described_with_the_job_that_holds_each_gpu(
    service: Service, database: Database, nvml: FakeNvml
) -> None:
    def step(conn: sqlite3.Connection) -> str:
        job = samples.add(conn, spec={"num_gpus": 1})
        running = replace(
            job, state=JobState.RUNNING, attempt=1, started_at_ms=2_000, gpus=("GPU-bbbb",)
        )
        jobs.save_job(conn, running)
        return job.job_id

    job_id = await database.write(step)
    found = await service.machine.host()
    assert [(one.id, one.job_id) for one in found.gpus] == [
        ("GPU-aaaa", None),
        ("GPU-bbbb", job_id),
    ]
    assert found.gpus[0].utilization_percent == 97
    assert found.gpu_problem is None
    assert 0 <= found.cpu_percent <= 100
    assert found.cpus >= 1
    assert len(found.load_average) == 3
    assert 0 < found.memory_used_bytes < found.memory_total_bytes
    assert 0 < found.disk_free_bytes < found.disk_total_bytes


async def test_however_many_ask_the_machine_is_looked_at_once(
    service: Service, nvml: FakeNvml
) -> None:
    assert nvml.looks == 0
    found = await asyncio.gather(*(service.machine.host() for _ in range(50)))
    assert nvml.looks == 1
    assert len({one.at for one in found}) == 1


async def test_a_gpu_driver_that_hangs_is_named_and_the_rest_is_told(
    service: Service, stuck: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.machine.gpus, "_patience_seconds", 0.05)
    found = await service.machine.host()
    assert found.gpus == []
    assert found.gpu_problem == (
        "The NVIDIA driver does not answer. `nvidia-smi` on that machine may say why."
    )
    assert found.memory_total_bytes > 0


async def test_the_disk_is_told_by_kind_and_by_project(
    service: Service, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_use, "PAGE", 2)

    def step(conn: sqlite3.Connection) -> list[str]:
        return [samples.add(conn, project=name).job_id for name in ("digits", "digits", "cats")]

    for job_id in await database.write(step):
        archive = service.home.archive(job_id)
        archive.mkdir(parents=True)
        (archive / "job.log").write_bytes(b"x" * 50_000)
    found = await service.machine.disk()
    assert found.complete
    assert [(one.name, one.jobs) for one in found.projects] == [("digits", 2), ("cats", 1)]
    assert found.projects[0].archive_bytes >= 100_000
    assert found.archives_bytes == sum(one.archive_bytes for one in found.projects)
    assert found.database_bytes > 0
