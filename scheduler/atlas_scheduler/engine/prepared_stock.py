"""Keeps the stock of prepared containers up beside everything else that the engine does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from atlas_scheduler.engine.prepared_pool import PreparedContainers
from atlas_scheduler.engine.threads import in_thread

CLOSE_SECONDS = 3.0
"""Longest that the end of the server waits for their removal."""
PATIENCE_SECONDS = 0.3
"""Pause before more are made: the job just started may be so short that its end would wait."""


class Stock:
    """Replenishes prepared containers beside everything else."""

    def __init__(self, prepared: PreparedContainers) -> None:
        self.prepared = prepared
        self._asked = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    def replenish(self) -> None:
        """Make what is missing soon; returns at once."""
        if not self.prepared.limit:
            return
        self._asked.set()
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Remove all that is kept."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait([self._keeping])
        # What a hanging engine keeps is swept when the server starts again.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await in_thread(self.prepared.close, name="prepared")

    async def _keep(self) -> None:
        pause_seconds: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await self._asked.wait()
                    await asyncio.sleep(PATIENCE_SECONDS)
            self._asked.clear()
            pause_seconds = await in_thread(self.prepared.expire, name="prepared")
