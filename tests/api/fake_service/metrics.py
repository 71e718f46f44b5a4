"""Metrics."""

from __future__ import annotations

from foundations.decimation import decimate
from foundations.errors import NotFound
from foundations.models import SYSTEM_PREFIX, MetricPoint, MetricSeries, MetricSummary
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import State


class Metrics(State):
    """Metrics, in memory."""

    async def metrics(self, ref: str, *, system: bool = False) -> list[MetricSummary]:
        job = self._jobs[await self.resolve(ref)]
        return [
            MetricSummary(
                name=name, last=values[-1], min=min(values), max=max(values), count=len(values)
            )
            for name, values in job.metrics.items()
            if name.startswith(SYSTEM_PREFIX) == system
        ]

    async def metric(
        self, ref: str, name: str, *, stretches: int | None, start: int, limit: int
    ) -> MetricSeries:
        job = self._jobs[await self.resolve(ref)]
        if name not in job.metrics:
            raise NotFound(f"Job `{job.job_id}` has no metric `{name}`. It has: none")
        values = job.metrics[name]
        end = start + limit
        chosen = range(start, min(end, len(values)))
        positions = list(chosen) if stretches is None else decimate(values, stretches)
        return MetricSeries(
            name=name,
            count=len(values),
            points=[
                MetricPoint(position=place, step=place, value=values[place], at=MOMENT)
                for place in positions
            ],
            decimated=stretches is not None and len(positions) < len(values),
            next_position=end if stretches is None and end < len(values) else None,
        )
