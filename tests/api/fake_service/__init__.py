"""A service in memory: small, and true in what the API and the client can see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import foundations
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.telemetry import Standing
from foundations.models import (
    API_VERSION,
    EngineView,
    PrunedEnvironments,
    PrunedImages,
    ReadinessView,
    SchedulerInfo,
)
from tests.api.fake_service.beside import Beside
from tests.api.fake_service.bundles import BUNDLE, DIGEST, Bundles
from tests.api.fake_service.files import Files
from tests.api.fake_service.logs import Logs
from tests.api.fake_service.machine import FakeMachine
from tests.api.fake_service.metrics import Metrics
from tests.api.fake_service.queue import Queue
from tests.api.fake_service.remarks import Remarks
from tests.api.fake_service.schedules import Schedules
from tests.api.fake_service.submissions import Submissions

if TYPE_CHECKING:
    from atlas_scheduler.service import Service

__all__ = ["BUNDLE", "DIGEST", "FakeMachine", "FakeService", "as_service"]


class FakeService(Queue, Beside, Bundles, Submissions, Schedules, Remarks, Metrics, Logs, Files):
    """All that the API asks of a service; one module a noun.

    Everything in it is the owner's, who alone asks.
    """

    sharing = Sharing.EVERYONE_READS

    async def info(self) -> SchedulerInfo:
        if self.broken is not None:
            raise self.broken
        return SchedulerInfo(
            version=foundations.__version__,
            api_version=API_VERSION,
            instance="0123abcd",
            pid=1,
            home="/home/someone/.foundations",
            engine=EngineView(name="fake", isolated=False, available=True),
            queue=self._queue,
            last_seq=self._next_seq() - 1,
        )

    async def measurements(self) -> str:
        standing = Standing(
            states={}, slots=0, gpus=0, gpus_in_use=0, engine="fake", engine_answers=True,
            free_bytes=None,
        )  # fmt: skip
        return self.telemetry.text(standing)

    async def readiness(self) -> ReadinessView:
        return ReadinessView(ready=self.is_ready, database=self.is_ready, engine=True)

    async def prune_environments(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        return await self.environments.prune(unused_days=unused_days, by=by)

    async def prune_images(self, *, unused_days: float, by: str) -> PrunedImages:
        return await self.images.prune(unused_days=unused_days, by=by)


def as_service(fake: FakeService) -> Service:
    """Pass the fake where the real one is asked for."""
    return cast("Service", fake)
