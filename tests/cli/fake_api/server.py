"""The scheduler itself: its health, host, disk and measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from foundations.models import API_VERSION, HOLDING_STATES, EngineView, ReadinessView, SchedulerInfo
from tests.cli.fake_api.queue import queue_view
from tests.cli.fake_api.replies import Route, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _health(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"status": "ok"})


def _info(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    states = [job.state for job in scheduler.jobs.values()]
    engine = EngineView(
        name="docker",
        version="27.0",
        isolated=True,
        available=scheduler.engine_problem is None,
        problem=scheduler.engine_problem,
    )
    return json_of(
        SchedulerInfo(
            version="0.1.0",
            api_version=API_VERSION,
            instance="00c0ffee",
            pid=4711,
            home="/home/someone/.foundations",
            engine=engine,
            queue=queue_view(scheduler),
            states={state: states.count(state) for state in set(states)},
            slots_taken=sum(state in HOLDING_STATES for state in states),
            delete_grace_seconds=10,
            storage=scheduler.storage,
        )
    )


def _host(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(scheduler.host)


def _disk(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(scheduler.disk)


def _readiness(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    found = ReadinessView(ready=scheduler.is_ready, database=scheduler.is_ready, engine=False)
    return json_of(found, status=200 if found.ready else 503)


def _measurements(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="atlas_jobs 1.0\n")


ROUTES: list[Route] = [
    ("GET", "/health", _health),
    ("GET", "/info", _info),
    ("GET", "/host", _host),
    ("GET", "/disk", _disk),
    ("GET", "/healthz", _readiness),
    ("GET", "/metrics", _measurements),
]
