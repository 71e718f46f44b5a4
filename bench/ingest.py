"""Figure 8: what jobs recorded, from their event file into the database, by the server's intake."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from atlas_scheduler.core.job import Job
from atlas_scheduler.intake import Intake
from atlas_scheduler.store import jobs
from atlas_scheduler.store.archives import EVENTS
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.work_dirs import RECORDS
from bench import rig
from bench.measure import Figure, Plan, Result
from foundations.home import Home
from foundations.models import JobSpec, JobState

TARGET_PER_SECOND = 100_000
METRICS = ("loss", "acc", "val_loss", "val_acc")
_DIGEST = f"sha256:{'0' * 64}"


def run(plan: Plan) -> Result:
    """Take in the event files of several jobs, one after the other, into one database."""
    points = plan.count(500_000, 100_000)
    with rig.workspace() as root:
        home = Home(root / "home")
        home.create()
        speeds = asyncio.run(_take_in(home, points, jobs_count=plan.count(5, 2)))
    figure = Figure(
        "ingest: points of 4 metrics in turns, parsed, inserted and committed",
        speeds,
        unit="1/s",
        target=TARGET_PER_SECOND,
        at_least=True,
    )
    note = f"ingest: a sample is the event file of one job with {points:,} points."
    return Result([figure], [note])


async def _take_in(home: Home, points: int, *, jobs_count: int) -> list[float]:
    speeds: list[float] = []
    async with await Database.open(home.database) as database:
        intake = Intake(database, home)
        for _ in range(jobs_count):
            job_id = await _new_job(database)
            _write_events(home.job_dir(job_id) / RECORDS / EVENTS, points)
            began = time.perf_counter()
            await intake.drain(job_id)
            speeds.append(points / (time.perf_counter() - began))
            await _check(database, job_id, points)
    return speeds


async def _new_job(database: Database) -> str:
    job = Job(
        job_id=str(uuid.uuid4()),
        project="bench",
        state=JobState.QUEUED,
        order=1,
        num_gpus=0,
        submitted_at_ms=0,
    )
    stored = StoredJob(job=job, spec=JobSpec(project="bench"), bundle=_DIGEST, bundle_size_bytes=1)
    await database.write(lambda conn: jobs.insert_job(conn, stored, now_ms=0))
    return job.job_id


def _write_events(path: Path, points: int) -> None:
    """Write what `log_metric(name, value, step=…)` does in a loop."""
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="ascii") as file:
        file.writelines(_lines(points))


def _lines(points: int) -> Iterable[str]:
    for number in range(points):
        step, metric = divmod(number, len(METRICS))
        value = math.exp(-step / 10_000) + metric
        event = {
            "event": "metric",
            "key": METRICS[metric],
            "value": value,
            "step": step,
            "at": 1_700_000_000 + number / 1000,
        }
        yield json.dumps(event) + "\n"


async def _check(database: Database, job_id: str, points: int) -> None:
    detail = await database.read(
        lambda conn: conn.execute(
            "SELECT sum(points) FROM metric_series JOIN jobs USING (job_number) WHERE job_id = ?",
            (job_id,),
        ).fetchone()[0]
    )
    if detail != points:
        raise RuntimeError(f"{detail} points were taken in, {points} were there")
