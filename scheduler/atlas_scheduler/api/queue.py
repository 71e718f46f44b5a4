"""Routes about the queue."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.context import caller, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import InvalidRequest
from foundations.models import Cleared, ClearQueue, QueueSettings

router = APIRouter(tags=["queue"])


@router.get(
    "/queue", operation_id="queue_settings", summary="How the queue is run", responses=answers()
)
async def queue_settings(request: Request) -> QueueSettings:
    """Settings that hold now."""
    return await service_of(request).queue_settings()


@router.put(
    "/queue",
    operation_id="set_queue_settings",
    summary="Change how the queue is run",
    responses=answers(InvalidRequest),
)
async def set_queue_settings(request: Request, settings: QueueSettings) -> QueueSettings:
    """The change holds at once, and after the next start."""
    return await service_of(request).set_queue_settings(settings)


@router.post(
    "/queue/clear",
    operation_id="clear_queue",
    summary="Stop every job that waits",
    responses=answers(InvalidRequest),
)
async def clear_queue(request: Request, which: ClearQueue) -> Cleared:
    """In all projects, or in one. Jobs that run go on; archives stay."""
    return await service_of(request).clear_queue(which.project, by=caller())
