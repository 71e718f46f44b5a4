"""The change feed: wakes whoever follows it, and tells what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import partial

from atlas_scheduler.store import history
from atlas_scheduler.store.db import Database
from foundations.models import Change, NewRecords, QueueChange

HEARTBEAT_SECONDS = 15.0
"""A follower of the change feed hears from the server at least this often."""
RECORDS_SECONDS = 1.0
"""A follower is told of new records at most this often, of all jobs in one notice."""

News = Change | QueueChange | NewRecords


@dataclass(frozen=True, slots=True)
class Interest:
    """What a follower wants to hear of, beside changes of jobs."""

    job_id: str | None = None
    """Only this job; None is all of them."""
    queue: bool = False
    records: bool = False


@dataclass(slots=True, eq=False)
class _Records:
    """Jobs that recorded something since a follower was told last."""

    only: str | None
    job_ids: set[str] = field(default_factory=set)
    due_at: float = 0.0
    """Time of the event loop, in seconds."""

    def take(self, now: float) -> NewRecords | None:
        if not self.job_ids or now < self.due_at:
            return None
        told = NewRecords(job_ids=sorted(self.job_ids))
        self.job_ids.clear()
        self.due_at = now + RECORDS_SECONDS
        return told


class Feed:
    """History as it is written, for any number of followers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next = asyncio.Event()
        self._records: set[_Records] = set()

    def announce(self) -> None:
        """Wake the followers: the history has become longer."""
        self._next.set()
        self._next = asyncio.Event()

    def recorded(self, job_id: str) -> None:
        """Note that records of a job were taken in; nobody is woken who does not care."""
        waiting = [one for one in self._records if one.only in (None, job_id)]
        for one in waiting:
            one.job_ids.add(job_id)
        if waiting:
            self.announce()

    async def follow(
        self, since: int, interest: Interest, *, follow: bool
    ) -> AsyncGenerator[News | None]:
        """Every change after `since`, in order, then new ones as they come.

        Yields:
            News; None as a sign of life when nothing happens for `HEARTBEAT_SECONDS`.
        """
        records = _Records(interest.job_id)
        if interest.records and follow:
            self._records.add(records)
        try:
            async for one in self._follow(since, interest, records, follow=follow):
                yield one
        finally:
            self._records.discard(records)

    async def _follow(
        self, since: int, interest: Interest, records: _Records, *, follow: bool
    ) -> AsyncGenerator[News | None]:
        clock = asyncio.get_running_loop().time
        alive_at = clock()
        while True:
            changed = self._next
            found = await self._read(since, interest)
            for change in found:
                since = change.seq
                yield change
            told = records.take(clock())
            if told is not None:
                yield told
            if found or told is not None:
                alive_at = clock()
                continue
            if not follow:
                return
            silent_until = alive_at + HEARTBEAT_SECONDS
            wake_at = min(silent_until, records.due_at) if records.job_ids else silent_until
            try:
                await asyncio.wait_for(changed.wait(), max(0.0, wake_at - clock()))
            except TimeoutError:
                if clock() >= silent_until:
                    alive_at = clock()
                    yield None

    async def _read(
        self, since: int, interest: Interest
    ) -> list[Change] | list[Change | QueueChange]:
        if interest.queue and interest.job_id is None:
            return await self._database.read(partial(history.all_changes_since, seq=since))
        return await self._database.read(
            partial(history.changes_since, seq=since, job_id=interest.job_id)
        )
