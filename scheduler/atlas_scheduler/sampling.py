"""Samples what running jobs use into their `system/…` series; idle while none runs."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import structlog

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.usage import (
    MEMORY_PEAK,
    GpuUsage,
    Usage,
    at_start,
    gpu_points,
    interval_seconds,
    points,
)
from atlas_scheduler.engine.gpus import GpuReading
from atlas_scheduler.engine.port import AttemptId, Engine
from atlas_scheduler.engine.shared_answer import SharedAnswer
from atlas_scheduler.store import system_metrics
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.system_metrics import Measured, Standing
from foundations.errors import AtlasError

FIRST_SAMPLE_SECONDS = 1.0
"""How long after its start a job is sampled first."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    """A job that is sampled while it runs."""

    attempt: AttemptId
    gpus: tuple[str, ...]
    started_at_ms: int
    due_at: float
    """On the clock that only goes forward, in seconds."""
    standing: Standing | None = None
    """None until it is known how far its series came before."""
    before: Usage | None = None


class Sampler:
    """Asks the engine for all jobs that are due at once, and writes them in one transaction."""

    def __init__(  # noqa: PLR0913 - all by name, one a thing that it works with
        self,
        *,
        database: Database,
        engine: Engine,
        gpus: SharedAnswer[tuple[GpuReading, ...]],
        clock_ms: Callable[[], int],
        shortest_seconds: float,
        clock_seconds: Callable[[], float] = time.monotonic,
        on_records: Callable[[str], None] = lambda job_id: None,
    ) -> None:
        """Set it up; nothing is sampled before `run`.

        Args:
            database: where the series are kept.
            engine: says what jobs use.
            gpus: the machine's GPUs.
            clock_ms: tells the time of day.
            shortest_seconds: time between two samples of a job that has just started; 0 samples
                nothing.
            clock_seconds: tells a time that only goes forward.
            on_records: told each job that a sample was kept of.
        """
        self._database = database
        self._engine = engine
        self._gpus = gpus
        self._clock_ms = clock_ms
        self._shortest_seconds = shortest_seconds
        self._clock_seconds = clock_seconds
        self._on_records = on_records
        self._watched: dict[str, _Watched] = {}
        self._changed = asyncio.Event()

    @contextmanager
    def sampling(self, job: Job, attempt: AttemptId) -> Iterator[None]:
        """Sample a running job within this block."""
        if not self._shortest_seconds:
            yield
            return
        due_at = self._clock_seconds() + min(FIRST_SAMPLE_SECONDS, self._shortest_seconds)
        started_at_ms = self._clock_ms() if job.started_at_ms is None else job.started_at_ms
        watched = _Watched(attempt, job.gpus, started_at_ms, due_at)
        self._watched[job.job_id] = watched
        self._changed.set()
        try:
            yield
        finally:
            if self._watched.get(job.job_id) is watched:
                del self._watched[job.job_id]

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self._changed.clear()
            due_at = min((one.due_at for one in self._watched.values()), default=None)
            if due_at is None:
                await self._changed.wait()
                continue
            pause_seconds = due_at - self._clock_seconds()
            if pause_seconds > 0:
                await self._pause(pause_seconds)
                continue
            try:
                await self.sample()
            except AtlasError as error:
                # The engine is away or the disk is full: others say so, and the next round tries.
                log.debug("no samples", problem=error.message)
            except Exception:  # samples are not worth the scheduler's life
                log.exception("sampling met a defect")

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until another job is to be sampled."""
        # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def sample(self) -> None:
        """Take a sample of every job that is due, or nearly.

        Raises:
            AtlasError: the engine or the disk cannot do it now.
        """
        now = self._clock_seconds()
        # Jobs that began apart share rounds from then on.
        near = now + self._shortest_seconds / 2
        due = {one.attempt: one for one in self._watched.values() if one.due_at <= near}
        for one in due.values():
            one.due_at = now + self._shortest_seconds
        await self._learn(due)
        used = await self._engine.usage(due)
        gpus = await self._read_gpus() if any(due[one].gpus for one in used) else {}
        measured = [
            self._measure(due[attempt], usage, gpus, now) for attempt, usage in used.items()
        ]
        if measured:
            await self._database.write(partial(system_metrics.append, measured=measured))
        for sample in measured:
            self._on_records(sample.job_id)

    async def _learn(self, due: Mapping[AttemptId, _Watched]) -> None:
        """Find out how far the series of jobs came that an earlier process of the server began."""
        new = {one.job_id: watched for one, watched in due.items() if watched.standing is None}
        if not new:
            return

        def look(conn: sqlite3.Connection) -> dict[str, Standing]:
            return {job_id: system_metrics.standing(conn, job_id) for job_id in new}

        for job_id, standing in (await self._database.read(look)).items():
            watched = new[job_id]
            watched.standing = standing
            if not standing.points:
                watched.before = at_start(watched.started_at_ms)

    async def _read_gpus(self) -> dict[str, GpuUsage]:
        try:
            return {one.gpu.uuid: one.usage for one in await self._gpus.get()}
        except TimeoutError:
            return {}  # the driver hangs; the rest is worth having

    def _measure(
        self, watched: _Watched, usage: Usage, gpus: Mapping[str, GpuUsage], now: float
    ) -> Measured:
        standing = watched.standing or Standing()
        values = points(
            usage, watched.before, peak_memory_bytes=standing.peak_memory_bytes
        ) | gpu_points(watched.gpus, gpus)
        step = max(0, usage.at_ms - watched.started_at_ms) / 1000
        watched.standing = Standing(
            points=standing.points + 1,
            peak_memory_bytes=values.get(MEMORY_PEAK, standing.peak_memory_bytes),
        )
        watched.before = usage
        watched.due_at = now + interval_seconds(watched.standing.points, self._shortest_seconds)
        return Measured(watched.attempt.job_id, usage.at_ms, step, values)
