"""Routes about what may go."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.context import caller, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import ServerFault, StorageFull
from foundations.models import GarbageView

router = APIRouter(tags=["scheduler"])


@router.get(
    "/garbage", operation_id="garbage", summary="What may go", responses=answers(ServerFault)
)
async def garbage(request: Request) -> GarbageView:
    """Jobs that their projects keep no longer, and files that nothing needs. Nothing is deleted."""
    return await service_of(request).garbage()


@router.post(
    "/garbage",
    operation_id="collect_garbage",
    summary="Let it go",
    responses=answers(ServerFault, StorageFull),
)
async def collect_garbage(request: Request) -> GarbageView:
    """Jobs are deleted as by `DELETE`: for a while they can be restored. Files go at once."""
    return await service_of(request).collect_garbage(by=f"{caller(request).user} (gc)")
