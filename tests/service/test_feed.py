"""The change feed tells all that is written, in order and once, however it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

import pytest

from atlas_scheduler.feed import HEARTBEAT_SECONDS, Feed, Interest, News
from atlas_scheduler.service import Service
from atlas_scheduler.store import history
from atlas_scheduler.store.db import Database, Work
from foundations.models import QueueChange

pytestmark = pytest.mark.anyio
T = TypeVar("T")
QUEUE = Interest(queue=True)


class Counted(Database):
    """A database that counts how often it is read."""

    def __init__(self, whole: Database) -> None:
        self._whole = whole
        self.reads = 0

    async def read(self, work: Work[T]) -> T:
        self.reads += 1
        return await self._whole.read(work)


async def write(database: Database, count: int) -> None:
    await database.write(
        lambda conn: [
            history.append_queue_change(
                conn, project=None, event="QueueChanged", at_ms=number, detail={}
            )
            for number in range(count)
        ]
    )


async def next_seq(news: AsyncGenerator[News | None]) -> int:
    async with asyncio.timeout(HEARTBEAT_SECONDS / 2):
        told = await anext(news)
    assert isinstance(told, QueueChange)
    return told.seq


async def test_a_long_history_is_told_whole(service: Service, database: Database) -> None:
    await write(database, 1_201)
    told = [one async for one in service.feed.follow(0, QUEUE, follow=False)]
    assert [one.seq for one in told if isinstance(one, QueueChange)] == list(range(1, 1_202))


async def test_what_comes_while_another_change_is_told_is_told_next(
    service: Service, database: Database
) -> None:
    news = service.feed.follow(0, QUEUE, follow=True)
    await write(database, 1)
    assert await next_seq(news) == 1
    await write(database, 2)
    service.feed.announce()
    assert [await next_seq(news), await next_seq(news)] == [2, 3]
    await news.aclose()


async def test_one_change_costs_each_follower_one_look(
    service: Service, database: Database
) -> None:
    counted = Counted(database)
    feed = Feed(counted, service.machine.host)
    news = feed.follow(0, QUEUE, follow=True)
    await write(database, 1)
    assert await next_seq(news) == 1
    for seq in (2, 3):
        waiting = asyncio.create_task(next_seq(news))
        await write(database, 1)
        feed.announce()
        assert await waiting == seq
    assert counted.reads == 3
    await news.aclose()
