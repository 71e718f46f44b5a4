"""Acts on what the service decides: dispatches the queue, and compares the engine with the jobs.

Nothing here decides. What a crash cut short is found again by `reconcile` from what the engine
shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from atlas_scheduler.alarm import Alarm
from atlas_scheduler.chores import Chores
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, InvalidTransition
from atlas_scheduler.core.reconcile import SeenStatus, leftovers, observe
from atlas_scheduler.effects import Effects
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.engine.port import Engine
from atlas_scheduler.intake import Intake
from atlas_scheduler.local_runs import LocalRuns
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.service import Service
from foundations.errors import AtlasError, NotFound, StorageFull

RECONCILE_SECONDS = 30.0
"""How often the engine is compared with the jobs even though nothing seems wrong."""
ENGINE_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between questions to an engine that does not answer; the last one repeats."""
STORAGE_RETRY_MS = 30_000
"""Pause before the queue is looked at again that could not be written."""

log = structlog.get_logger(__name__)


class Loop:
    """The scheduler's hands. One instance a server; `run` lives as long as it does."""

    def __init__(  # noqa: PLR0913 - the parts it works with, one each
        self,
        *,
        service: Service,
        engine: Engine,
        intake: Intake,
        sampler: Sampler,
        library_dir: Callable[[], Path],
        clock_ms: Callable[[], int],
        stop_grace_seconds: float,
    ) -> None:
        self._service = service
        self._engine = engine
        self._sampler = sampler
        self._clock_ms = clock_ms
        self._woken = asyncio.Event()
        self._engine_doubted = asyncio.Event()
        self._engine_doubted.set()
        local_runs = LocalRuns(service, seconds=time.monotonic)
        self._effects = Effects(
            service=service,
            engine=engine,
            intake=intake,
            sampler=sampler,
            local_runs=local_runs,
            library_dir=library_dir,
            clock_ms=clock_ms,
            stop_grace_seconds=stop_grace_seconds,
            on_silence=self._engine_doubted.set,
        )
        self._chores = Chores(service, local_runs, self.perform)

    # -- Shell: what the service asks for

    def wake(self) -> None:
        """Look at the queue again."""
        self._woken.set()

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        """Begin the effects of a transition that is durable."""
        self._effects.perform(job, effects)

    async def run_beside(self, job: Job, plan: ExecPlan) -> ExecSession:
        """Run a command where a job runs."""
        return await self._engine.execute(self._effects.attempt(job.job_id, job.attempt), plan)

    async def connect(self, job: Job, port: int) -> ExecSession:
        """Connect to a port of a job."""
        return await self._engine.connect(self._effects.attempt(job.job_id, job.attempt), port)

    async def settle(self, job_id: str) -> None:
        """Wait until nothing is being done for a final job any more."""
        await self._effects.settle(job_id)

    def tidy(self) -> None:
        """Look again for deleted jobs that cannot come back."""
        self._chores.tidy()

    # -- life

    async def run(self) -> None:
        """Recover, then dispatch until cancelled. Jobs run on after that."""
        await self._forget_secrets()
        try:
            async with asyncio.TaskGroup() as group:
                self._chores.begin(group)
                group.create_task(self._effects.warm_up())
                group.create_task(self._keep_engine())
                group.create_task(self._dispatch())
                group.create_task(self._sampler.run())
        finally:
            await self._effects.close()

    async def _forget_secrets(self) -> None:
        """Take away what attempts were given that ended while no server ran."""
        known = [*await self._service.holding(), *await self._service.unfinished_archives()]
        attempts = [self._effects.attempt(job.job_id, job.attempt) for job in known]
        try:
            await self._service.job_secrets.sweep(attempts)
        except OSError as error:
            log.warning("secrets of ended jobs stay in memory", problem=str(error))

    async def _dispatch(self) -> None:
        alarm = Alarm(self.wake, clock_ms=self._clock_ms)
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                alarm.set(await self._service.take_turn())
            except AtlasError as error:
                log.error("no job can start", problem=error.message)
                alarm.set(self._clock_ms() + STORAGE_RETRY_MS)

    async def _keep_engine(self) -> None:
        """Ask the engine until it answers, compare it with the jobs, and again when in doubt."""
        failures = 0
        while True:
            self._engine_doubted.clear()
            try:
                self._service.engine.capabilities = await self._engine.capabilities()
                await self._reconcile()
            except AtlasError as error:
                self._service.telemetry.engine_errors.inc()
                if self._service.engine.problem != error.message:
                    log.warning("jobs cannot be run now", problem=error.message)
                self._service.engine.problem = error.message
                if isinstance(error, StorageFull):
                    await self._service.spare_space()
                pause = ENGINE_RETRY_SECONDS[min(failures, len(ENGINE_RETRY_SECONDS) - 1)]
                failures += 1
                await asyncio.sleep(pause)
                continue
            failures = 0
            self._service.engine.problem = None
            self.wake()
            with suppress(TimeoutError):
                async with asyncio.timeout(RECONCILE_SECONDS):
                    await self._engine_doubted.wait()

    async def _reconcile(self) -> None:
        """Let the jobs know what the engine shows."""
        # Only jobs that nothing was done for before and after the look can be judged by it.
        idle = {job for job in await self._service.holding() if not self._effects.is_busy(job)}
        seen = await self._engine.observe()
        holding = {job.job_id: job for job in await self._service.holding()}
        for job_id, event in observe(idle & set(holding.values()), seen, now_ms=self._clock_ms()):
            if self._effects.is_busy(holding[job_id]):
                continue
            with suppress(InvalidTransition, NotFound):  # it moved on since it was listed
                await self._service.apply(job_id, event)
        for one in leftovers(holding, seen):
            under_way = self._effects.under_way(one.job_id)
            if one.job_id in holding and holding[one.job_id].attempt > one.attempt:
                under_way &= {Effect.DISCARD}  # the others are for the latest attempt
            if under_way:
                continue
            if one.status is SeenStatus.RUNNING:
                log.error("a container runs that no job accounts for", container=one.name)
                continue
            await self._engine.remove(self._effects.attempt(one.job_id, one.attempt))
