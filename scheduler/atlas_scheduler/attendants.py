"""What goes on beside the queue while a server runs: nothing here decides about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial

import structlog

from atlas_scheduler.hook_settings import HooksSection
from atlas_scheduler.hooks import Messenger, make_hooks
from atlas_scheduler.service import Service
from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.parameters import record_submissions, unrecorded
from foundations.errors import AtlasError

_RECORDED = "parameters of waiting jobs are recorded"
_STEP_JOBS = 50

log = structlog.get_logger(__name__)


async def record_waiting(database: Database, on_records: Callable[[str], None]) -> None:
    """Record the parameters of jobs that have waited since before this was done at submission.

    Each step is a commit of its own and takes up where the last one was, also after a crash.

    Args:
        database: the scheduler's.
        on_records: told the id of each job that shows more now.
    """
    if await database.read(lambda conn: meta.get_setting(conn, _RECORDED, default=False)):
        return
    last = 0
    try:
        while numbers := await database.read(partial(unrecorded, after=last, most=_STEP_JOBS)):
            for job_id in await database.write(partial(record_submissions, numbers=numbers)):
                on_records(job_id)
            last = numbers[-1]
        await database.write(lambda conn: meta.set_setting(conn, _RECORDED, value=True))
    except AtlasError as error:
        log.warning("parameters of jobs that wait are not recorded yet", problem=error.message)


@asynccontextmanager
async def attending(
    service: Service, database: Database, hooks: HooksSection
) -> AsyncIterator[None]:
    """Run the attendants of a service until the block ends."""
    chores: list[Coroutine[None, None, None]] = [
        service.telemetry.watch_loop(),
        record_waiting(database, service.feed.recorded),
    ]
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
