"""The log of a job, from any byte on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from atlas_scheduler.api.context import Ref, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.streaming import BINARY, FollowedResponse, StreamedResponse
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import LogMatches, LogSearch, LogTimes, LogTimesRange

MEDIA_TYPE = "application/octet-stream"
FARTHEST = 2**63 - 1

router = APIRouter(tags=["jobs"])


@router.get(
    "/jobs/{ref}/logs",
    operation_id="logs",
    summary="Read or follow the log",
    response_class=Response,
    responses={
        200: {
            "description": "The job's output, byte for byte.",
            "content": {MEDIA_TYPE: BINARY},
            "headers": {
                "X-Job-Id": {
                    "description": "The job's full id.",
                    "schema": {"type": "string"},
                },
                "X-Log-Offset": {
                    "description": "Where in the log the first byte of this answer lies.",
                    "schema": {"type": "integer"},
                },
            },
        },
        **answers(InvalidRequest, NotFound, AmbiguousJob),
    },
)
async def logs(
    request: Request,
    ref: Ref,
    offset: Annotated[
        int,
        Query(
            ge=-FARTHEST,
            le=FARTHEST,
            description="Where to begin, in bytes; a negative one counts from the end.",
        ),
    ] = 0,
    follow: Annotated[bool, Query(description="Go on until the job has ended.")] = False,
    length: Annotated[
        int | None, Query(ge=0, le=FARTHEST, description="Most bytes to answer.")
    ] = None,
) -> StreamedResponse:
    """The log from `offset` to what there is, or with `follow` to the end of the job."""
    service = service_of(request)
    job_id = await service.resolve(ref)
    start = offset if offset >= 0 else max(0, service.log_size(job_id) + offset)
    response = FollowedResponse if follow else StreamedResponse
    return response(
        service.read_log(job_id, start, follow=follow, length=length),
        media_type=MEDIA_TYPE,
        headers={"X-Job-Id": job_id, "X-Log-Offset": str(start)},
    )


@router.get(
    "/jobs/{ref}/logs/matches",
    operation_id="search_log",
    summary="Search in the log",
    responses=answers(InvalidRequest, NotFound, AmbiguousJob),
)
async def search_log(
    request: Request, ref: Ref, search: Annotated[LogSearch, Query()]
) -> LogMatches:
    """Lines that have a pattern: a bounded piece of work. Ask on at `next_offset`."""
    return await service_of(request).search_log(ref, search)


@router.get(
    "/jobs/{ref}/logs/times",
    operation_id="log_times",
    summary="Say when the log was written",
    responses=answers(InvalidRequest, NotFound, AmbiguousJob),
)
async def log_times(
    request: Request, ref: Ref, part: Annotated[LogTimesRange, Query()]
) -> LogTimes:
    """Marks of a part of the log: from which byte on it was written at which time."""
    return await service_of(request).log_times(ref, part)
