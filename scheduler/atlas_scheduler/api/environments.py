"""Routes about the environments that jobs share."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.context import caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import InvalidRequest
from foundations.models import EnvironmentsView, PrunedEnvironments, PruneEnvironments

router = APIRouter(prefix="/environments", tags=["scheduler"])


@router.get(
    "", operation_id="environments", summary="Which environments are ready", responses=answers()
)
async def environments(request: Request) -> EnvironmentsView:
    """Each was installed once, for all jobs with the same requirements on the same image."""
    found = await service_of(request).environments.view()
    if sees_only(request) is None:
        return found
    # What somebody installed, and for which jobs, is theirs.
    return found.model_copy(update={"environments": []})


@router.post(
    "/prune",
    operation_id="prune_environments",
    summary="Remove environments that no job uses",
    responses=answers(InvalidRequest),
)
async def prune_environments(request: Request, which: PruneEnvironments) -> PrunedEnvironments:
    """The next job that asks for the same installs anew, in versions of that day."""
    return await service_of(request).prune_environments(
        unused_days=which.unused_days, by=caller(request).user
    )
