"""Jobs: found, looked at, stopped, deleted and restored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from atlas_scheduler.core.filters import FilterError, parse
from atlas_scheduler.core.filters.fields import BuiltIn
from foundations.errors import InvalidRequest, JobConflict, NotFound, SchedulerError
from foundations.models import FINAL_STATES, JobPage, JobsStopped, JobState, SourceDiff, StopRefusal
from tests.cli.fake_api.replies import Route, json_of
from tests.store import naive_filter

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def _list(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    params = request.url.params
    states = params.get_list("state")
    found = [
        job
        for job in filtered(list(scheduler.jobs.values()), params.get("filter", ""))
        if params.get("project") in (None, job.spec.project) and (not states or job.state in states)
    ]
    by_place = "offset" in params
    start = int(params["offset"] if by_place else params.get("cursor", "0"))
    end = start + int(params["limit"])
    views = [scheduler.view(job) for job in found[start:end]]
    if by_place:
        return json_of(JobPage(jobs=views, total=len(found)))
    return json_of(JobPage(jobs=views, next_cursor=str(end) if end < len(found) else None))


def filtered(jobs: list[FakeJob], text: str) -> list[FakeJob]:
    try:
        query = parse(text)
    except FilterError as error:
        raise InvalidRequest(str(error)) from error
    plain = [
        naive_filter.Job(
            number,
            {
                BuiltIn.ID: job.job_id,
                BuiltIn.STATE: job.state,
                BuiltIn.PROJECT: job.spec.project,
                BuiltIn.ARRAY: None if job.array is None else job.array.array_id,
                BuiltIn.ARRAY_INDEX: None if job.array is None else job.array.index,
                BuiltIn.SCHEDULE: job.schedule_id,
            },
            parameters=job.parameters,
            metrics=job.metrics,
            tags=job.spec.tags,
        )
        for number, job in enumerate(jobs)
    ]
    return [jobs[number] for number in naive_filter.search(plain, query, now_ms=0)]


def _job(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.detail(scheduler.resolve(ref)))


def _provenance(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.resolve(ref).provenance)


def _source_diff(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, other: str
) -> httpx.Response:
    pair = scheduler.resolve(ref).job_id, scheduler.resolve(other).job_id
    return json_of(SourceDiff(job_id=pair[0], other_id=pair[1], files=scheduler.file_diffs))


def _stop(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state in FINAL_STATES:
        raise JobConflict(f"Job `{job.job_id}` is {job.state} and cannot be stopped")
    job.reason = "stopped by someone"
    if job.state is JobState.QUEUED:
        scheduler.move(job, JobState.STOPPED, "StopRequested")
    else:
        scheduler.move(job, JobState.STOPPING, "StopRequested")
        answer = json_of(scheduler.view(job), status=202)
        if job.local_run and job.local_run.interactive:
            return answer  # a session goes on
        scheduler.move(job, JobState.STOPPED, "Exited")
        return answer
    return json_of(scheduler.view(job), status=202)


def _stop_jobs(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.read())
    jobs = list(scheduler.jobs.values())
    if "filter" in asked:
        taken = [job for job in filtered(jobs, asked["filter"]) if job.state not in FINAL_STATES]
        refs = [job.job_id for job in taken]
        if len(refs) > asked.get("at_most", len(refs)):
            raise JobConflict(f"The filter takes {len(refs)} jobs by now. None was stopped.")
    else:
        refs = asked["jobs"]
    answer = JobsStopped(stopped=[], stopping=[])
    for ref in refs:
        try:
            waits = scheduler.resolve(ref).state is JobState.QUEUED
            _stop(scheduler, request, ref)
        except SchedulerError as error:
            refusal = StopRefusal(job=ref, error=error.code, message=error.message)
            answer.refused.append(refusal)
        else:
            (answer.stopped if waits else answer.stopping).append(ref)
    return json_of(answer)


def _delete(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state not in FINAL_STATES:
        raise JobConflict(f"Job `{job.job_id}` has not ended")
    scheduler.deleted[job.job_id] = scheduler.jobs.pop(job.job_id)
    return httpx.Response(204)


def _restore(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    if ref not in scheduler.deleted:
        if ref in scheduler.jobs:
            raise JobConflict(f"Job `{ref}` is not deleted.")
        raise NotFound("A deletion can be undone for 10 s.")
    scheduler.jobs[ref] = scheduler.deleted.pop(ref)
    return json_of(scheduler.view(scheduler.jobs[ref]))


ROUTES: list[Route] = [
    ("GET", "/jobs", _list),
    ("GET", "/jobs/([^/]+)", _job),
    ("GET", "/jobs/([^/]+)/provenance", _provenance),
    ("POST", "/jobs/stop", _stop_jobs),
    ("POST", "/jobs/([^/]+)/stop", _stop),
    ("DELETE", "/jobs/([^/]+)", _delete),
    ("GET", "/jobs/([^/]+)/diff/([^/]+)", _source_diff),
    ("POST", "/jobs/([^/]+)/restore", _restore),
]
