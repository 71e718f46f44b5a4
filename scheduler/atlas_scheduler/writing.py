"""How a verb of the scheduler changes something: with history, and never by halves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from atlas_scheduler.catalogue import Catalogue
from atlas_scheduler.core.job import Job
from atlas_scheduler.store import history

T = TypeVar("T")


class Writing(Catalogue):
    """The catalogue with what every verb needs that changes something."""

    def _append(
        self, conn: sqlite3.Connection, job: Job, event: str, at_ms: int, detail: dict[str, Any]
    ) -> None:
        history.append_change(
            conn,
            job_id=job.job_id,
            project=job.project,
            event=event,
            state=job.state,
            at_ms=at_ms,
            detail=detail,
        )

    async def _durably(self, write: Coroutine[Any, Any, T], then: Callable[[T], None]) -> T:
        """Run a write and what must follow it to the end, even when the caller is cancelled."""

        async def run() -> T:
            value = await write
            then(value)
            return value

        task = asyncio.create_task(run())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    def _announce(self, _: object = None) -> None:
        """Wake whoever follows the changes."""
        self._feed.announce()
