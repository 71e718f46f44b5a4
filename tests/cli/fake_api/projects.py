"""Projects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from foundations.errors import JobConflict, NotFound
from foundations.models import (
    FINAL_STATES,
    DeletedProject,
    ProjectView,
    RetentionView,
    SetRetention,
)
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def _projects(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_list(_project_views(scheduler))


def _project_views(scheduler: FakeScheduler, wanted: str | None = None) -> list[ProjectView]:
    names = dict.fromkeys(job.spec.project for job in scheduler.jobs.values())
    views = []
    for name in (name for name in names if wanted in (None, name)):
        states = [job.state for job in scheduler.jobs.values() if job.spec.project == name]
        counts = {state: states.count(state) for state in dict.fromkeys(states)}
        views.append(
            ProjectView(
                name=name,
                created_at=scheduler.begin,
                jobs=len(states),
                states=counts,
                last_submitted_at=scheduler.begin,
                description=scheduler.descriptions.get(name, ""),
                retention=scheduler.rules.get(name),
            )
        )
    return views


def _rename_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    new_name = json.loads(request.read())["new_name"]
    for job in _jobs_of(scheduler, name):
        job.spec = job.spec.model_copy(update={"project": new_name})
    (view,) = _project_views(scheduler, new_name)
    return json_of(view)


def _describe_project(
    scheduler: FakeScheduler, request: httpx.Request, name: str
) -> httpx.Response:
    _jobs_of(scheduler, name)
    scheduler.descriptions[name] = json.loads(request.read())["description"]
    (view,) = _project_views(scheduler, name)
    return json_of(view)


def _set_retention(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    _jobs_of(scheduler, name)
    rule = SetRetention.model_validate_json(request.read()).rule
    limited = rule is not None and (rule.keep_last or rule.keep_days)
    scheduler.rules[name] = RetentionView(**rule.model_dump()) if rule and limited else None
    (view,) = _project_views(scheduler, name)
    return json_of(view)


def _delete_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    jobs = _jobs_of(scheduler, name)
    if any(job.state not in FINAL_STATES for job in jobs):
        raise JobConflict(f"Project `{name}` has jobs that have not ended")
    for job in jobs:
        scheduler.deleted[job.job_id] = scheduler.jobs.pop(job.job_id)
    return json_of(DeletedProject(name=name, jobs=len(jobs)))


def _restore_project(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    back = [job for job in scheduler.deleted.values() if job.spec.project == name]
    if not back:
        raise NotFound(f"There is no deleted project `{name}` that can still be restored.")
    for job in back:
        scheduler.jobs[job.job_id] = scheduler.deleted.pop(job.job_id)
    return json_of(DeletedProject(name=name, jobs=len(back)))


def _jobs_of(scheduler: FakeScheduler, project: str) -> list[FakeJob]:
    found = [job for job in scheduler.jobs.values() if job.spec.project == project]
    if not found:
        raise NotFound(f"There is no project `{project}`.")
    return found


ROUTES: list[Route] = [
    ("POST", "/projects/([^/]+)/restore", _restore_project),
    ("GET", "/projects", _projects),
    ("POST", "/projects/([^/]+)/rename", _rename_project),
    ("PUT", "/projects/([^/]+)/description", _describe_project),
    ("PUT", "/projects/([^/]+)/retention", _set_retention),
    ("DELETE", "/projects/([^/]+)", _delete_project),
]
