"""Metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from foundations.decimation import decimate
from foundations.models import MetricPoint, MetricSeries
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _metrics(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    is_system = request.url.params.get("system") == "true"
    return json_list(job.system if is_system else scheduler.summaries(job))


def _metric(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, name: str
) -> httpx.Response:
    points = scheduler.resolve(ref).series[unquote(name)]
    params = request.url.params
    if "points" in params:
        chosen = decimate([value for _, value in points], int(params["points"]))
        end = len(points)
    else:
        start = int(params["start"])
        end = min(start + int(params["limit"]), len(points))
        chosen = list(range(start, end))
    series = MetricSeries(
        name=unquote(name),
        count=len(points),
        points=[
            MetricPoint(
                position=place,
                step=points[place][0],
                value=points[place][1],
                at=scheduler.begin + timedelta(seconds=10 * place),
            )
            for place in chosen
        ],
        decimated="points" in params and len(chosen) < len(points),
        next_position=end if end < len(points) else None,
    )
    return json_of(series)


ROUTES: list[Route] = [
    ("GET", "/jobs/([^/]+)/metrics", _metrics),
    ("GET", "/jobs/([^/]+)/metrics/(.+)", _metric),
]
