"""What is asked about the environments that jobs share, and what prunes them."""

from __future__ import annotations

import structlog

from atlas_scheduler.core.times import utc
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.threads import finish_in_thread, in_thread
from foundations.models import EnvironmentsView, EnvironmentView, PrunedEnvironments

_DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


class EnvironmentShelf:
    """The environments of a home, for clients."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    async def view(self) -> EnvironmentsView:
        """Say which environments are there, and what they take."""
        return await in_thread(self._view)

    async def prune(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        """Remove what no job uses now, and nobody used for so long."""
        unused_ms = int(unused_days * _DAY_MS)
        pruned = await finish_in_thread(self._environments.prune, unused_ms=unused_ms)
        log.info(
            "environments pruned", by=by, removed=pruned.environments, freed=pruned.freed_bytes
        )
        return PrunedEnvironments(
            removed=pruned.environments, freed_bytes=pruned.freed_bytes, in_use=pruned.in_use
        )

    def _view(self) -> EnvironmentsView:
        ready = self._environments.ready()
        return EnvironmentsView(
            environments=[
                EnvironmentView(
                    key=one.key,
                    base=one.base,
                    python=one.python,
                    packages=list(one.packages),
                    size_bytes=one.size_bytes,
                    created_at=utc(one.created_at_ms),
                    used_at=utc(one.used_at_ms),
                    job_ids=list(one.job_ids),
                    user=one.user,
                )
                for one in ready
            ],
            size_bytes=sum(one.size_bytes for one in ready),
            wheels_bytes=self._environments.wheels_bytes(),
            max_bytes=self._environments.max_bytes,
        )
