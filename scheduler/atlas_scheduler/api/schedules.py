"""Routes about schedules: submissions that are made again and again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from atlas_scheduler.api.context import caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.signing import bounds_of, idempotency_header, signed, signed_key
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound, StorageFull
from foundations.models import NewSchedule, ScheduleView

router = APIRouter(tags=["schedules"])

ScheduleRef = Annotated[
    str,
    Path(
        description="A schedule's id, or a prefix of it that no other schedule has (4 characters "
        "or more).",
        max_length=64,
    ),
]
_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)


@router.post(
    "/schedules",
    operation_id="create_schedule",
    summary="Submit a job again and again",
    status_code=201,
    responses=answers(InvalidRequest, NotFound, StorageFull),
)
async def create_schedule(
    request: Request,
    wanted: NewSchedule,
    idempotency_key: Annotated[str | None, idempotency_header("schedule")] = None,
) -> ScheduleView:
    """A job at each time of the cron line, in the time zone that is named."""
    return await service_of(request).create_schedule(
        wanted.model_copy(update={"submission": await signed(request, wanted.submission)}),
        by=caller(request).user,
        idempotency_key=signed_key(request, idempotency_key),
        bounds=bounds_of(request),
    )


@router.get("/schedules", operation_id="schedules", summary="List schedules", responses=answers())
async def schedules(request: Request) -> list[ScheduleView]:
    """Every schedule, the oldest first."""
    found, only = await service_of(request).schedules(), sees_only(request)
    return [one for one in found if only in (None, one.created_by)]


@router.get("/schedules/{ref}", operation_id="schedule", summary="Show a schedule", responses=_ONE)
async def schedule(request: Request, ref: ScheduleRef) -> ScheduleView:
    """What it submits, when next, and what came of the last time."""
    return await service_of(request).schedule(ref)


@router.post(
    "/schedules/{ref}/pause",
    operation_id="pause_schedule",
    summary="Pause a schedule",
    responses=_ONE,
)
async def pause_schedule(request: Request, ref: ScheduleRef) -> ScheduleView:
    """It submits nothing until it is resumed."""
    return await service_of(request).pause_schedule(ref, by=caller(request).user)


@router.post(
    "/schedules/{ref}/resume",
    operation_id="resume_schedule",
    summary="Resume a schedule",
    responses=_ONE,
)
async def resume_schedule(request: Request, ref: ScheduleRef) -> ScheduleView:
    """It submits again, from the next time on."""
    return await service_of(request).resume_schedule(ref, by=caller(request).user)


@router.delete(
    "/schedules/{ref}",
    operation_id="delete_schedule",
    summary="Delete a schedule",
    status_code=204,
    response_class=Response,
    responses=_ONE,
)
async def delete_schedule(request: Request, ref: ScheduleRef) -> Response:
    """Jobs that it submitted stay."""
    await service_of(request).delete_schedule(ref, by=caller(request).user)
    return Response(status_code=204)
