"""Routes about the queue."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.admission import require
from atlas_scheduler.api.context import acts_only_for, caller, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.core.access import Thing
from foundations.errors import AmbiguousJob, Forbidden, InvalidRequest, JobConflict, NotFound
from foundations.models import (
    Cleared,
    ClearQueue,
    JobView,
    MoveJobs,
    NewQueueSettings,
    PauseQueue,
    QueueView,
    Role,
)

router = APIRouter(tags=["queue"])


@router.get(
    "/queue", operation_id="queue_settings", summary="How the queue is run", responses=answers()
)
async def queue_settings(request: Request) -> QueueView:
    """Settings that hold now, and what is paused."""
    return await service_of(request).queue_settings()


@router.put(
    "/queue",
    operation_id="set_queue_settings",
    summary="Change how the queue is run",
    responses=answers(InvalidRequest),
)
async def set_queue_settings(request: Request, settings: NewQueueSettings) -> QueueView:
    """What is not given stays. The change holds at once, and after the next start."""
    return await service_of(request).set_queue_settings(settings, by=caller(request).user)


@router.post(
    "/queue/pause",
    operation_id="pause_queue",
    summary="Start nothing any more",
    responses=answers(InvalidRequest, NotFound),
)
async def pause_queue(request: Request, which: PauseQueue) -> QueueView:
    """Of all projects, or of one, until it is resumed. Jobs that run go on."""
    await _require_project(request, which.project)
    return await service_of(request).pause_queue(which.project, by=caller(request).user)


@router.post(
    "/queue/resume",
    operation_id="resume_queue",
    summary="Take a pause back",
    responses=answers(InvalidRequest, NotFound),
)
async def resume_queue(request: Request, which: PauseQueue) -> QueueView:
    """Pauses of projects outlast that of the whole queue."""
    await _require_project(request, which.project)
    return await service_of(request).resume_queue(which.project, by=caller(request).user)


@router.post(
    "/queue/move",
    operation_id="move",
    summary="Move jobs in the queue",
    responses=answers(InvalidRequest, NotFound, AmbiguousJob, JobConflict),
)
async def move(request: Request, wanted: MoveJobs) -> list[JobView]:
    """Among the jobs of their priority; they keep their order among themselves. Who is no admin
    moves their own jobs among the places that these have."""
    for ref in (*wanted.jobs, *([] if wanted.other is None else [wanted.other])):
        await require(request, Thing.JOB, ref, acts=True)
    return await service_of(request).move(
        wanted.jobs,
        wanted.place,
        wanted.other,
        by=caller(request).user,
        filter=wanted.filter,
        only_of=acts_only_for(request),
    )


@router.post(
    "/queue/clear",
    operation_id="clear_queue",
    summary="Stop jobs that wait",
    responses=answers(InvalidRequest),
)
async def clear_queue(request: Request, which: ClearQueue) -> Cleared:
    """In all projects or in one, or those that a filter takes. Jobs that run go on. Of who is no
    admin only their own."""
    return await service_of(request).clear_queue(
        which.project,
        filter=which.filter,
        by=caller(request).user,
        only_of=acts_only_for(request),
    )


async def _require_project(request: Request, project: str | None) -> None:
    """Refuse a pause of what is not the caller's own: a whole project, never the whole queue."""
    asker = caller(request)
    if project is not None:
        await require(request, Thing.PROJECT, project, acts=True)
    elif asker.role is not Role.ADMIN:
        raise Forbidden(
            "Pausing the whole queue takes a token with the role `admin`; yours has the role "
            f"`{asker.role}`. Name a project that is your own."
        )
