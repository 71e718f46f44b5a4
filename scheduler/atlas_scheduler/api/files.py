"""Routes about the single files of a job."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from atlas_scheduler.api.context import Ref, service_of
from atlas_scheduler.api.downloads import ONE_FILE, Offset, SameAs, file_answer
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.streaming import StreamedResponse
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import FileList

_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)

router = APIRouter(tags=["files"])


@router.get("/jobs/{ref}/files", operation_id="files", summary="List files", responses=_ONE)
async def files(request: Request, ref: Ref) -> FileList:
    """As submitted, changed or made by the job so far, saved, and written about it."""
    return await service_of(request).files(ref)


@router.get(
    "/jobs/{ref}/files/{path:path}",
    operation_id="file",
    summary="Download a file",
    response_class=Response,
    responses={
        200: ONE_FILE,
        **_ONE,
    },
)
async def file(
    request: Request, ref: Ref, path: str, same_as: SameAs = None, offset: Offset = 0
) -> StreamedResponse:
    """By its path in the archive, such as `source/main.py` or `changed/results.csv`."""
    opened = await service_of(request).open_file(ref, path)
    name = path.rpartition("/")[2]
    return file_answer(opened, name=name, offset=offset, same_as=same_as)
