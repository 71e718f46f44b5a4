"""Routes about what jobs leave: archives, TensorBoard logs and artifacts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from atlas_scheduler.api.context import Ref, service_of
from atlas_scheduler.api.downloads import (
    HEADERS,
    ONE_FILE,
    Offset,
    SameAs,
    archive_answer,
    file_answer,
)
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.names import accept_any_name
from atlas_scheduler.api.streaming import BINARY, StreamedResponse
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import ArtifactView

LATEST = 2**62
"""The latest time that may be asked for, in seconds since 1970."""

_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)

accept_any_name()
router = APIRouter(tags=["jobs"])


@router.get(
    "/jobs/{ref}/archive",
    operation_id="archive",
    summary="Download the archive",
    response_class=Response,
    responses={
        200: {
            "description": "A tar.gz file.",
            "content": {"application/gzip": BINARY},
            "headers": HEADERS,
        },
        **_ONE,
    },
)
async def archive(
    request: Request, ref: Ref, same_as: SameAs = None, offset: Offset = 0
) -> StreamedResponse:
    """Source, changes, artifacts, log and records below one folder named by the job's id."""
    found = await service_of(request).archive(ref)
    name = f"{found.job_id}.tar.gz"
    return archive_answer(found.pieces, name=name, tag=found.tag, offset=offset, same_as=same_as)


@router.get(
    "/jobs/{ref}/tensorboard",
    operation_id="tensorboard_logs",
    summary="Download TensorBoard logs",
    response_class=Response,
    responses={
        200: {"description": "A tar.gz file.", "content": {"application/gzip": BINARY}},
        **_ONE,
    },
)
async def tensorboard_logs(
    request: Request,
    ref: Ref,
    since: Annotated[
        int,
        Query(ge=0, le=LATEST, description="Leave out files that changed before, s since 1970."),
    ] = 0,
) -> StreamedResponse:
    """What lies in the directory that the job named, also while it runs, below `<job id>/logs`."""
    job_id, pieces = await service_of(request).tensorboard_logs(ref, since_seconds=since)
    return archive_answer(pieces, name=f"{job_id}-tensorboard.tar.gz")


@router.get(
    "/jobs/{ref}/artifacts", operation_id="artifacts", summary="List artifacts", responses=_ONE
)
async def artifacts(request: Request, ref: Ref) -> list[ArtifactView]:
    """What the job has saved so far."""
    return await service_of(request).artifacts(ref)


@router.get(
    "/jobs/{ref}/artifacts/{key:name}",
    operation_id="artifact",
    summary="Download an artifact",
    response_class=Response,
    responses={
        200: ONE_FILE,
        **_ONE,
    },
)
async def artifact(
    request: Request, ref: Ref, key: str, same_as: SameAs = None, offset: Offset = 0
) -> StreamedResponse:
    """The key may contain slashes."""
    view, file = await service_of(request).open_artifact(ref, key)
    name = view.path.rpartition("/")[2]
    return file_answer(file, name=name, offset=offset, same_as=same_as)
