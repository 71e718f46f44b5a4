"""Routes that say who answers and how it stands."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from foundations.models import SchedulerInfo

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
    return await service_of(request).info()
