"""Jobs and arrays that are submitted."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx

from foundations.errors import InvalidRequest, NotFound
from foundations.models import JobState, NewArray, Submission, SubmissionCheck, WireError
from foundations.provenance import Provenance
from tests.cli.fake_api.replies import Route, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _submit(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    submission = Submission.model_validate_json(request.read())
    if submission.bundle not in scheduler.bundles:
        raise NotFound(f"Bundle {submission.bundle} is not here. Upload it first.")
    key = request.headers.get("Idempotency-Key", str(uuid.uuid4()))
    holder = scheduler.holder(submission)
    if holder is not None and submission.unique and submission.unique.if_exists == "skip":
        return json_of(scheduler.accepted(holder, existed=True))
    if key not in scheduler.keys:
        scheduler.keys[key] = str(uuid.uuid4())
        job = scheduler.add(scheduler.keys[key], spec=submission.spec, bundle=submission.bundle)
        job.submission = submission
        job.priority = submission.spec.priority
        job.held_by = submission.spec.user if submission.hold else None
        job.provenance = Provenance(origin=submission.origin)
        if holder is not None:
            scheduler.move(holder, JobState.STOPPED, "StopRequested")
    job = scheduler.jobs[scheduler.keys[key]]
    answer = json_of(scheduler.accepted(job, replaced=holder and holder.job_id), status=201)
    if scheduler.run is not None:
        scheduler.run(scheduler, job)
    return answer


def _check(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    if not scheduler.knows_checks:
        text = f"POST is not possible on {request.url.path}."
        wire = WireError(error=InvalidRequest.code, message=text)
        return json_of(wire, status=405)
    scheduler.checked.append(SubmissionCheck.model_validate_json(request.read()))
    return httpx.Response(204)


def _submit_array(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewArray.model_validate_json(request.read())
    if wanted.submission.bundle not in scheduler.bundles:
        raise NotFound(f"Bundle {wanted.submission.bundle} is not here. Upload it first.")
    key = request.headers["Idempotency-Key"]
    if key not in scheduler.keys:
        scheduler.keys[key] = scheduler.add_array(wanted)
    return json_of(scheduler.array_view(scheduler.keys[key]), status=201)


def _array(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_of(scheduler.array_view(ref))


ROUTES: list[Route] = [
    ("POST", "/jobs", _submit),
    ("POST", "/jobs/check", _check),
    ("POST", "/arrays", _submit_array),
    ("GET", "/arrays/([^/]+)", _array),
]
