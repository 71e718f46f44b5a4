"""Routes about jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from atlas_scheduler.api.admission import require
from atlas_scheduler.api.context import Ref, acts_only_for, caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.signing import (
    bounds_of,
    idempotency_header,
    require_priority,
    signed,
    signed_key,
)
from atlas_scheduler.core.access import Thing
from atlas_scheduler.store.search_cursor import LONGEST_CURSOR
from foundations.errors import (
    AmbiguousJob,
    Forbidden,
    InvalidRequest,
    JobConflict,
    NotFound,
    SchedulerError,
    StorageFull,
    TooLarge,
    TooMany,
)
from foundations.models import (
    Accepted,
    JobDetail,
    JobPage,
    JobsStopped,
    JobState,
    JobView,
    NewPriority,
    SourceDiff,
    StopJobs,
    Submission,
    SubmissionCheck,
)
from foundations.provenance import Provenance
from foundations.stop_refusals import refused

LARGEST_PAGE = 1000
LARGEST_OFFSET = 2**53

router = APIRouter(tags=["jobs"])


@router.post(
    "/jobs",
    operation_id="submit",
    summary="Submit a job",
    status_code=201,
    responses={
        200: {"model": Accepted, "description": "The job that has the unique key already."},
        **answers(InvalidRequest, NotFound, AmbiguousJob, StorageFull),
    },
)
async def submit(
    request: Request,
    response: Response,
    submission: Submission,
    idempotency_key: Annotated[str | None, idempotency_header("job")] = None,
) -> Accepted:
    """Its bundle must be here already. The job is durable when this answers."""
    accepted = await service_of(request).submit(
        await signed(request, submission),
        idempotency_key=signed_key(request, idempotency_key),
        bounds=bounds_of(request),
    )
    if accepted.existed:
        response.status_code = 200
    return accepted


@router.post(
    "/jobs/check",
    operation_id="check_submission",
    summary="Ask whether a submission would be accepted",
    status_code=204,
    response_class=Response,
    responses=answers(
        InvalidRequest, Forbidden, NotFound, AmbiguousJob, TooLarge, TooMany, StorageFull
    ),
)
async def check_submission(request: Request, wanted: SubmissionCheck) -> Response:
    """Before its bundle is sent: what would be refused then is refused with the same words now."""
    plan = await signed(request, wanted.plan)
    await service_of(request).check_submission(
        wanted.model_copy(update={"plan": plan}), bounds=bounds_of(request)
    )
    return Response(status_code=204)


@dataclass(frozen=True, slots=True)
class _Part:
    """Which part of a list."""

    limit: int
    cursor: str | None
    offset: int | None


async def _part(
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Most jobs of a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            description="`next_cursor` of the page before, of the same filter.",
            max_length=LONGEST_CURSOR,
        ),
    ] = None,
    offset: Annotated[
        int | None,
        Query(
            ge=0,
            le=LARGEST_OFFSET,
            description="Begin at this place of the list, from 0, in place of a cursor. Places "
            "move when jobs come and go; following cursors misses none.",
        ),
    ] = None,
) -> _Part:
    """Read which part is wanted; not the class itself, which FastAPI would call in a thread."""
    return _Part(limit, cursor, offset)


@router.get("/jobs", operation_id="jobs", summary="List jobs", responses=answers(InvalidRequest))
async def jobs(
    request: Request,
    part: Annotated[_Part, Depends(_part)],
    project: Annotated[str | None, Query(description="Only jobs of this project.")] = None,
    state: Annotated[
        list[JobState] | None, Query(description="Only jobs in this state; may be repeated.")
    ] = None,
    filter: Annotated[
        str | None,
        Query(
            description="Only jobs that it takes, in the order it says: `status:failed or "
            "metric.val_acc > 0.9 sort:-metric.val_acc` (docs/filters.md)."
        ),
    ] = None,
) -> JobPage:
    """One page, newest first unless the filter says otherwise."""
    return await service_of(request).jobs(
        project=project,
        states=state,
        filter=filter,
        limit=part.limit,
        cursor=part.cursor,
        offset=part.offset,
        user=sees_only(request),
    )


_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)


@router.get("/jobs/{ref}", operation_id="job", summary="Show a job", responses=_ONE)
async def job(request: Request, ref: Ref) -> JobDetail:
    """Everything that is known of one job."""
    return await service_of(request).job(ref)


@router.get(
    "/jobs/{ref}/provenance",
    operation_id="provenance",
    summary="Show where a job comes from",
    responses=_ONE,
)
async def provenance(request: Request, ref: Ref) -> Provenance:
    """As in the job itself, and with the diff of what was not committed."""
    return await service_of(request).provenance(ref)


@router.post(
    "/jobs/{ref}/stop",
    operation_id="stop",
    summary="Stop a job",
    status_code=202,
    responses=answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict),
)
async def stop(request: Request, ref: Ref) -> JobView:
    """A job that waits is stopped at once; one that runs is asked to end, then made to."""
    return await service_of(request).stop(ref, by=caller(request).user)


@router.post(
    "/jobs/stop",
    operation_id="stop_jobs",
    summary="Stop several jobs",
    responses=answers(InvalidRequest, JobConflict),
)
async def stop_jobs(request: Request, which: StopJobs) -> JobsStopped:
    """Those that are named, each of which is tried, or all that a filter takes and that wait,
    start or run: of who is no admin only their own. In one step: none of them starts meanwhile."""
    allowed, refusals = [], []
    for ref in which.jobs:
        try:
            allowed.append(await require(request, Thing.JOB, ref, acts=True))
        except SchedulerError as error:
            refusals.append(refused(ref, error))
    if refusals and not allowed:
        return JobsStopped(stopped=[], stopping=[], refused=refusals)
    done = await service_of(request).stop_jobs(
        which.model_copy(update={"jobs": tuple(allowed)}),
        by=caller(request).user,
        only_of=acts_only_for(request),
    )
    return done.model_copy(update={"refused": [*refusals, *done.refused]})


@router.delete(
    "/jobs/{ref}",
    operation_id="delete",
    summary="Delete a job",
    status_code=204,
    response_class=Response,
    responses=answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict),
)
async def delete(request: Request, ref: Ref) -> Response:
    """Delete a job that has ended, with its archive. For a while it can be restored."""
    await service_of(request).delete(ref, by=caller(request).user)
    return Response(status_code=204)


_WAITING = answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict)


@router.post(
    "/jobs/{ref}/restore", operation_id="restore", summary="Undo a deletion", responses=_WAITING
)
async def restore(request: Request, ref: Ref) -> JobView:
    """The job is as it was. Its id still finds it for `delete_grace_seconds`."""
    return await service_of(request).restore(ref, by=caller(request).user)


@router.put(
    "/jobs/{ref}/priority",
    operation_id="set_priority",
    summary="Change the priority of a job that waits",
    responses=_WAITING,
)
async def set_priority(request: Request, ref: Ref, wanted: NewPriority) -> JobView:
    """Larger goes first; among equals the order of the queue decides. Above 0 takes an admin."""
    require_priority(request, wanted.priority)
    return await service_of(request).set_priority(ref, wanted.priority, by=caller(request).user)


@router.post(
    "/jobs/{ref}/hold", operation_id="hold", summary="Hold a job that waits", responses=_WAITING
)
async def hold(request: Request, ref: Ref) -> JobView:
    """It is not chosen to run, and holds nobody up, until it is released."""
    return await service_of(request).hold(ref, by=caller(request).user)


@router.post(
    "/jobs/{ref}/release", operation_id="release", summary="Release a job", responses=_WAITING
)
async def release(request: Request, ref: Ref) -> JobView:
    """It has its turn again, at its place."""
    return await service_of(request).release(ref, by=caller(request).user)


@router.get(
    "/jobs/{ref}/diff/{other}",
    operation_id="source_diff",
    summary="Compare the source of two jobs",
    responses=answers(InvalidRequest, NotFound, AmbiguousJob, StorageFull),
)
async def source_diff(request: Request, ref: Ref, other: Ref) -> SourceDiff:
    """A unified diff of each file that differs, from the files both were submitted with."""
    return await service_of(request).source_diff(ref, other)
