"""The course of one metric, drawn in a cell of a table: which are known, and how they look."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from foundations.errors import AtlasError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from foundations.client import AsyncClient
    from foundations.models import JobView

WIDTH = 12
"""Cells of a drawing."""
_KEPT = 2_000
_AT_ONCE = 8


class Sparks:
    """Courses of metrics that were asked for, by job. No widgets."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._known: OrderedDict[tuple[str, str], tuple[object, Sequence[JsonValue]]] = (
            OrderedDict()
        )

    def text(self, job: JobView, metric: str, *, unicode: bool) -> str:
        """The drawing of a job's metric, as far as its course is known."""
        _, values = self._known.get((job.job_id, metric), (None, ()))
        if not values:
            return ""
        from atlas_tui.curves import sparkline  # late: most tables draw none

        return sparkline(values, WIDTH, unicode=unicode)

    async def bring(self, jobs: Iterable[JobView], metric: str) -> bool:
        """Ask for the courses that are not known, or have a new last value.

        Returns:
            Whether there is anything new to show.
        """
        wanted = [
            job
            for job in jobs
            if metric in job.metrics
            and self._known.get((job.job_id, metric), (None,))[0] != _stamp(job, metric)
        ]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ask(job: JobView) -> None:
            async with gate:
                self._keep(job, metric, await self._course(job.job_id, metric))

        await asyncio.gather(*(ask(job) for job in wanted))
        return bool(wanted)

    async def _course(self, job_id: str, metric: str) -> list[JsonValue]:
        try:
            series = await self._client.metric(job_id, metric, points=WIDTH)
        except AtlasError:
            return []  # the list itself asks the same scheduler, and tells of trouble
        return [point.value for point in series.points]

    def _keep(self, job: JobView, metric: str, values: Sequence[JsonValue]) -> None:
        self._known[job.job_id, metric] = (_stamp(job, metric), values)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _stamp(job: JobView, metric: str) -> tuple[object, bool]:
    """What changes when the course may have become longer."""
    return (job.metrics.get(metric), job.finished_at is None)
