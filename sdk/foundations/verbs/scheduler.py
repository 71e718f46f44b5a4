"""What can be asked of the scheduler itself, and of its machine."""

from __future__ import annotations

from foundations.calls import scheduler as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class SchedulerVerbs(Sender):
    """Blocking; see `Client`."""

    def health(self) -> None:
        """Return when the scheduler answers."""
        return self.send(calls.health())

    def readiness(self) -> models.ReadinessView:
        """Show whether the server can take jobs in, and whether its engine answers."""
        return self.send(calls.readiness())

    def measurements(self) -> str:
        """Show what is measured of the server, in the text format of Prometheus."""
        return self.send(calls.measurements())

    def info(self) -> models.SchedulerInfo:
        """Ask who answers and how it stands."""
        return self.send(calls.info())

    def host(self) -> models.HostView:
        """Show how busy the scheduler's machine is, and which job holds which GPU."""
        return self.send(calls.host())

    def disk(self) -> models.DiskView:
        """Show what the scheduler's home takes on the disk, by kind and by project."""
        return self.send(calls.disk())

    def environments(self) -> models.EnvironmentsView:
        """Show the environments that jobs share, and what they take."""
        return self.send(calls.environments())

    def prune_environments(self, *, unused_days: float = 0) -> models.PrunedEnvironments:
        """Remove the environments that no job uses now, and none used for so many days."""
        return self.send(calls.prune_environments(unused_days=unused_days))

    def garbage(self) -> models.GarbageView:
        """Show which jobs their projects keep no longer, and which files nothing needs."""
        return self.send(calls.garbage())

    def collect_garbage(self) -> models.GarbageView:
        """Delete what `garbage` shows, and return it; jobs can be restored for some seconds."""
        return self.send(calls.collect_garbage())


class AsyncSchedulerVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def health(self) -> None:
        """Return when the scheduler answers."""
        return await self.send(calls.health())

    async def readiness(self) -> models.ReadinessView:
        """Show whether the server can take jobs in, and whether its engine answers."""
        return await self.send(calls.readiness())

    async def measurements(self) -> str:
        """Show what is measured of the server, in the text format of Prometheus."""
        return await self.send(calls.measurements())

    async def info(self) -> models.SchedulerInfo:
        """Ask who answers and how it stands."""
        return await self.send(calls.info())

    async def host(self) -> models.HostView:
        """Show how busy the scheduler's machine is, and which job holds which GPU."""
        return await self.send(calls.host())

    async def disk(self) -> models.DiskView:
        """Show what the scheduler's home takes on the disk, by kind and by project."""
        return await self.send(calls.disk())

    async def environments(self) -> models.EnvironmentsView:
        """Show the environments that jobs share, and what they take."""
        return await self.send(calls.environments())

    async def prune_environments(self, *, unused_days: float = 0) -> models.PrunedEnvironments:
        """Remove the environments that no job uses now, and none used for so many days."""
        return await self.send(calls.prune_environments(unused_days=unused_days))

    async def garbage(self) -> models.GarbageView:
        """Show which jobs their projects keep no longer, and which files nothing needs."""
        return await self.send(calls.garbage())

    async def collect_garbage(self) -> models.GarbageView:
        """Delete what `garbage` shows, and return it; jobs can be restored for some seconds."""
        return await self.send(calls.collect_garbage())
