"""The HTTP side of the scheduler in memory; one module a noun, each with its routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from foundations.errors import NotFound, SchedulerError, TooMany
from tests.cli.fake_api import (
    access,
    beside,
    bundles,
    caches,
    files,
    jobs,
    logs,
    metrics,
    projects,
    queue,
    remarks,
    schedules,
    server,
    submissions,
)
from tests.cli.fake_api.replies import Route

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler

_ROUTES: list[Route] = [
    *access.ROUTES,
    *beside.ROUTES,
    *bundles.ROUTES,
    *caches.ROUTES,
    *files.ROUTES,
    *jobs.ROUTES,
    *logs.ROUTES,
    *metrics.ROUTES,
    *projects.ROUTES,
    *queue.ROUTES,
    *remarks.ROUTES,
    *schedules.ROUTES,
    *server.ROUTES,
    *submissions.ROUTES,
]


def answer(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    """Answer one request as the API says."""
    try:
        if scheduler.on_request is not None:
            scheduler.on_request(request)
        for method, pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, request.url.path.removeprefix("/api/v1"))
            if request.method == method and match is not None:
                return handle(scheduler, request, *match.groups())
        raise NotFound(f"No such route: {request.method} {request.url.path}")
    except SchedulerError as error:
        body = {"error": error.code, "message": error.message}
        headers = {}
        if isinstance(error, TooMany):
            headers["Retry-After"] = f"{error.retry_after_seconds:.0f}"
        return httpx.Response(error.status, json=body, headers=headers)
