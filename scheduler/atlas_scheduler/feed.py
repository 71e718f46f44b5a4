"""The change feed: wakes whoever follows it, and tells what came."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from atlas_scheduler.store import history
from atlas_scheduler.store.db import Database
from foundations.errors import AtlasError
from foundations.models import Change, HostView, NewRecords, QueueChange

HEARTBEAT_SECONDS = 15.0
"""A follower of the change feed hears from the server at least this often."""
RECORDS_SECONDS = 1.0
"""A follower is told of new records at most this often, of all jobs in one notice."""

HOST_SECONDS = 5.0
"""A follower who wants to know how busy the machine is hears it this often."""
_MOST_CHANGES = 500
"""So many are read at once."""
_LOOK_SECONDS = 2.0
"""Longest that news wait for a look at the machine."""

News = Change | QueueChange | NewRecords | HostView


@dataclass(frozen=True, slots=True)
class Interest:
    """What a follower wants to hear of, beside changes of jobs."""

    job_id: str | None = None
    """Only this job; None is all of them."""
    queue: bool = False
    records: bool = False
    host: bool = False


@dataclass(slots=True, eq=False)
class _Follower:
    """One reader of the feed, and what it has still to be told."""

    interest: Interest
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_behind: bool = True
    """Whether the history has become longer since it was read last."""
    recorded: set[str] = field(default_factory=set)
    """Jobs that recorded something since it was told last."""
    due_at: float = 0.0
    """When it may be told of records again, in seconds of the event loop's clock."""
    host_due_at: float = 0.0
    """When it is to hear of the machine again."""

    def take_records(self, now: float) -> NewRecords | None:
        if not self.recorded or now < self.due_at:
            return None
        told = NewRecords(job_ids=sorted(self.recorded))
        self.recorded.clear()
        self.due_at = now + RECORDS_SECONDS
        return told

    def wake_at(self, silent_until: float) -> float:
        """When there is something to tell even if nothing happens."""
        times = [silent_until]
        times += [self.due_at] if self.recorded else []
        times += [self.host_due_at] if self.interest.host else []
        return min(times)


class Feed:
    """History as it is written, for any number of followers."""

    def __init__(self, database: Database, look: Callable[[], Awaitable[HostView]]) -> None:
        """Tell of a database's history and, by `look`, of the machine."""
        self._database = database
        self._look = look
        self._followers: set[_Follower] = set()

    def announce(self) -> None:
        """Wake the followers: the history has become longer."""
        for one in self._followers:
            one.is_behind = True
            one.woken.set()

    def recorded(self, job_id: str) -> None:
        """Note that records of a job were taken in; who does not want to know is not woken."""
        for one in self._followers:
            if one.interest.records and one.interest.job_id in (None, job_id):
                if not one.recorded:
                    one.woken.set()
                one.recorded.add(job_id)

    async def follow(
        self, since: int, interest: Interest, *, follow: bool
    ) -> AsyncGenerator[News | None]:
        """Every change after `since`, in order, then new ones as they come.

        Yields:
            News; None as a sign of life when nothing happens for `HEARTBEAT_SECONDS`.
        """
        # Who does not follow asks for what is kept; the machine can be asked by itself.
        follower = _Follower(interest if follow else replace(interest, host=False))
        self._followers.add(follower)
        try:
            async for one in self._follow(since, follower, follow=follow):
                yield one
        finally:
            self._followers.discard(follower)

    async def _follow(
        self, since: int, follower: _Follower, *, follow: bool
    ) -> AsyncGenerator[News | None]:
        clock = asyncio.get_running_loop().time
        alive_at = clock()
        while True:
            follower.woken.clear()
            for change in await self._read(since, follower):
                since, alive_at = change.seq, clock()
                yield change
            for notice in await self._notices(follower, clock()):
                alive_at = clock()
                yield notice
            if follower.is_behind:
                continue
            if not follow:
                return
            silent_until = alive_at + HEARTBEAT_SECONDS
            # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(follower.wake_at(silent_until)):
                    await follower.woken.wait()
            if clock() >= silent_until:
                alive_at = clock()
                yield None

    async def _notices(self, follower: _Follower, now: float) -> list[News]:
        """What is due to be told and is not kept."""
        told: list[News | None] = [follower.take_records(now)]
        if follower.interest.host and now >= follower.host_due_at:
            follower.host_due_at = now + HOST_SECONDS
            told.append(await self._host())
        return [one for one in told if one is not None]

    async def _read(self, since: int, follower: _Follower) -> Sequence[Change | QueueChange]:
        if not follower.is_behind:
            return []
        follower.is_behind = False
        interest = follower.interest
        job_id = interest.job_id

        def look(conn: sqlite3.Connection) -> Sequence[Change | QueueChange]:
            if interest.queue and job_id is None:
                return history.all_changes_since(conn, since, limit=_MOST_CHANGES)
            return history.changes_since(conn, since, job_id=job_id, limit=_MOST_CHANGES)

        found = await self._database.read(look)
        if len(found) == _MOST_CHANGES:
            follower.is_behind = True
        return found

    async def _host(self) -> HostView | None:
        """Look at the machine; a disk or driver that hangs holds up no other news."""
        with suppress(TimeoutError, AtlasError):
            async with asyncio.timeout(_LOOK_SECONDS):
                return await self._look()
        return None
