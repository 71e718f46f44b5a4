"""Routes about projects."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from foundations.models import ProjectView

router = APIRouter(tags=["projects"])


@router.get("/projects", operation_id="projects", summary="List projects", responses=answers())
async def projects(request: Request) -> list[ProjectView]:
    """Every project that has a job, and how its jobs stand."""
    return await service_of(request).projects()
