"""Routes about what jobs measured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from atlas_scheduler.api.context import Ref, service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.names import accept_any_name
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import MetricSeries, MetricSummary

LARGEST_PAGE = 10_000
_ONE = answers(InvalidRequest, NotFound, AmbiguousJob)

accept_any_name()
router = APIRouter(tags=["metrics"])


@router.get("/jobs/{ref}/metrics", operation_id="metrics", summary="List metrics", responses=_ONE)
async def metrics(
    request: Request,
    ref: Ref,
    system: Annotated[
        bool, Query(description="Those that the scheduler measured, `system/…`, in their place.")
    ] = False,
) -> list[MetricSummary]:
    """Each metric of a job in a row: its last value, its extremes and how many points it has."""
    return await service_of(request).metrics(ref, system=system)


@router.get(
    "/jobs/{ref}/metrics/{name:name}",
    operation_id="metric",
    summary="Show the points of a metric",
    responses=_ONE,
)
async def metric(
    request: Request,
    ref: Ref,
    name: str,
    points: Annotated[
        int | None,
        Query(
            ge=1,
            le=LARGEST_PAGE,
            description="Cut the series into so many stretches and answer the lowest and the "
            "highest point of each, a gap where there is one, and the very first and last point.",
        ),
    ] = None,
    start: Annotated[
        int, Query(ge=0, le=2**53, description="First position of the page; not with `points`.")
    ] = 0,
    limit: Annotated[
        int, Query(ge=1, le=LARGEST_PAGE, description="Most points of a page; not with `points`.")
    ] = 1000,
) -> MetricSeries:
    """One page in the order of logging, or the whole course. The name may contain slashes."""
    return await service_of(request).metric(ref, name, stretches=points, start=start, limit=limit)
