"""Routes about projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from atlas_scheduler.api.context import caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import InvalidRequest, JobConflict, NotFound
from foundations.models import (
    DeletedProject,
    DescribeProject,
    ProjectView,
    RenameProject,
    SetRetention,
)

Name = Annotated[str, Path(description="A project's name.", max_length=200)]

router = APIRouter(tags=["projects"])


@router.get("/projects", operation_id="projects", summary="List projects", responses=answers())
async def projects(request: Request) -> list[ProjectView]:
    """Every project that had a job, and how its jobs stand."""
    service, only = service_of(request), sees_only(request)
    return await service.projects(user=only)


@router.post(
    "/projects/{name}/rename",
    operation_id="rename_project",
    summary="Rename a project",
    responses=answers(InvalidRequest, NotFound),
)
async def rename_project(request: Request, name: Name, wanted: RenameProject) -> ProjectView:
    """Its jobs go with it. A later submission under the old name begins a new project."""
    return await service_of(request).rename_project(name, wanted.new_name, by=caller(request).user)


@router.put(
    "/projects/{name}/description",
    operation_id="describe_project",
    summary="Say what a project is about",
    responses=answers(InvalidRequest, NotFound),
)
async def describe_project(request: Request, name: Name, wanted: DescribeProject) -> ProjectView:
    """The text replaces the one there is."""
    return await service_of(request).describe_project(
        name, wanted.description, by=caller(request).user
    )


@router.put(
    "/projects/{name}/retention",
    operation_id="set_retention",
    summary="Set what a project keeps of its jobs",
    responses=answers(InvalidRequest, NotFound),
)
async def set_retention(request: Request, name: Name, wanted: SetRetention) -> ProjectView:
    """The rule replaces the one there is. Jobs go at the next `POST /garbage`, or within a day."""
    return await service_of(request).set_retention(name, wanted.rule, by=caller(request).user)


@router.delete(
    "/projects/{name}",
    operation_id="delete_project",
    summary="Delete a project",
    responses=answers(InvalidRequest, NotFound, JobConflict),
)
async def delete_project(request: Request, name: Name) -> DeletedProject:
    """With its jobs, which have all ended, and their archives. For a while it can be restored."""
    return await service_of(request).delete_project(name, by=caller(request).user)


@router.post(
    "/projects/{name}/restore",
    operation_id="restore_project",
    summary="Undo the deletion of a project",
    responses=answers(InvalidRequest, NotFound),
)
async def restore_project(request: Request, name: Name) -> DeletedProject:
    """With the jobs that were deleted with it."""
    return await service_of(request).restore_project(name, by=caller(request).user)
