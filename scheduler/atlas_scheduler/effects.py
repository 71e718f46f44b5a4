"""Performs the effects of transitions: one task a job and effect, each of which may be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import structlog

from atlas_scheduler.archiving import Archiving
from atlas_scheduler.attempt_files import make_attempt_files
from atlas_scheduler.core.events import Event, Exited, Gone, Started, StartRefused
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect, InvalidTransition
from atlas_scheduler.core.reconcile import observe
from atlas_scheduler.engine.port import AttemptId, Engine, Launch, StartRefusedError
from atlas_scheduler.intake import Intake
from atlas_scheduler.launch import plan_launch
from atlas_scheduler.local_runs import LocalRuns
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.service import Service
from atlas_scheduler.store.threads import finish_in_thread
from foundations.errors import AtlasError, EngineDown, NotFound, StorageFull
from foundations.models import JobState

CLOSE_SECONDS = 3.0
"""Longest that the end of the server waits for files that are made or kept."""

log = structlog.get_logger(__name__)


class Effects:
    """What is under way for each job. Asking for what is under way already does nothing."""

    def __init__(  # noqa: PLR0913 - the parts it works with, one each
        self,
        *,
        service: Service,
        engine: Engine,
        intake: Intake,
        sampler: Sampler,
        local_runs: LocalRuns,
        library_dir: Callable[[], Path],
        clock_ms: Callable[[], int],
        stop_grace_seconds: float,
        on_silence: Callable[[], None],
    ) -> None:
        """Begin with nothing; `on_silence` is called when the engine did not answer."""
        self._service = service
        self._engine = engine
        self._intake = intake
        self._sampler = sampler
        self._local_runs = local_runs
        self._library_dir = library_dir
        self._clock_ms = clock_ms
        self._stop_grace_seconds = stop_grace_seconds
        self._on_silence = on_silence
        self._tasks: dict[tuple[str, Effect], asyncio.Task[None]] = {}
        self._preparing: set[str] = set()
        self._archiving = Archiving(service)

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

    async def warm_up(self) -> None:
        """Do now what the first job would wait for otherwise."""
        try:
            await finish_in_thread(self._library_dir)
        except OSError as error:  # the first job tries again, and ends with it
            log.warning("the library of jobs cannot be laid out", problem=str(error))

    async def settle(self, job_id: str) -> None:
        """Wait until nothing is being done for a final job any more."""
        # Many may be asked about while thousands are under way: none looks at all of these.
        while doing := self.under_way(job_id):
            await asyncio.wait([self._tasks[job_id, effect] for effect in doing])

    async def close(self) -> None:
        """Break off all that is under way; the next start of the server takes it up.

        So it does what a disk keeps busy for long: a large directory, or one that hangs.
        """
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            if left:
                names = sorted(task.get_name() for task in left)
                log.warning("the next start takes up what is under way", effects=names)

    def is_busy(self, job: Job) -> bool:
        """Whether something is being done for the job that an outside look would meddle with."""
        under_way = self.under_way(job.job_id)
        if job.state is JobState.STOPPING:
            # A watch lives through an outage of the engine; the stop did not, and must come again.
            under_way.discard(Effect.WATCH)
        return bool(under_way)

    def under_way(self, job_id: str) -> set[Effect]:
        """What is being done for a job."""
        return {effect for effect in Effect if (job_id, effect) in self._tasks}

    def attempt(self, job_id: str, attempt: int) -> AttemptId:
        """Name an attempt to the engine."""
        return AttemptId(self._service.instance, job_id, attempt)

    # -- verbs

    async def _start(self, job: Job) -> None:
        job_log = self._service.logs.of(job.job_id)
        try:
            launch = await self._make_ready(job)
            started_at_ms = await self._engine.start(launch)
        except (StartRefusedError, StorageFull) as error:
            line = error.log_line if isinstance(error, StartRefusedError) else str(error)
            await asyncio.to_thread(job_log.say, f"Foundations ERROR: {line}")
            await self._service.apply(job.job_id, StartRefused(self._clock_ms(), str(error)))
            return
        await self._service.apply(job.job_id, Started(started_at_ms))

    async def _make_ready(self, job: Job) -> Launch:
        """Do the part of a start that may take long, and that a stop may cut short."""
        self._preparing.add(job.job_id)
        try:
            await self._discarded(job)
            stored, library_dir = await asyncio.gather(
                self._service.load(job.job_id), finish_in_thread(self._library_dir)
            )
            launch = plan_launch(
                stored,
                attempt=self.attempt(job.job_id, job.attempt),
                home=self._service.home,
                library_dir=library_dir,
            )
            launch = await self._service.job_secrets.lay_out(stored, launch)
            job_log = self._service.logs.of(job.job_id)
            if job.attempt > 1:
                said = f"Foundations INFO: {stored.job.retry_words}"
                await asyncio.to_thread(job_log.begin_attempt, job.attempt, said)
            await _both(
                self._engine.fetch_image(launch, job_log),
                make_attempt_files(stored, launch, bundles=self._service.bundles),
            )
            await self._engine.prepare(launch, job_log)
            return launch
        finally:
            self._preparing.discard(job.job_id)

    async def _watch(self, job: Job) -> None:
        ended = asyncio.Event()
        tail = asyncio.create_task(self._intake.tail(job.job_id, ended=ended))
        try:
            event = await (self._local_runs.end(job) if job.is_local else self._end(job))
            ended.set()
            await tail
        finally:
            tail.cancel()
            await asyncio.gather(tail, return_exceptions=True)
        await self._service.apply(job.job_id, event)

    async def _end(self, job: Job) -> Event:
        """Collect the output of an attempt, and note what it runs on; return how it ended."""
        attempt = self.attempt(job.job_id, job.attempt)
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
        return Exited(
            ended.at_ms,
            exit_code=ended.exit_code,
            oom_killed=ended.oom_killed,
            started_at_ms=ended.started_at_ms,
        )

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
        attempt = self.attempt(job.job_id, job.attempt)
        await self._engine.stop(attempt, grace_seconds=self._stop_grace_seconds)
        if (job.job_id, Effect.WATCH) not in self._tasks:
            seen = [one for one in await self._engine.observe() if one.job_id == job.job_id]
            for job_id, event in observe([job], seen, now_ms=self._clock_ms()):
                await self._service.apply(job_id, event)

    async def _finish(self, job: Job) -> None:
        attempt = self.attempt(job.job_id, job.attempt)
        if job.attempt:
            await self._intake.drain(job.job_id)
        await self._hide_secrets(attempt)
        await self._archiving.complete(job.job_id)
        await self._service.mark_archived(job.job_id)
        if job.attempt and not job.is_local:
            await self._engine.remove(attempt)
        await self._service.job_secrets.take_away(attempt)

    async def _discard(self, job: Job) -> None:
        attempt = self.attempt(job.job_id, job.attempt)
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
            self._on_silence()
        except (InvalidTransition, NotFound) as error:
            # The job moved on while this was under way, by a stop or a deletion.
            log.info("effect came too late", effect=effect, job_id=job.job_id, problem=str(error))
        except AtlasError as error:
            log.error("effect failed", effect=effect, job_id=job.job_id, problem=error.message)
        except Exception as error:
            log.exception("effect met a defect", effect=effect, job_id=job.job_id)
            if effect is Effect.START:
                await self._refuse_start(job, error)

    async def _refuse_start(self, job: Job, error: Exception) -> None:
        """End a job whose start met a defect, so that it does not hold its slot for ever."""
        reason = "the scheduler met a defect while starting it; its log has the details"
        if isinstance(error, OSError):
            reason = f"the scheduler cannot use its files: {error}"
        attempt = self.attempt(job.job_id, job.attempt)
        await self._engine.stop(attempt, grace_seconds=self._stop_grace_seconds)
        await self._service.apply(job.job_id, StartRefused(self._clock_ms(), reason))


async def _both(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Do two things side by side; where one fails, the other is broken off before this raises."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(one)
            group.create_task(other)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
