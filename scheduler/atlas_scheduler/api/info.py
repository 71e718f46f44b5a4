"""Routes that say who answers and how it stands."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from atlas_scheduler.api.audience import without_jobs
from atlas_scheduler.api.context import caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.core.offered_volumes import usable
from foundations.errors import ServerFault
from foundations.models import DiskView, HostView, SchedulerInfo, VolumeView

router = APIRouter(tags=["scheduler"])


class Health(BaseModel):
    """A sign of life."""

    status: Literal["ok"] = "ok"


@router.get("/health", operation_id="health", summary="Whether it answers", responses=answers())
async def health() -> Health:
    """Answer without looking at anything else."""
    return Health()


@router.get("/info", operation_id="info", summary="Who answers", responses=answers())
async def info(request: Request) -> SchedulerInfo:
    """Versions, engine, queue settings, GPUs, how many jobs are in which state."""
    service, asker = service_of(request), caller(request)
    volumes = usable(service.offered_volumes, user=asker.user, role=asker.role)
    found = await service.info()
    views = [VolumeView(name=one.name, mode=one.mode) for one in volumes]
    return found.model_copy(update={"volumes": views})


@router.get(
    "/host", operation_id="host", summary="How busy the machine is", responses=answers(ServerFault)
)
async def host(request: Request) -> HostView:
    """Processors, memory, the disk of the scheduler's home, and each GPU with the job that holds
    it. Not older than a second."""
    found = await service_of(request).machine.host()
    return found if sees_only(request) is None else without_jobs(found)


@router.get(
    "/disk", operation_id="disk", summary="What the disk holds", responses=answers(ServerFault)
)
async def disk(request: Request) -> DiskView:
    """Bytes of archives, bundles, work dirs, environments and the database, and by project. Not
    older than half a minute, and cut short where it would take long."""
    found = await service_of(request).machine.disk()
    return found if sees_only(request) is None else found.model_copy(update={"projects": []})
