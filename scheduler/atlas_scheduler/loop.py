"""Acts on what the service decides: dispatches the queue, performs effects, asks the engine.

Nothing here decides. Each effect is one task a job; asking for one that is already under way does
nothing, since every effect may be repeated. What a crash cut short is found again by `reconcile`
from what the engine shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from atlas_scheduler.alarm import Alarm
from atlas_scheduler.attempt_files import make_attempt_files
from atlas_scheduler.core.events import Event, Exited, Gone, Started, StartRefused
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, InvalidTransition
from atlas_scheduler.core.reconcile import SeenStatus, leftovers, observe
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.engine.port import AttemptId, Engine, Launch, StartRefusedError
from atlas_scheduler.intake import Intake
from atlas_scheduler.launch import plan_launch
from atlas_scheduler.local_runs import LocalRuns
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.service import Service
from atlas_scheduler.store.threads import finish_in_thread
from foundations.errors import AtlasError, EngineDown, NotFound, StorageFull
from foundations.models import JobState

RECONCILE_SECONDS = 30.0
"""How often the engine is compared with the jobs even though nothing seems wrong."""
ENGINE_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between questions to an engine that does not answer; the last one repeats."""
STORAGE_RETRY_SECONDS = 30.0
"""Pause before an archive that did not fit is tried again."""
DISK_LOOK_SECONDS = 10.0
"""How often the disk is looked at beside each start."""
GARBAGE_SECONDS = 24 * 3600.0
"""How often what is kept no longer goes."""
ARCHIVES_AT_ONCE = 2
"""So many archives are completed at a time: a queue of thousands that is cleared must neither keep
jobs from starting nor the server from ending."""

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
        self._intake = intake
        self._sampler = sampler
        self._library_dir = library_dir
        self._clock_ms = clock_ms
        self._stop_grace_seconds = stop_grace_seconds
        self._local_runs = LocalRuns(service, seconds=time.monotonic)
        self._tasks: dict[tuple[str, Effect], asyncio.Task[None]] = {}
        self._preparing: set[str] = set()
        self._archiving = asyncio.Semaphore(ARCHIVES_AT_ONCE)
        self._woken = asyncio.Event()
        self._deleted = asyncio.Event()
        self._engine_doubted = asyncio.Event()
        self._engine_doubted.set()

    # -- Shell: what the service asks for

    def wake(self) -> None:
        """Look at the queue again."""
        self._woken.set()

    def perform(self, job: Job, effects: Sequence[Effect]) -> None:
        """Begin the effects of a transition that is durable."""
        verbs: dict[Effect, Callable[[Job], Awaitable[None]]] = {
            Effect.START: self._start,
            Effect.WATCH: self._watch,
            Effect.STOP: self._stop,
            Effect.FINISH: self._finish,
            Effect.DISCARD: self._discard,
        }
        for effect in effects:
            if (job.job_id, effect) not in self._tasks:
                self._begin(job, effect, verbs[effect])

    async def run_beside(self, job: Job, plan: ExecPlan) -> ExecSession:
        """Run a command where a job runs."""
        return await self._engine.execute(self._attempt(job.job_id, job.attempt), plan)

    async def connect(self, job: Job, port: int) -> ExecSession:
        """Connect to a port of a job."""
        return await self._engine.connect(self._attempt(job.job_id, job.attempt), port)

    async def settle(self, job_id: str) -> None:
        """Wait until nothing is being done for a final job any more."""
        while tasks := [task for (owner, _), task in self._tasks.items() if owner == job_id]:
            await asyncio.wait(tasks)

    def tidy(self) -> None:
        """Look again for deleted jobs that cannot come back."""
        self._deleted.set()

    # -- life

    async def run(self) -> None:
        """Recover, then dispatch until cancelled. Jobs run on after that."""
        await self._forget_secrets()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._finish_archives())
                group.create_task(self._sweep_deleted())
                group.create_task(self._watch_disk())
                group.create_task(self._collect_garbage())
                group.create_task(self._keep_local_runs())
                group.create_task(self._keep_engine())
                group.create_task(self._dispatch())
                group.create_task(self._sampler.run())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _forget_secrets(self) -> None:
        """Take away what attempts were given that ended while no server ran."""
        known = [*await self._service.holding(), *await self._service.unfinished_archives()]
        attempts = [self._attempt(job.job_id, job.attempt) for job in known]
        try:
            await self._service.job_secrets.sweep(attempts)
        except OSError as error:
            log.warning("secrets of ended jobs stay in memory", problem=str(error))

    async def _dispatch(self) -> None:
        pause_seconds: float | None = None
        alarm = Alarm(self.wake, clock_ms=self._clock_ms)
        while True:
            # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._service.run_schedules()
                alarm.set(await self._service.end_overdue())
                pause_seconds = await self._service.claim_next()
            except AtlasError as error:
                log.error("no job can start", problem=error.message)
                pause_seconds = STORAGE_RETRY_SECONDS

    async def _finish_archives(self) -> None:
        """Take up archives that an earlier process of the server left unfinished."""
        for job in await self._service.unfinished_archives():
            self.perform(job, (Effect.FINISH,))

    async def _keep_local_runs(self) -> None:
        """Find local runs, and follow those that are known, also after trouble with one."""
        while True:
            for job in await self._service.running_locally():
                is_stopping = job.state is JobState.STOPPING
                self.perform(job, (Effect.STOP, Effect.WATCH) if is_stopping else (Effect.WATCH,))
            with suppress(TimeoutError):
                async with asyncio.timeout(RECONCILE_SECONDS):
                    await self._local_runs.find()

    async def _watch_disk(self) -> None:
        """Let starts stop and go on as the disk has space; what fills it need not be ours."""
        while True:
            try:
                await self._service.watch_disk()
            except AtlasError as error:
                log.warning("the disk is not watched", problem=error.message)
            await asyncio.sleep(DISK_LOOK_SECONDS)

    async def _collect_garbage(self) -> None:
        """Let go of what is kept no longer, at the start and once a day."""
        while True:
            try:
                await self._service.collect_garbage(by="retention")
            except AtlasError as error:
                log.warning("garbage stays", problem=error.message)
            await asyncio.sleep(GARBAGE_SECONDS)

    async def _sweep_deleted(self) -> None:
        """Remove what is left of deleted jobs, each as soon as it cannot come back."""
        while True:
            self._deleted.clear()
            try:
                job_ids, pause_seconds = await self._service.begin_sweeps()
            except AtlasError as error:
                log.warning("deleted jobs stay", problem=error.message)
                job_ids, pause_seconds = [], STORAGE_RETRY_SECONDS
            swept = [await self._sweep(job_id) for job_id in job_ids]
            if any(swept):
                continue  # their projects may go now, and other graces may have ended
            if job_ids:
                pause_seconds = STORAGE_RETRY_SECONDS
            # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._deleted.wait()

    async def _sweep(self, job_id: str) -> bool:
        """Remove the files and then the rows of a job. Returns whether that could be done."""
        try:
            await asyncio.to_thread(self._service.archives.remove, job_id)
            leftover = await self._service.purge(job_id)
            if leftover is not None:
                await asyncio.to_thread(self._service.bundles.listed.discard, leftover)
        except (AtlasError, OSError) as error:
            log.warning("files stay behind", job_id=job_id, problem=str(error))
            return False
        return True

    async def _keep_engine(self) -> None:
        """Ask the engine until it answers, compare it with the jobs, and again when in doubt."""
        failures = 0
        while True:
            self._engine_doubted.clear()
            try:
                self._service.engine.capabilities = await self._engine.capabilities()
                await self._reconcile()
            except AtlasError as error:
                if self._service.engine.problem != error.message:
                    log.warning("jobs cannot be run now", problem=error.message)
                self._service.engine.problem = error.message
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
        idle = {job for job in await self._service.holding() if not self._is_busy(job)}
        seen = await self._engine.observe()
        holding = {job.job_id: job for job in await self._service.holding()}
        for job_id, event in observe(idle & set(holding.values()), seen, now_ms=self._clock_ms()):
            if self._is_busy(holding[job_id]):
                continue
            with suppress(InvalidTransition, NotFound):  # it moved on since it was listed
                await self._service.apply(job_id, event)
        for one in leftovers(holding, seen):
            under_way = self._effects_under_way(one.job_id)
            if one.job_id in holding and holding[one.job_id].attempt > one.attempt:
                under_way &= {Effect.DISCARD}  # the others are for the latest attempt
            if under_way:
                continue
            if one.status is SeenStatus.RUNNING:
                log.error("a container runs that no job accounts for", container=one.name)
                continue
            await self._engine.remove(self._attempt(one.job_id, one.attempt))

    # -- effects

    async def _start(self, job: Job) -> None:
        job_log = self._service.logs.of(job.job_id)
        try:
            launch = await self._make_ready(job)
            started_at_ms = await self._engine.start(launch)
        except (StartRefusedError, StorageFull) as error:
            reason = str(error)
            await asyncio.to_thread(job_log.say, f"Foundations ERROR: {reason}")
            await self._service.apply(job.job_id, StartRefused(self._clock_ms(), reason))
            return
        await self._service.apply(job.job_id, Started(started_at_ms))

    async def _make_ready(self, job: Job) -> Launch:
        """Do the part of a start that may take long, and that a stop may cut short."""
        self._preparing.add(job.job_id)
        try:
            await self._discarded(job)
            stored = await self._service.load(job.job_id)
            launch = plan_launch(
                stored,
                attempt=self._attempt(job.job_id, job.attempt),
                home=self._service.home,
                library_dir=await finish_in_thread(self._library_dir),
            )
            launch = await self._service.job_secrets.lay_out(stored, launch)
            job_log = self._service.logs.of(job.job_id)
            await make_attempt_files(stored, launch, bundles=self._service.bundles, log=job_log)
            await self._engine.prepare(launch, job_log)
            return launch
        finally:
            self._preparing.discard(job.job_id)

    async def _watch(self, job: Job) -> None:
        tail = asyncio.create_task(self._intake.tail(job.job_id))
        try:
            event = await (self._local_runs.end(job) if job.is_local else self._end(job))
        finally:
            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)
        await self._intake.drain(job.job_id)
        await self._service.apply(job.job_id, event)

    async def _end(self, job: Job) -> Event:
        """Collect the output of an attempt, and note what it runs on; return how it ended."""
        attempt = self._attempt(job.job_id, job.attempt)
        job_log = await self._service.job_secrets.masking(
            attempt, self._service.logs.of(job.job_id)
        )
        describe = asyncio.create_task(self._note_execution(job, attempt))
        try:
            with self._sampler.sampling(job, attempt):
                ended = await self._engine.watch(attempt, job_log)
            self._service.execs.end_those_of(job.job_id)
            self._service.tunnels.end_those_of(job.job_id)
            await asyncio.wait([describe])
        finally:
            describe.cancel()
            await asyncio.gather(describe, return_exceptions=True)
        if ended.exit_code is None:
            return Gone(ended.at_ms, ended.lost_reason or "its process left no exit code")
        return Exited(ended.at_ms, exit_code=ended.exit_code, oom_killed=ended.oom_killed)

    async def _note_execution(self, job: Job, attempt: AttemptId) -> None:
        """Keep what the attempt runs on; a job must not be lost for want of that."""
        try:
            execution = await self._engine.execution(attempt, gpus=job.gpus)
            if execution is not None:
                await self._service.note_execution(job.job_id, execution)
        except AtlasError as error:
            log.warning("what a job runs on is not known", job_id=job.job_id, problem=error.message)
        except Exception:  # a defect here must not keep the job from ending
            log.exception("telling what a job runs on met a defect", job_id=job.job_id)

    async def _stop(self, job: Job) -> None:
        if job.is_local:
            return await self._local_runs.stop(job, grace_seconds=self._stop_grace_seconds)
        start = self._tasks.get((job.job_id, Effect.START))
        if start is not None:
            if job.job_id in self._preparing:
                start.cancel()
            await asyncio.wait([start])
        attempt = self._attempt(job.job_id, job.attempt)
        await self._engine.stop(attempt, grace_seconds=self._stop_grace_seconds)
        if (job.job_id, Effect.WATCH) not in self._tasks:
            seen = [one for one in await self._engine.observe() if one.job_id == job.job_id]
            for job_id, event in observe([job], seen, now_ms=self._clock_ms()):
                await self._service.apply(job_id, event)

    async def _finish(self, job: Job) -> None:
        attempt = self._attempt(job.job_id, job.attempt)
        if job.attempt:
            await self._intake.drain(job.job_id)
        await self._hide_secrets(attempt)
        await self._archive(job.job_id)
        await self._service.mark_archived(job.job_id)
        if job.attempt and not job.is_local:
            await self._engine.remove(attempt)
        await self._service.job_secrets.take_away(attempt)

    async def _discard(self, job: Job) -> None:
        attempt = self._attempt(job.job_id, job.attempt)
        await self._intake.drain(job.job_id)
        await self._hide_secrets(attempt)
        await self._engine.remove(attempt)
        await self._service.job_secrets.take_away(attempt)

    async def _hide_secrets(self, attempt: AttemptId) -> None:
        log_path = self._service.logs.of(attempt.job_id).path
        await self._service.job_secrets.mask(attempt, log_path)

    async def _discarded(self, job: Job) -> None:
        """Wait until the attempt before this one, if there is any, is out of the way."""
        discard = self._tasks.get((job.job_id, Effect.DISCARD))
        if discard is not None:
            await asyncio.wait([discard])
        if job.attempt > 1:
            await self._intake.drain(job.job_id)

    async def _archive(self, job_id: str) -> None:
        while True:
            try:
                async with self._archiving:
                    return await self._archive_once(job_id)
            except StorageFull as error:
                log.warning("archive waits for space", job_id=job_id, problem=error.message)
                await asyncio.sleep(STORAGE_RETRY_SECONDS)

    async def _archive_once(self, job_id: str) -> None:
        detail = await self._service.job(job_id)
        record = detail.model_dump(mode="json")
        provenance = await self._service.provenance(job_id)
        finish = self._service.archives.finish
        await finish_in_thread(finish, job_id, detail.bundle, record, provenance)

    # -- tasks

    def _begin(self, job: Job, effect: Effect, verb: Callable[[Job], Awaitable[None]]) -> None:
        key = (job.job_id, effect)
        task = asyncio.create_task(self._guard(job, effect, verb), name=f"{effect} {job.job_id}")
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _guard(
        self, job: Job, effect: Effect, verb: Callable[[Job], Awaitable[None]]
    ) -> None:
        """Keep trouble with one job from the others; what is left undone, reconcile finds."""
        try:
            await verb(job)
        except EngineDown:
            self._engine_doubted.set()
        except (InvalidTransition, NotFound) as error:
            # The job moved on while this was under way, by a stop or a deletion.
            log.info("effect came too late", effect=effect, job_id=job.job_id, problem=str(error))
        except AtlasError as error:
            log.error("effect failed", effect=effect, job_id=job.job_id, problem=error.message)
        except Exception:
            log.exception("effect met a defect", effect=effect, job_id=job.job_id)
            if effect is Effect.START:
                await self._refuse_start(job)

    async def _refuse_start(self, job: Job) -> None:
        """End a job whose start met a defect, so that it does not hold its slot for ever."""
        reason = "the scheduler met a defect while starting it; its log has the details"
        await self._engine.stop(
            self._attempt(job.job_id, job.attempt), grace_seconds=self._stop_grace_seconds
        )
        await self._service.apply(job.job_id, StartRefused(self._clock_ms(), reason))

    def _is_busy(self, job: Job) -> bool:
        """Whether something is being done for the job that an outside look would meddle with."""
        under_way = self._effects_under_way(job.job_id)
        if job.state is JobState.STOPPING:
            # A watch lives through an outage of the engine; the stop did not, and must come again.
            under_way.discard(Effect.WATCH)
        return bool(under_way)

    def _effects_under_way(self, job_id: str) -> set[Effect]:
        return {effect for effect in Effect if (job_id, effect) in self._tasks}

    def _attempt(self, job_id: str, attempt: int) -> AttemptId:
        return AttemptId(self._service.instance, job_id, attempt)
