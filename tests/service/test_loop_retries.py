"""Attempts follow each other in the loop: one at a time, and nothing of them is left."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.core.reconcile import Seen, SeenStatus
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.engine.port import AttemptId, Capabilities, Ended, JobLog, Launch
from atlas_scheduler.intake import Intake
from atlas_scheduler.loop import Loop
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.bundles.bundle import pack
from foundations.errors import EngineDown, JobConflict
from foundations.models import JobSpec, JobState, JobView, NewQueueSettings, Submission
from foundations.provenance import Execution

pytestmark = pytest.mark.anyio

DEADLINE_SECONDS = 20


class FakeEngine:
    """Attempts that end when the test says so, and removals that can be kept waiting or fail."""

    name = "process"

    def __init__(self) -> None:
        self.live: dict[AttemptId, asyncio.Future[int]] = {}
        self.ended: set[AttemptId] = set()
        self.calls: list[tuple[str, int]] = []
        self.may_remove = asyncio.Event()
        self.may_remove.set()
        self.failing_removals = 0
        self.removed = asyncio.Event()

    async def capabilities(self) -> Capabilities:
        return Capabilities(name=self.name, version="1", isolated=False)

    async def fetch_image(self, launch: Launch, log: JobLog) -> None:
        log.say("The image is here.")

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        log.begin_output()

    async def start(self, launch: Launch) -> int:
        self.calls.append(("start", launch.attempt.attempt))
        self.live.setdefault(launch.attempt, asyncio.get_running_loop().create_future())
        return 1

    async def execution(self, attempt: AttemptId, *, gpus: Sequence[str]) -> Execution | None:
        return None

    async def observe(self) -> list[Seen]:
        found = dict.fromkeys(self.ended, SeenStatus.EXITED)
        found |= dict.fromkeys(self.live, SeenStatus.RUNNING)
        return [
            Seen(one.name, one.job_id, one.attempt, status, started_at_ms=1)
            for one, status in found.items()
        ]

    async def watch(self, attempt: AttemptId, log: JobLog) -> Ended:
        exit_code = await asyncio.shield(self.live[attempt])
        del self.live[attempt]
        self.ended.add(attempt)
        return Ended(at_ms=2, exit_code=exit_code)

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        return {}

    async def execute(self, attempt: AttemptId, plan: ExecPlan) -> ExecSession:
        raise JobConflict("nothing runs beside these attempts")

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        raise JobConflict("nothing listens in these attempts")

    async def stop(self, attempt: AttemptId, *, grace_seconds: float) -> None:
        self.calls.append(("stop", attempt.attempt))
        if attempt in self.live:
            self.live[attempt].set_result(143)

    async def remove(self, attempt: AttemptId) -> None:
        await self.may_remove.wait()
        if self.failing_removals:
            self.failing_removals -= 1
            raise EngineDown("no answer")
        self.calls.append(("remove", attempt.attempt))
        self.ended.discard(attempt)
        self.removed.set()

    async def close(self) -> None:
        pass

    def end(self, exit_code: int) -> None:
        """Let the attempt that was started last end."""
        list(self.live.values())[-1].set_result(exit_code)

    async def is_empty(self) -> None:
        """Wait until nothing that ended is left."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.ended:
                self.removed.clear()
                await self.removed.wait()


@asynccontextmanager
async def looping(service: Service, database: Database, engine: FakeEngine) -> AsyncIterator[None]:
    """Let a loop run on an engine, with the clock of the service, as the server has it."""
    clock = service._clock_ms
    sampler = Sampler(
        database=database,
        engine=engine,
        gpus=service.machine.gpus,
        clock_ms=clock,
        shortest_seconds=0,
    )
    loop = Loop(
        service=service,
        engine=engine,
        intake=Intake(database, service.home),
        sampler=sampler,
        library_dir=lambda: service.home.root / "lib",
        clock_ms=clock,
        stop_grace_seconds=0,
    )
    service.shell = loop
    running = asyncio.create_task(loop.run())
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def engine(service: Service, database: Database) -> AsyncIterator[FakeEngine]:
    """An engine with a loop that runs on it."""
    engine = FakeEngine()
    async with looping(service, database, engine):
        yield engine


