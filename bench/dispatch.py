"""Figure 3: from the end of a job to the start of the next, without the engine's own time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from atlas_scheduler.app import working_service
from atlas_scheduler.service import Service
from atlas_scheduler.settings import ServerSettings
from atlas_scheduler.store.db import Database
from bench import rig
from bench.instant_engine import InstantEngine
from bench.measure import Figure, Plan, Result
from foundations.bundles import bundle
from foundations.home import Home

TARGET_MS = 20.0


def run(plan: Plan) -> Result:
    """Measure inside the scheduler with an engine that takes no time, then from outside."""
    inside = asyncio.run(_inside(plan.count(60, 20)))
    figures = [Figure("dispatch: end of a job to the next start call", inside, target=TARGET_MS)]
    figures += _outside("process", plan.count(30, 6), None, target=TARGET_MS)
    api = rig.docker_client()
    if api is not None:
        image = rig.find_image(api)
        api.close()
        if image is not None:
            figures += _outside("docker", plan.count(15, 3), image, target=None)
    notes = (
        "dispatch: `process ended to next claimed` goes by the times that the engine and the "
        "server noted, so it has the engine's own way of noticing an end in it; `news to news` is "
        "between two lines of the change feed as they reach a reader.",
    )
    return Result(figures, notes)


# -- inside


async def _inside(count: int) -> list[float]:
    """Run a full queue on the instant engine, one job at a time."""
    with rig.workspace() as root:
        engine = InstantEngine()
        async with _scheduler(Home(root / "home"), engine) as service:
            project = rig.make_project(root / "project")
            packed = await asyncio.to_thread(bundle.pack, project, root / "packed")
            await service.receive_bundle(packed.digest, _pieces(root / "packed"))
            for _ in range(count + 1):
                await service.submit(rig.true_job(packed.digest), idempotency_key=None)
            async with asyncio.timeout(rig.WAIT_SECONDS):
                async for _ in service.changes(0, follow=True):
                    if len(engine.ended) > count:
                        break
            pairs = zip(engine.ended, engine.started[1:], strict=False)
            return [(started - ended) * 1000 for ended, started in pairs]


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(path.read_bytes)


@asynccontextmanager
async def _scheduler(home: Home, engine: InstantEngine) -> AsyncIterator[Service]:
    """Run a scheduler as the server does, one job at a time, on an engine of ours."""
    home.create()
    database = await Database.open(home.database)
    try:
        settings = ServerSettings(max_running_jobs=1)
        async with working_service(home, settings, database, engine, "bench000") as service:
            yield service
    finally:
        await database.close()


# -- outside


def _outside(engine: str, count: int, image: str | None, *, target: float | None) -> list[Figure]:
    """Run a full queue on a real engine, and read the change feed."""
    with rig.workspace() as root, rig.server({"engine": engine}) as server:
        feed = rig.Feed(server)
        digest = rig.upload(server.client, rig.make_project(root / "project"), root / "packed")
        job_ids = [
            server.client.submit(rig.true_job(digest, image=image)).job_id for _ in range(count + 1)
        ]
        for job_id in job_ids:
            feed.wait_final(job_id)
        server.wait_archived(*job_ids)
        event = partial(_event, feed)
        pairs = [(event(one, "Exited"), event(other, "Claimed")) for one, other in _pairs(job_ids)]
    by_clock = [(next_.change.at - end.change.at).total_seconds() * 1000 for end, next_ in pairs]
    by_news = [(next_.at - end.at) * 1000 for end, next_ in pairs]
    return [
        Figure(f"dispatch, {engine}: process ended to next claimed", by_clock, target=target),
        Figure(f"dispatch, {engine}: news to news", by_news, target=TARGET_MS),
    ]


def _pairs(job_ids: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(job_ids))


def _event(feed: rig.Feed, job_id: str, event: str) -> rig.Arrival:
    return rig.named(feed.of_job(job_id), event)
