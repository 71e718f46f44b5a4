"""Routes about what people add to jobs by hand: tags and notes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from atlas_scheduler.api.context import Ref, caller, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import JobView, NewNote, NewTags, NoteView

_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)

router = APIRouter(tags=["remarks"])


@router.post("/jobs/{ref}/tags", operation_id="tag", summary="Tag a job", responses=_ONE)
async def tag(request: Request, ref: Ref, wanted: NewTags) -> JobView:
    """A tag that the job has already gets the new value; its other tags stay."""
    return await service_of(request).tag(ref, wanted.tags, by=caller(request).user)


@router.delete("/jobs/{ref}/tags", operation_id="untag", summary="Untag a job", responses=_ONE)
async def untag(
    request: Request,
    ref: Ref,
    key: Annotated[list[str], Query(min_length=1, description="May be repeated.")],
) -> JobView:
    """Remove these tags, or none of them when the job lacks one."""
    return await service_of(request).untag(ref, key, by=caller(request).user)


@router.post(
    "/jobs/{ref}/notes",
    operation_id="note",
    summary="Add a note to a job",
    status_code=201,
    responses=_ONE,
)
async def note(request: Request, ref: Ref, wanted: NewNote) -> NoteView:
    """Its author is who asks. Notes are never changed."""
    return await service_of(request).note(ref, wanted.text, by=caller(request).user)


@router.get("/jobs/{ref}/notes", operation_id="notes", summary="List notes", responses=_ONE)
async def notes(request: Request, ref: Ref) -> list[NoteView]:
    """The notes of a job, oldest first."""
    return await service_of(request).notes(ref)
