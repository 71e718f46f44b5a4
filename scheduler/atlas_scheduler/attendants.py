"""What goes on beside the queue while a server runs: nothing here decides about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from atlas_scheduler.hook_settings import HooksSection
from atlas_scheduler.hooks import Messenger, make_hooks
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database


@asynccontextmanager
async def attending(
    service: Service, database: Database, hooks: HooksSection
) -> AsyncIterator[None]:
    """Run the attendants of a service until the block ends."""
    chores: list[Coroutine[None, None, None]] = [service.telemetry.watch_loop()]
    if made := make_hooks(hooks):
        messenger = Messenger(service, database, made, give_up_seconds=hooks.give_up_seconds)
        chores.append(messenger.run())
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
