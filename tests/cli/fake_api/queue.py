"""The queue: its settings, its order, and what it holds back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.moves import reorder
from foundations.errors import JobConflict
from foundations.models import Cleared, JobState, MoveJobs, PauseView, QueueView
from tests.cli.fake_api.jobs import filtered
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def _queue(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(queue_view(scheduler))


def queue_view(scheduler: FakeScheduler) -> QueueView:
    pauses = [PauseView(by="ada", at=scheduler.begin, project=one) for one in scheduler.paused]
    return QueueView(
        max_running_jobs=scheduler.max_running_jobs,
        **scheduler.queue_settings,
        paused=next((one for one in pauses if one.project is None), None),
        paused_projects=[one for one in pauses if one.project is not None],
    )


def _set_queue(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    scheduler.max_running_jobs = asked.pop("max_running_jobs", scheduler.max_running_jobs)
    scheduler.queue_settings |= asked
    return _queue(scheduler, request)


def _pause(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    scheduler.paused[json.loads(request.read())["project"]] = None
    return _queue(scheduler, request)


def _resume(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    scheduler.paused.pop(json.loads(request.read())["project"], None)
    return _queue(scheduler, request)


def _clear(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    project = asked["project"]
    removed = []
    for job in filtered(list(scheduler.jobs.values()), asked.get("filter", "")):
        if job.state is JobState.QUEUED and project in (None, job.spec.project):
            scheduler.move(job, JobState.STOPPED, "StopRequested")
            removed.append(job.job_id)
    return json_of(Cleared(removed=len(removed), job_ids=removed))


def _move(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = MoveJobs.model_validate_json(request.read())
    moved = [_waiting(scheduler, ref).job_id for ref in wanted.jobs]
    other = None if wanted.other is None else scheduler.resolve(wanted.other).job_id
    queued = [
        Job(job.job_id, job.spec.project, job.state, place)
        for place, job in enumerate(scheduler.jobs.values())
        if job.state is JobState.QUEUED
    ]
    orders = reorder(queued, moved, wanted.place, other)
    line = sorted(queued, key=lambda job: orders.get(job.job_id, job.order))
    in_line = {job.job_id: scheduler.jobs[job.job_id] for job in line}
    scheduler.jobs = {**in_line, **{k: v for k, v in scheduler.jobs.items() if k not in in_line}}
    return json_list([scheduler.view(scheduler.jobs[job_id]) for job_id in moved])


def _priority(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.priority = json.loads(request.read())["priority"]
    return json_of(scheduler.view(job))


def _hold(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.held_by = "ada"
    return json_of(scheduler.view(job))


def _release(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = _waiting(scheduler, ref)
    job.held_by = None
    return json_of(scheduler.view(job))


def _waiting(scheduler: FakeScheduler, ref: str) -> FakeJob:
    job = scheduler.resolve(ref)
    if job.state is not JobState.QUEUED:
        raise JobConflict(f"Job `{job.job_id}` is {job.state} and does not wait.")
    return job


ROUTES: list[Route] = [
    ("GET", "/queue", _queue),
    ("PUT", "/queue", _set_queue),
    ("POST", "/queue/clear", _clear),
    ("POST", "/queue/pause", _pause),
    ("POST", "/queue/resume", _resume),
    ("POST", "/queue/move", _move),
    ("PUT", "/jobs/([^/]+)/priority", _priority),
    ("POST", "/jobs/([^/]+)/hold", _hold),
    ("POST", "/jobs/([^/]+)/release", _release),
]
