"""Figure 12: a queue of ten thousand jobs, and how well a machine with GPUs is used."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.capacity import BACKFILL_MS, Capacity
from atlas_scheduler.core.events import Exited, Started
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Limits
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import choose_next
from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.queue import QueueLine
from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from bench.queue_trace import GPUS, Limited, make_trace
from foundations.bundles import bundle
from foundations.home import Home
from foundations.models import JobSpec, JobState, NewArray, QueueSettings, Submission
from tests.service.onlooker import Onlooker

QUEUED = 10_000
ACCEPT_TARGET_S = 3.0
DECISION_TARGET_MS = 5.0
TRACE_JOBS = 1_000
SEEDS = range(1, 7)
ARRAYS = 5
WAYS: dict[str, tuple[int, Limited]] = {
    "strict": (0, "none"),
    "no": (BACKFILL_MS, "none"),
    "every second": (BACKFILL_MS, "half"),
    "every": (BACKFILL_MS, "all"),
}
"""For how long jobs may be passed over, and which have a time limit."""


def run(plan: Plan) -> Result:
    """Fill a queue and let it decide, then let it work off a trace."""
    with rig.workspace() as root:
        figures = asyncio.run(_queue(root, plan))
    return Result(
        [
            *figures,
            _every_job_its_own_shape(plan),
            _every_job_its_own_limit(plan),
            *_trace_figures(plan),
        ]
    )


# -- ten thousand jobs


async def _queue(root: Path, plan: Plan) -> list[Figure]:
    accepted: list[float] = []
    async with _service(Home(root / "home")) as (database, service):
        began = time.process_time()
        with timed(accepted):
            await _submit(service, root)
        processor = time.process_time() - began
        figures = [
            Figure(
                f"queue: {QUEUED:,} jobs accepted, as {ARRAYS} arrays",
                [sample / 1000 for sample in accepted],
                unit="s",
                target=ACCEPT_TARGET_S,
            ),
            Figure("queue: processor time of that", [processor], unit="s"),
        ]
        figures += await _decisions(database, service, plan.count(40, 10))
        figures += await _questions(service, plan.count(20, 5))
    return figures


async def _decisions(database: Database, service: Service, count: int) -> list[Figure]:
    line, decisions, whole, claims = QueueLine(), list[float](), list[float](), list[float]()
    capacity = Capacity(4, GPUS)

    def decide(conn: sqlite3.Connection) -> None:
        with timed(decisions):
            found = choose_next(
                line.up_to_date(conn), jobs.holding(conn), capacity, now_ms=now_ms()
            )
        assert found.picks
        with timed(whole):
            jobs.queued(conn)

    await service.take_turn()
    await database.read(line.up_to_date)
    for _ in range(count):
        ended = (await service.holding())[0].job_id
        await service.apply(ended, Started(now_ms()))
        await service.apply(ended, Exited(now_ms(), exit_code=0, oom_killed=False))
        await database.read(decide)
        with timed(claims):
            await service.take_turn()
    return [
        Figure(
            f"queue: who is next of {QUEUED:,}, after a job ended",
            decisions,
            target=DECISION_TARGET_MS,
            peer=Peer("every waiting job read", whole),
        ),
        Figure("queue: the same with its commit", claims),
    ]


async def _questions(service: Service, count: int) -> list[Figure]:
    pages, first, up = list[float](), list[float](), list[float]()
    for _ in range(count):
        with timed(pages):
            page = await service.jobs(states=[JobState.QUEUED], limit=50)
    for job in page.jobs[:count]:
        with timed(first):
            await service.move([job.job_id], "first", None, by="bench")
    for job in page.jobs[:count]:
        with timed(up):
            await service.move([job.job_id], "down", None, by="bench")
    return [
        Figure("queue: a page of 50 that wait, with reasons, places and starts", pages),
        Figure("queue: a job moved to the front", first),
        Figure("queue: a job moved by one place", up),
    ]


def _every_job_its_own_shape(plan: Plan) -> Figure:
    """The worst case: no two jobs start under the same circumstances, and none can."""
    line = Line(
        Job(f"job-{number}", "bench", JobState.QUEUED, number, num_gpus=1, cpus=number)
        for number in range(1, QUEUED + 1)
    )
    running = [Job("all", "bench", JobState.RUNNING, 0, num_gpus=8, attempt=1, gpus=GPUS)]
    samples: list[float] = []
    for _ in range(plan.count(20, 5)):
        with timed(samples):
            choose_next(line, running, Capacity(9, GPUS), now_ms=now_ms())
    return Figure(f"queue: {QUEUED:,} jobs of as many shapes, none fits", samples)


def _every_job_its_own_limit(plan: Plan) -> Figure:
    """A GPU is kept that only short jobs may have: half of them, with the long ones before them."""
    at_ms = now_ms()
    reserved = Job("first", "other", JobState.QUEUED, 1, num_gpus=8, passed_over_at_ms=at_ms)
    jobs = [
        Job(
            f"job-{number}",
            "bench",
            JobState.QUEUED,
            number,
            num_gpus=1,
            limits=Limits(time_ms=(QUEUED - number) * 1_000),
        )
        for number in range(1, QUEUED + 1)
    ]
    running = Job(
        "most",
        "bench",
        JobState.RUNNING,
        0,
        num_gpus=7,
        attempt=1,
        gpus=GPUS[1:],
        started_at_ms=at_ms,
        limits=Limits(time_ms=QUEUED // 2 * 1_000),
    )
    line, samples = Line([reserved, *jobs]), list[float]()
    for _ in range(plan.count(20, 5)):
        with timed(samples):
            found = choose_next(line, [running], Capacity(9, GPUS), now_ms=at_ms)
        assert found.picks
    return Figure(
        f"queue: who of {QUEUED:,} is short enough for a GPU that is kept, 5,000 are",
        samples,
        target=DECISION_TARGET_MS,
    )


async def _submit(service: Service, root: Path) -> None:
    """Submit arrays of five projects that are ten thousand jobs together."""
    packed = bundle.pack(rig.make_project(root / "project"), root / "packed")

    async def pieces() -> AsyncIterator[bytes]:
        yield await asyncio.to_thread((root / "packed").read_bytes)

    await service.receive_bundle(packed.digest, pieces())
    for number in range(ARRAYS):
        spec = JobSpec(
            project=f"project-{number}",
            user=f"user-{number % 3}",
            num_gpus=number % 3,
            entrypoint=("true",),
        )
        wanted = NewArray(
            submission=Submission(spec=spec, bundle=packed.digest),
            indices=f"0-{QUEUED // ARRAYS - 1}",
        )
        await service.submit_array(wanted, idempotency_key=None)


@asynccontextmanager
async def _service(home: Home) -> AsyncIterator[tuple[Database, Service]]:
    home.create()
    engine = EngineState(name="bench", problem=None)
    engine.capabilities = Capabilities("bench", "1", isolated=False, gpus=GPUS)
    async with await Database.open(home.database) as database:
        service = Service(
            database=database,
            home=home,
            instance="bench000",
            queue=QueueSettings(max_running_jobs=4),
            engine=engine,
            clock_ms=now_ms,
        )
        service.shell = Onlooker()
        service.bundles.sweep()
        try:
            yield database, service
        finally:
            await service.close()
            service.bundles.close()


# -- the trace


def _trace_figures(plan: Plan) -> list[Figure]:
    """Use of the GPUs, and how long jobs wait, in traces of several seeds."""
    used: dict[str, list[float]] = {name: [] for name in WAYS}
    waits: dict[str, list[float]] = {name: [] for name in WAYS}
    for seed in list(SEEDS)[: plan.count(len(SEEDS), 2)]:
        trace = make_trace(TRACE_JOBS, seed=seed)
        for name, (backfill_ms, limited) in WAYS.items():
            played = trace.played(backfill_ms=backfill_ms, limited=limited)
            used[name].append(trace.utilisation(played))
            waits[name].append(statistics.fmean(trace.waits_minutes(played)) / 60)
    figures = []
    for name in ("no", "every second", "every"):
        figures += [
            Figure(
                f"queue: GPU time used on the trace, {name} job with a time limit",
                used[name],
                unit="%",
                at_least=True,
                peer=Peer("a strict queue", used["strict"]),
            ),
            Figure(
                f"queue: mean wait on the trace, {name} job with a time limit",
                waits[name],
                unit="h",
                peer=Peer("a strict queue", waits["strict"]),
            ),
        ]
    return figures
