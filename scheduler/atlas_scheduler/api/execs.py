"""Commands beside jobs: start, read, write, end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from atlas_scheduler.api.context import Ref, caller, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.logs import FARTHEST, MEDIA_TYPE
from atlas_scheduler.api.streaming import BINARY, FollowedResponse
from foundations.errors import (
    AmbiguousJob,
    EngineDown,
    InvalidRequest,
    JobConflict,
    NotFound,
    TooLarge,
)
from foundations.models import ExecInput, ExecView, NewExec, TerminalSize

ExecId = Annotated[str, Path(description="What `start_exec` answered.", max_length=64)]
FrameOffset = Annotated[
    int, Query(ge=0, le=FARTHEST, description="Where to go on, in bytes of all frames.")
]
BEGINNING = answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict, TooLarge, EngineDown)
_KNOWN = answers(InvalidRequest, NotFound)

router = APIRouter(tags=["execs"])


@router.post(
    "/jobs/{ref}/execs",
    operation_id="start_exec",
    summary="Run a command beside a job",
    status_code=201,
    responses=BEGINNING,
)
async def start_exec(request: Request, ref: Ref, wanted: NewExec) -> ExecView:
    """It has the job's user, environment and work dir; it ends with the job and the server."""
    return await service_of(request).start_exec(ref, wanted, by=caller(request).user)


@router.get(
    "/execs/{exec_id}/output",
    operation_id="exec_output",
    summary="Follow the output of a command",
    response_class=Response,
    responses={
        200: {
            "description": "Frames: a byte that says what it is (1 standard output, 2 standard "
            "error, 3 the end with the exit code), four bytes of length, and the bytes.",
            "content": {MEDIA_TYPE: BINARY},
        },
        **_KNOWN,
    },
)
async def exec_output(
    request: Request, exec_id: ExecId, offset: FrameOffset = 0
) -> FollowedResponse:
    """From `offset` to the end. Without a reader for a minute, the command is ended."""
    pieces = service_of(request).exec_output(exec_id, offset)
    return FollowedResponse(pieces, media_type=MEDIA_TYPE, headers={})


@router.post(
    "/execs/{exec_id}/input",
    operation_id="write_exec",
    summary="Write to the input of a command",
    status_code=204,
    response_class=Response,
    responses=_KNOWN,
)
async def write_exec(request: Request, exec_id: ExecId, piece: ExecInput) -> Response:
    """Bytes that came already are not given again, so a piece may be sent twice."""
    await service_of(request).write_exec(exec_id, piece)
    return Response(status_code=204)


@router.put(
    "/execs/{exec_id}/terminal",
    operation_id="resize_exec",
    summary="Change the size of the terminal of a command",
    status_code=204,
    response_class=Response,
    responses=_KNOWN,
)
async def resize_exec(request: Request, exec_id: ExecId, size: TerminalSize) -> Response:
    """Without a terminal it does nothing."""
    await service_of(request).resize_exec(exec_id, size)
    return Response(status_code=204)


@router.delete(
    "/execs/{exec_id}",
    operation_id="end_exec",
    summary="End a command",
    status_code=204,
    response_class=Response,
    responses=_KNOWN,
)
async def end_exec(request: Request, exec_id: ExecId) -> Response:
    """Hang up on it and forget it, whether it has ended or not."""
    await service_of(request).end_exec(exec_id)
    return Response(status_code=204)
