"""Routes about arrays of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.signing import bounds_of, idempotency_header, signed, signed_key
from foundations.errors import AmbiguousJob, InvalidRequest, JobConflict, NotFound, StorageFull
from foundations.models import ArrayView, NewArray

router = APIRouter(tags=["arrays"])

ArrayRef = Annotated[
    str,
    Path(
        description="An array's id, or a prefix of it that no other array has (4 characters or "
        "more).",
        max_length=64,
    ),
]


@router.post(
    "/arrays",
    operation_id="submit_array",
    summary="Submit an array of jobs",
    status_code=201,
    responses=answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict, StorageFull),
)
async def submit_array(
    request: Request,
    wanted: NewArray,
    idempotency_key: Annotated[str | None, idempotency_header("array")] = None,
) -> ArrayView:
    """Many jobs of one bundle that differ by an index: all are accepted, or none."""
    submission = await signed(request, wanted.submission)
    return await service_of(request).submit_array(
        wanted.model_copy(update={"submission": submission}),
        idempotency_key=signed_key(request, idempotency_key),
        bounds=bounds_of(request),
    )


@router.get(
    "/arrays/{ref}",
    operation_id="array",
    summary="Show an array of jobs",
    responses=answers(InvalidRequest, NotFound, AmbiguousJob),
)
async def array(request: Request, ref: ArrayRef) -> ArrayView:
    """How many of its jobs are in which state; `GET /jobs?filter=array:ID` lists them."""
    return await service_of(request).array(ref)
