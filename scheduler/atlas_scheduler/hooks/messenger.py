"""Follows the change feed for the hooks, each from where it was told last.

A hook is told of each end at least once: what it was told is noted after that. A hook that fails is
tried again with growing pauses, and later ends wait for it, until it is given up for that end.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import get_args

import structlog

from atlas_scheduler.core.events import Event
from atlas_scheduler.feed import Interest
from atlas_scheduler.hooks.hook import Ended, Hook, HookFailed
from atlas_scheduler.service import Service
from atlas_scheduler.store import history, meta
from atlas_scheduler.store.db import Database
from foundations.errors import AtlasError, NotFound
from foundations.models import FINAL_STATES, Change

RETRY_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0)
"""Pauses between tries; the last one repeats."""
_OF_THE_LIFECYCLE = frozenset(kind.__name__ for kind in get_args(Event))
"""What is done to a job by hand after its end, such as a tag, is no end."""

log = structlog.get_logger(__name__)


class Messenger:
    """Tells hooks of ends, each at its own pace."""

    def __init__(
        self,
        service: Service,
        database: Database,
        hooks: Sequence[tuple[str, Hook]],
        *,
        give_up_seconds: float,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; `run` does it.

        Args:
            service: whose jobs end.
            database: where is noted what each hook was told.
            hooks: each with its id.
            give_up_seconds: how long after an end a hook is tried again.
            retry_seconds: the pauses between tries.
            now: the time.
        """
        self._service = service
        self._database = database
        self._hooks = hooks
        self._give_up_seconds = give_up_seconds
        self._retry_seconds = retry_seconds
        self._now = now

    async def run(self) -> None:
        """Tell all hooks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, hook in self._hooks:
                group.create_task(self._keep(name, hook))

    async def _keep(self, name: str, hook: Hook) -> None:
        """Go on with a hook also after the database could not be read or written."""
        while True:
            try:
                await self._follow(name, hook)
            except AtlasError as error:
                log.warning("a hook waits", hook=hook.target, problem=error.message)
            await asyncio.sleep(self._retry_seconds[-1])

    async def _follow(self, name: str, hook: Hook) -> None:
        key = f"hook.{name}"
        told = await self._cursor(key)
        feed = self._service.feed.follow(told, Interest(), follow=True)
        async for change in feed:
            if not isinstance(change, Change) or not _is_end(change, hook):
                continue
            await self._tell(hook, change)
            await self._note(key, change.seq)

    async def _cursor(self, key: str) -> int:
        """What a hook was told last; a new one is told of what ends from now on."""

        def look(conn: sqlite3.Connection) -> int:
            found: int | None = meta.get_setting(conn, key)
            if found is None:
                found = history.last_seq(conn)
                meta.set_setting(conn, key, found)
            return found

        return await self._database.write(look)

    async def _note(self, key: str, seq: int) -> None:
        await self._database.write(lambda conn: meta.set_setting(conn, key, seq))

    async def _tell(self, hook: Hook, change: Change) -> None:
        for tries in count():
            try:
                job = await self._service.view(change.job_id, explain=False)
            except NotFound:
                return  # it was deleted, and nothing is known of it any more
            problem = await _try(hook, Ended(change.seq, job.model_copy(update=_as_of(change))))
            self._count(hook, "told" if problem is None else "failed")
            if problem is None or not self._may_try_again(hook, change, problem):
                return
            await asyncio.sleep(self._retry_seconds[min(tries, len(self._retry_seconds) - 1)])

    def _may_try_again(self, hook: Hook, change: Change, problem: str) -> bool:
        fields = {"kind": hook.kind, "hook": hook.target, "job_id": change.job_id}
        if (self._now() - change.at).total_seconds() < self._give_up_seconds:
            log.warning("a hook was not told", **fields, problem=problem)
            return True
        log.error("a hook is never told of a job", **fields, problem=problem)
        self._count(hook, "given up")
        return False

    def _count(self, hook: Hook, outcome: str) -> None:
        self._service.telemetry.deliveries.labels(hook.kind, outcome).inc()


async def _try(hook: Hook, ended: Ended) -> str | None:
    """Tell a hook; return what went wrong."""
    try:
        await hook.tell(ended)
    except HookFailed as error:
        return str(error)
    except Exception as error:  # whatever a library of notices raises must not end the others
        log.exception("a hook met a defect", kind=hook.kind, hook=hook.target)
        return type(error).__name__
    return None


def _as_of(change: Change) -> dict[str, object]:
    """What a job was at its end, though a retry may be under way by now."""
    return {"state": change.state}


def _is_end(change: Change, hook: Hook) -> bool:
    is_end = change.state in FINAL_STATES and change.event in _OF_THE_LIFECYCLE
    return is_end and change.state in hook.states
