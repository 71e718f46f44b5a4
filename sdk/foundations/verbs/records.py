"""What can be asked about what jobs left: metrics, artifacts and files."""

from __future__ import annotations

from foundations.calls import records as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class RecordVerbs(Sender):
    """Blocking; see `Client`."""

    def metrics(self, ref: str, *, system: bool = False) -> list[models.MetricSummary]:
        """List each metric of a job in a row: what it logged.

        With `system` list what the scheduler measured while it ran instead; these names begin with
        `system/`.
        """
        return self.send(calls.metrics(ref, system=system))

    def metric(
        self, ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
    ) -> models.MetricSeries:
        """Show the points of a metric, one page at a time.

        With `points` show its whole course instead: the series is cut into so many stretches, and
        the lowest and the highest point of each stay, beside the very first and last.
        """
        return self.send(calls.metric(ref, name, points=points, start=start, limit=limit))

    def artifacts(self, ref: str) -> list[models.ArtifactView]:
        """List what a job has saved."""
        return self.send(calls.artifacts(ref))

    def files(self, ref: str) -> models.FileList:
        """List the files of a job: as submitted, changed, saved, and written about it."""
        return self.send(calls.files(ref))

    def source_diff(self, ref: str, other: str) -> models.SourceDiff:
        """Show what differs between the files that two jobs were submitted with.

        Large files and a large answer are cut; each file says what was omitted.
        """
        return self.send(calls.source_diff(ref, other))


class AsyncRecordVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def metrics(self, ref: str, *, system: bool = False) -> list[models.MetricSummary]:
        """List each metric of a job in a row: what it logged, or what the scheduler measured."""
        return await self.send(calls.metrics(ref, system=system))

    async def metric(
        self, ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
    ) -> models.MetricSeries:
        """Show the points of a metric, one page at a time."""
        call = calls.metric(ref, name, points=points, start=start, limit=limit)
        return await self.send(call)

    async def artifacts(self, ref: str) -> list[models.ArtifactView]:
        """List what a job has saved."""
        return await self.send(calls.artifacts(ref))

    async def files(self, ref: str) -> models.FileList:
        """List the files of a job."""
        return await self.send(calls.files(ref))

    async def source_diff(self, ref: str, other: str) -> models.SourceDiff:
        """Show what differs between the files that two jobs were submitted with."""
        return await self.send(calls.source_diff(ref, other))