async def submit(service: Service, tmp_path: Path, **spec: Any) -> str:
    project, path = tmp_path / "project", tmp_path / f"{uuid.uuid4()}.tar.gz"
    project.mkdir(exist_ok=True)
    (project / "main.py").write_text("")
    packed = pack(project, path)

    async def stream() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    await service.receive_bundle(packed.digest, stream())
    made = JobSpec.model_validate({"project": "p", "retry_delay_seconds": 0, **spec})
    submission = Submission(spec=made, bundle=packed.digest)
    return (await service.submit(submission, idempotency_key=None)).job_id


async def reached(service: Service, job_id: str, state: JobState, *, attempt: int) -> JobView:
    async with asyncio.timeout(DEADLINE_SECONDS), aclosing(service.changes(0, follow=True)) as news:
        async for _ in news:
            view = await service.view(job_id)
            if (view.state, view.attempt) == (state, attempt):
                return view
    raise AssertionError("the feed ended")


async def test_an_attempt_starts_only_when_the_one_before_it_is_removed(
    service: Service, engine: FakeEngine, tmp_path: Path
) -> None:
    job_id = await submit(service, tmp_path, retries={"exit": 1})
    await reached(service, job_id, JobState.RUNNING, attempt=1)
    engine.may_remove.clear()
    engine.end(1)
    await reached(service, job_id, JobState.STARTING, attempt=2)
    assert engine.calls == [("start", 1)]
    engine.may_remove.set()
    await reached(service, job_id, JobState.RUNNING, attempt=2)
    assert engine.calls == [("start", 1), ("remove", 1), ("start", 2)]
    engine.end(0)
    await reached(service, job_id, JobState.COMPLETED, attempt=2)
    await engine.is_empty()
    assert engine.calls[3:] == [("remove", 2)]


async def test_what_could_not_be_removed_goes_while_the_next_attempt_runs(
    service: Service, engine: FakeEngine, tmp_path: Path
) -> None:
    await service.set_queue_settings(NewQueueSettings(max_running_jobs=2), by="ada")
    job_id = await submit(service, tmp_path, retries={"exit": 1})
    await reached(service, job_id, JobState.RUNNING, attempt=1)
    engine.end(1)
    await reached(service, job_id, JobState.RUNNING, attempt=2)
    engine.ended.add(AttemptId(service.instance, job_id, 1))  # as after a removal that failed
    other_id = await submit(service, tmp_path)
    await reached(service, other_id, JobState.RUNNING, attempt=1)
    engine.failing_removals = 1
    engine.end(0)
    await reached(service, other_id, JobState.COMPLETED, attempt=1)
    await engine.is_empty()
    assert (await service.view(job_id)).state is JobState.RUNNING
    assert not any(call == "stop" for call, _ in engine.calls)


async def test_a_job_that_is_stopped_while_its_next_attempt_waits_never_runs_again(
    service: Service, engine: FakeEngine, tmp_path: Path
) -> None:
    job_id = await submit(service, tmp_path, retries={"exit": 1})
    await reached(service, job_id, JobState.RUNNING, attempt=1)
    engine.may_remove.clear()
    engine.end(1)
    await reached(service, job_id, JobState.STARTING, attempt=2)
    await service.stop(job_id, by="ada")
    engine.may_remove.set()
    await reached(service, job_id, JobState.STOPPED, attempt=2)
    assert ("start", 2) not in engine.calls


async def test_a_job_that_runs_again_after_its_end_is_watched_for_its_time_anew(
    service: Service, engine: FakeEngine, tmp_path: Path
) -> None:
    job_id = await submit(service, tmp_path, retries={"exit": 1}, time_limit_seconds=10**6)
    await reached(service, job_id, JobState.RUNNING, attempt=1)
    engine.end(1)
    view = await reached(service, job_id, JobState.RUNNING, attempt=2)
    assert view.reason is None
    log = (service.home.archive(job_id) / "job.log").read_text()
    assert log.splitlines() == [
        "The image is here.",
        "Foundations INFO: Attempt 2: retry 1 of 1, because its program failed",
        "The image is here.",
    ]
    engine.end(5)
    view = await reached(service, job_id, JobState.FAILED, attempt=2)
    assert view.reason == "exit code 5"
