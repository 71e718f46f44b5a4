"""What goes on beside the queue while a server runs: nothing here decides about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from atlas_scheduler.service import Service


@asynccontextmanager
async def attending(service: Service) -> AsyncIterator[None]:
    """Run the attendants of a service until the block ends."""
    chores: list[Coroutine[None, None, None]] = [service.telemetry.watch_loop()]
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
