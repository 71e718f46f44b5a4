"""The change feed: wakes whoever follows it, and tells what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
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

    def take_records(self, now: float) -> NewRecords | None:
        if not self.recorded or now < self.due_at:
            return None
        told = NewRecords(job_ids=sorted(self.recorded))
        self.recorded.clear()
        self.due_at = now + RECORDS_SECONDS
        return told


class Feed:
    """History as it is written, for any number of followers."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        follower = _Follower(interest)
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
            told = follower.take_records(clock())
            if told is not None:
                alive_at = clock()
                yield told
            if follower.is_behind:
                continue
            if not follow:
                return
            silent_until = alive_at + HEARTBEAT_SECONDS
            wake_at = min(silent_until, follower.due_at) if follower.recorded else silent_until
            try:
                # Not `wait_for`: before Python 3.12 it loses a cancellation that meets the event.
                async with asyncio.timeout_at(wake_at):
                    await follower.woken.wait()
            except TimeoutError:
                if clock() >= silent_until:
                    alive_at = clock()
                    yield None

    async def _read(self, since: int, follower: _Follower) -> Sequence[Change | QueueChange]:
        if not follower.is_behind:
            return []
        follower.is_behind = False
        interest = follower.interest
        found: Sequence[Change | QueueChange]
        if interest.queue and interest.job_id is None:
            found = await self._database.read(partial(history.all_changes_since, seq=since))
        else:
            found = await self._database.read(
                partial(history.changes_since, seq=since, job_id=interest.job_id)
            )
        if found:
            follower.is_behind = True  # there may be more than one answer holds
        return found
