"""Samples of running jobs: on a real database, from an engine that tells what a test says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest
from structlog.testing import capture_logs

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.usage import POINTS_AT_ONE_PACE, GpuUsage, Usage
from atlas_scheduler.engine.gpus import Gpu, GpuReading
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine.shared_answer import SharedAnswer
from atlas_scheduler.sampling import FIRST_SAMPLE_SECONDS, Sampler
from atlas_scheduler.store import jobs, metric_points, records
from atlas_scheduler.store.db import Database
from bench.instant_engine import InstantEngine
from foundations.errors import EngineDown
from foundations.models import JobState, MetricSummary
from tests.store import samples
from tests.store.series_points import points_of

pytestmark = pytest.mark.anyio
INTERVAL_SECONDS = 5.0
DEADLINE_SECONDS = 20.0


class TellingEngine(InstantEngine):
    """Tells what each attempt uses, as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, Usage] = {}
        self.problem: Exception | None = None
        self.questions: list[set[str]] = []
        self.asked = asyncio.Event()

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        self.questions.append({one.job_id for one in attempts})
        self.asked.set()
        if self.problem is not None:
            raise self.problem
        return {one: self.uses[one.job_id] for one in attempts if one.job_id in self.uses}


class Bench:
    """A sampler whose clock a test turns."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.engine = TellingEngine()
        self.now = 1_000.0
        self.commits = 0
        self.told: list[str] = []
        """Jobs that a sample was told of."""
        self.gpu_looks = 0
        self.gpus_hang = False
        self.running = ExitStack()
        self.sampler = self.new_sampler()

    def new_sampler(self, *, shortest_seconds: float = INTERVAL_SECONDS) -> Sampler:
        return Sampler(
            database=self.database,
            engine=self.engine,
            gpus=SharedAnswer(self.read_gpus, fresh_seconds=0, patience_seconds=0.05),
            clock_ms=lambda: int(self.now * 1000),
            shortest_seconds=shortest_seconds,
            clock_seconds=lambda: self.now,
            on_records=self.told.append,
        )

    async def read_gpus(self) -> tuple[GpuReading, ...]:
        self.gpu_looks += 1
        if self.gpus_hang:
            await asyncio.Event().wait()
        usage = GpuUsage(utilization_percent=50.0)
        return tuple(GpuReading(Gpu(f"GPU-{n}", n), "T4", usage) for n in range(2))

    async def run_job(self, *gpus: str) -> Job:
        """Let a job start now, and be sampled."""

        def step(conn: sqlite3.Connection) -> Job:
            job = samples.add(conn, spec={"num_gpus": len(gpus)})
            started_at_ms = int(self.now * 1000)
            running = replace(
                job, state=JobState.RUNNING, attempt=1, started_at_ms=started_at_ms, gpus=gpus
            )
            jobs.save_job(conn, running, engine="process")
            return running

        job = await self.database.write(step)
        self.watch(job)
        self.uses(job)
        return job

    def watch(self, job: Job) -> None:
        attempt = AttemptId("0123abcd", job.job_id, job.attempt)
        self.running.enter_context(self.sampler.sampling(job, attempt))

    def uses(self, job: Job, cpu_seconds: float = 0.0, memory_bytes: int | None = None) -> None:
        self.engine.uses[job.job_id] = Usage(
            at_ms=int(self.now * 1000), cpu_seconds=cpu_seconds, memory_bytes=memory_bytes
        )

    async def values(self, job: Job, name: str) -> list[tuple[float | None, float]]:
        """Step and value of each point of a series."""
        look = partial(points_of, job_id=job.job_id, name=f"system/{name}")
        return [(point.step, point.value) for point in await self.database.read(look)]


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    bench = Bench(database)
    with bench.running:
        yield bench


async def test_samples_become_points_whose_step_is_the_age_of_the_job(bench: Bench) -> None:
    job = await bench.run_job()
    for cpu_seconds, memory_bytes in ((2.0, 300), (7.0, 100)):
        bench.now += 5.0
        bench.uses(job, cpu_seconds, memory_bytes)
        await bench.sampler.sample()
    assert await bench.values(job, "cpu_percent") == [(5.0, 40.0), (10.0, 100.0)]
    assert await bench.values(job, "cpu_seconds") == [(5.0, 2.0), (10.0, 7.0)]
    assert await bench.values(job, "memory_bytes") == [(5.0, 300), (10.0, 100)]
    assert await bench.values(job, "memory_peak_bytes") == [(5.0, 300), (10.0, 300)]
    assert bench.told == [job.job_id] * 2


async def test_all_jobs_are_asked_about_and_written_at_once(bench: Bench) -> None:
    known = [await bench.run_job() for _ in range(3)]
    bench.now += 1.0
    await bench.run_job()
    bench.now += 1.0
    await bench.sampler.sample()
    assert [len(one) for one in bench.engine.questions] == [4]
    assert [await bench.values(job, "cpu_seconds") for job in known] == [[(0.0, 0.0)]] * 3


async def test_the_first_sample_comes_soon_and_the_next_ones_by_the_interval(bench: Bench) -> None:
    job = await bench.run_job()
    sampling = asyncio.create_task(bench.sampler.run())
    try:
        await asyncio.sleep(0)
        assert bench.engine.questions == []
        bench.now += FIRST_SAMPLE_SECONDS
        other = await bench.run_job()  # its start wakes the sampler, which finds the first one due
        async with asyncio.timeout(DEADLINE_SECONDS):
            await bench.engine.asked.wait()
        assert bench.engine.questions == [{job.job_id, other.job_id}]
    finally:
        sampling.cancel()
        await asyncio.wait([sampling])


async def test_nothing_is_asked_while_no_job_runs(bench: Bench) -> None:
    job = await bench.run_job()
    bench.running.close()
    sampling = asyncio.create_task(bench.sampler.run())
    bench.now += 1_000
    for _ in range(5):
        await asyncio.sleep(0)
    sampling.cancel()
    await asyncio.wait([sampling])
    assert bench.engine.questions == []
    assert await bench.values(job, "cpu_seconds") == []


async def test_an_interval_of_zero_takes_no_samples(bench: Bench) -> None:
    bench.sampler = bench.new_sampler(shortest_seconds=0)
    await bench.run_job()
    bench.now += 100
    await bench.sampler.sample()
    assert bench.engine.questions in ([], [set()])


async def test_an_engine_that_does_not_answer_costs_samples_and_nothing_else(bench: Bench) -> None:
    job = await bench.run_job()
    bench.engine.problem = EngineDown("gone")
    sampling = asyncio.create_task(bench.sampler.run())
    bench.now += 5.0
    other = await bench.run_job()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await bench.engine.asked.wait()
    assert not sampling.done()
    sampling.cancel()
    await asyncio.wait([sampling])
    bench.engine.problem = None
    bench.now += 5.0
    await bench.sampler.sample()
    assert len(await bench.values(other, "cpu_seconds")) == 1
    assert len(await bench.values(job, "cpu_seconds")) == 1


async def test_a_defect_in_an_answer_ends_no_sampler(bench: Bench) -> None:
    bench.engine.problem = KeyError("cpu_stats")
    await bench.run_job()
    bench.now += 5.0
    with capture_logs() as logged:
        sampling = asyncio.create_task(bench.sampler.run())
        async with asyncio.timeout(DEADLINE_SECONDS):
            await bench.engine.asked.wait()
        await asyncio.sleep(0)
        assert not sampling.done()
        sampling.cancel()
        await asyncio.wait([sampling])
    assert [one["event"] for one in logged] == ["sampling met a defect"]


async def test_a_job_that_ends_before_its_sample_is_written_gets_none(bench: Bench) -> None:
    job, other = await bench.run_job(), await bench.run_job()
    await bench.database.write(lambda conn: samples.finish(conn, job))
    bench.now += 5.0
    await bench.sampler.sample()
    assert await bench.values(job, "cpu_seconds") == []
    assert len(await bench.values(other, "cpu_seconds")) == 1


async def test_series_go_on_after_a_restart_without_a_rate_for_the_time_between(
    bench: Bench,
) -> None:
    job = await bench.run_job()
    bench.now += 5.0
    bench.uses(job, 5.0, 900)
    await bench.sampler.sample()

    bench.sampler = bench.new_sampler()
    bench.watch(job)
    for cpu_seconds in (100.0, 101.0):
        bench.now += 5.0
        bench.uses(job, cpu_seconds, 100)
        await bench.sampler.sample()

    assert await bench.values(job, "cpu_seconds") == [(5.0, 5.0), (10.0, 100.0), (15.0, 101.0)]
    assert await bench.values(job, "cpu_percent") == [(5.0, 100.0), (15.0, 20.0)]
    assert [value for _, value in await bench.values(job, "memory_peak_bytes")] == [900] * 3


async def test_samples_come_more_seldom_the_longer_a_job_runs(bench: Bench) -> None:
    job = await bench.run_job()
    for _ in range(POINTS_AT_ONE_PACE + 20):
        bench.now += INTERVAL_SECONDS
        bench.uses(job)
        await bench.sampler.sample()
    assert len(await bench.values(job, "cpu_seconds")) == POINTS_AT_ONE_PACE + 10


async def test_gpus_are_looked_at_only_for_jobs_that_hold_some(bench: Bench) -> None:
    plain = await bench.run_job()
    bench.now += 5.0
    await bench.sampler.sample()
    assert bench.gpu_looks == 0
    job = await bench.run_job("GPU-1")
    bench.now += 5.0
    await bench.sampler.sample()
    assert bench.gpu_looks == 1
    assert await bench.values(job, "gpu0/utilization_percent") == [(0.0, 50.0)]
    assert await bench.values(plain, "gpu0/utilization_percent") == []


async def test_a_gpu_driver_that_hangs_keeps_nothing_else_from_being_sampled(bench: Bench) -> None:
    bench.gpus_hang = True
    job = await bench.run_job("GPU-1")
    for _ in range(3):
        bench.now += 5.0
        await bench.sampler.sample()
    assert bench.gpu_looks == 1
    assert len(await bench.values(job, "cpu_seconds")) == 3


async def test_system_series_stay_out_of_what_a_job_logged(bench: Bench) -> None:
    job = await bench.run_job()
    bench.now += 5.0
    bench.uses(job, 5.0, 900)
    await bench.sampler.sample()
    job_id = job.job_id

    def look(conn: sqlite3.Connection) -> tuple[list[MetricSummary], list[MetricSummary]]:
        assert records.of_jobs(conn, [job_id])[job_id].metrics == {}
        course = metric_points.decimated(conn, job_id, "system/cpu_seconds", stretches=10)
        assert course.count == 1
        return records.series(conn, job_id), records.series(conn, job_id, system=True)

    logged, measured = await bench.database.read(look)
    assert logged == []
    assert [one.name for one in measured] == [
        "system/cpu_percent",
        "system/cpu_seconds",
        "system/memory_bytes",
        "system/memory_peak_bytes",
    ]
