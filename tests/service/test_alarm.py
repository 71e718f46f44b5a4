"""An alarm rings at the time it was set to last."""

from __future__ import annotations

import asyncio

import pytest

from atlas_scheduler.alarm import Alarm

pytestmark = pytest.mark.anyio

NOW_MS = 1_700_000_000_000
DEADLINE_SECONDS = 10


async def test_it_rings_at_its_time_and_at_once_when_that_has_passed() -> None:
    rung = asyncio.Event()
    alarm = Alarm(rung.set, clock_ms=lambda: NOW_MS)
    for at_ms in (NOW_MS + 20, NOW_MS - 1_000):
        alarm.set(at_ms)
        await asyncio.wait_for(rung.wait(), DEADLINE_SECONDS)
        rung.clear()


async def test_a_later_wish_replaces_an_earlier_one() -> None:
    rung: list[str] = []
    done = asyncio.Event()
    alarm = Alarm(lambda: rung.append("alarm"), clock_ms=lambda: NOW_MS)
    alarm.set(NOW_MS)
    alarm.set(None)
    alarm.set(NOW_MS)
    alarm.set(NOW_MS + 10**9)
    asyncio.get_running_loop().call_later(0.01, done.set)
    await asyncio.wait_for(done.wait(), DEADLINE_SECONDS)
    alarm.set(None)
    assert rung == []
