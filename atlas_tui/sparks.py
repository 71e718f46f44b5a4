"""The course of one metric, drawn in a cell of a table: which are known, and how they look."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from foundations.client import AsyncClient
from foundations.errors import AtlasError
from foundations.models import JobView

WIDTH = 12
"""Cells of a drawing."""
_KEPT = 2_000
_AT_ONCE = 8
_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=^*#"


class Sparks:
    """Courses of metrics that were asked for, by job. No widgets."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._known: OrderedDict[tuple[str, str], tuple[object, str]] = OrderedDict()

    def text(self, job: JobView, metric: str) -> str:
        """The drawing of a job's metric as far as known, from `_BARS`."""
        return self._known.get((job.job_id, metric), (None, ""))[1]

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

    async def _course(self, job_id: str, metric: str) -> list[object]:
        try:
            series = await self._client.metric(job_id, metric, points=WIDTH)
        except AtlasError:
            return []  # the list itself asks the same scheduler, and tells of trouble
        return [point.value for point in series.points]

    def _keep(self, job: JobView, metric: str, values: Sequence[object]) -> None:
        self._known[job.job_id, metric] = (_stamp(job, metric), draw(values))
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def draw(values: Sequence[object], *, width: int = WIDTH) -> str:
    """Draw numbers as bars from the lowest to the highest; what is no number is left out."""
    numbers = [
        float(value)
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if not numbers:
        return ""
    count = min(width, len(numbers))
    shown = [numbers[(place * len(numbers)) // count] for place in range(count - 1)]
    shown.append(numbers[-1])
    low, high = min(shown), max(shown)
    if high <= low:
        return _BARS[0] * len(shown)
    top = len(_BARS) - 1
    return "".join(
        _BARS[round((value / 2 - low / 2) / (high / 2 - low / 2) * top)] for value in shown
    )


def plain(drawing: str) -> str:
    """The same drawing in ASCII."""
    top = len(_PLAIN_BARS) - 1
    return "".join(_PLAIN_BARS[round(_BARS.index(bar) / (len(_BARS) - 1) * top)] for bar in drawing)


def _stamp(job: JobView, metric: str) -> tuple[object, bool]:
    """What changes when the course may have become longer."""
    return (job.metrics.get(metric), job.finished_at is None)
