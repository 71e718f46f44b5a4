"""Logs, and the feed of what changes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from atlas_scheduler.core.time_index import TimeIndex
from atlas_scheduler.store.log_search import search_log
from atlas_scheduler.store.log_times import times_of
from foundations.models import FINAL_STATES, LogSearch, LogTimesRange
from tests.cli.fake_api.replies import Route

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def _logs(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    offset = int(request.url.params["offset"])
    start = offset if offset >= 0 else max(0, len(job.log) + offset)
    follow = request.url.params["follow"] == "true"
    headers = {"X-Job-Id": job.job_id, "X-Log-Offset": str(start)}
    pieces = _log(scheduler, job, start, follow=follow)
    if "length" in request.url.params:
        pieces = iter([b"".join(pieces)[: int(request.url.params["length"])]])
    return httpx.Response(200, headers=headers, content=pieces)


def _log(scheduler: FakeScheduler, job: FakeJob, offset: int, *, follow: bool) -> Iterator[bytes]:
    while True:
        with scheduler.news:
            while follow and len(job.log) <= offset and job.state not in FINAL_STATES:
                if scheduler.closed or not scheduler.news.wait(scheduler.patience_seconds):
                    return
            piece = job.log[offset:]
        if not piece:
            return
        offset += len(piece)
        yield piece


def _log_matches(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    with tempfile.NamedTemporaryFile() as file:
        file.write(job.log)
        file.flush()
        found = search_log(Path(file.name), LogSearch.model_validate(dict(request.url.params)))
    return httpx.Response(200, content=found.model_dump_json())


def _log_times(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    part = LogTimesRange.model_validate(dict(request.url.params))
    index = TimeIndex(100, job.log_marks)
    found = times_of(part, index, job_id=job.job_id, size_bytes=len(job.log))
    return httpx.Response(200, content=found.model_dump_json())


def _feed(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    params = request.url.params
    return httpx.Response(
        200,
        headers={"Content-Type": "text/event-stream"},
        content=_events(scheduler, request, int(params["since"]), params.get("job")),
    )


def _events(
    scheduler: FakeScheduler, request: httpx.Request, since: int, job_id: str | None
) -> Iterator[bytes]:
    silence_seconds = request.extensions["timeout"]["read"] or math.inf
    while True:
        with scheduler.news:
            while len(scheduler.changes) <= since:
                if scheduler.closed:
                    return
                if not scheduler.news.wait(min(silence_seconds, scheduler.patience_seconds)):
                    if silence_seconds < scheduler.patience_seconds:
                        raise httpx.ReadTimeout("no news in time", request=request)
                    return
            changes, since = scheduler.changes[since:], len(scheduler.changes)
        for change in changes:
            if job_id in (None, change.job_id):
                yield f"id: {change.seq}\ndata: {change.model_dump_json()}\n\n".encode()


ROUTES: list[Route] = [
    ("GET", "/jobs/([^/]+)/logs", _logs),
    ("GET", "/jobs/([^/]+)/logs/matches", _log_matches),
    ("GET", "/jobs/([^/]+)/logs/times", _log_times),
    ("GET", "/changes", _feed),
]
