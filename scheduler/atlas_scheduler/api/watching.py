"""Routes for whoever watches over the server, at the places where such programs look."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.telemetry import MEDIA_TYPE
from foundations.models import ReadinessView

router = APIRouter(tags=["scheduler"])


@router.get(
    "/metrics",
    operation_id="measurements",
    summary="What is measured, for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Samples.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **answers(),
    },
)
async def measurements(request: Request) -> Response:
    """Jobs by state, waits, starts, GPUs, disk, requests, followers, and the process itself."""
    text = await service_of(request).measurements()
    return Response(text, headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"})


@router.get(
    "/healthz",
    operation_id="readiness",
    summary="Whether it can do its work",
    responses={503: {"model": ReadinessView, "description": "It takes nothing in."}, **answers()},
)
async def readiness(request: Request, response: Response) -> ReadinessView:
    """Try to write to the database, at most every five seconds; and tell whether the engine
    answers. Needs no token."""
    found = await service_of(request).readiness()
    response.status_code = 200 if found.ready else 503
    response.headers["Cache-Control"] = "no-store"
    return found
