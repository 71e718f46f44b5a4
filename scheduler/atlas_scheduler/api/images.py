"""Routes about the images that were built for jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request

from atlas_scheduler.api.context import caller, sees_only, service_of
from atlas_scheduler.api.errors import answers
from foundations.errors import EngineDown, InvalidRequest
from foundations.models import ImagesView, PrunedImages, PruneImages

router = APIRouter(prefix="/images", tags=["scheduler"])


@router.get(
    "", operation_id="images", summary="Which images were built", responses=answers(EngineDown)
)
async def images(request: Request) -> ImagesView:
    """Each was built once, for all jobs with the same Dockerfile and files on the same base."""
    found = await service_of(request).images.view()
    if sees_only(request) is None:
        return found
    # Who knows what an image is called can run it, and see what somebody built into it.
    return found.model_copy(update={"images": []})


@router.post(
    "/prune",
    operation_id="prune_images",
    summary="Remove built images that no job uses",
    responses=answers(InvalidRequest, EngineDown),
)
async def prune_images(request: Request, which: PruneImages) -> PrunedImages:
    """The next job that asks for the same builds anew."""
    return await service_of(request).prune_images(
        unused_days=which.unused_days, by=caller(request).user
    )
