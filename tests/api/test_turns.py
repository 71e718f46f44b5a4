"""Requests of one token wait for each other, and hardly for those of another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from atlas_scheduler.core.turn_order import ALONE
from atlas_scheduler.store.db import Database
from atlas_scheduler.turns import Turns
from foundations.models import Role
from tests.api.guarded import Guarded, bearer, guarded

pytestmark = pytest.mark.anyio
REQUESTS = 6


class Desk:
    """An application that answers when a test lets it."""

    def __init__(self) -> None:
        self.begun = 0
        self._more = asyncio.Condition()
        self.begin = asyncio.Event()
        """Lets answers begin."""
        self.end = asyncio.Event()
        """Lets them end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._more:
            self.begun += 1
            self._more.notify_all()
        await self.begin.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        await self.end.wait()
        await send({"type": "http.response.body", "body": b"done"})

    async def until_begun(self, count: int) -> None:
        with anyio.fail_after(5):
            async with self._more:
                await self._more.wait_for(lambda: self.begun >= count)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def door(desk: Desk, tmp_path: Path) -> AsyncIterator[Guarded]:
    async with (
        await Database.open(tmp_path / "scheduler.db") as database,
        guarded(desk, database) as found,
    ):
        yield found


async def _ask(door: Guarded, secret: str) -> str:
    answer = await door.http.get("/info", headers={**bearer(secret), "x-unchecked": "1"})
    return answer.text


async def test_one_token_has_few_requests_worked_on_and_another_does_not_wait(
    desk: Desk, door: Guarded
) -> None:
    noisy, quiet = await door.secret(Role.READ), await door.secret(Role.READ, user="ben")
    asked = [asyncio.create_task(_ask(door, noisy)) for _ in range(REQUESTS)]
    await desk.until_begun(ALONE)
    asked.append(asyncio.create_task(_ask(door, quiet)))
    await desk.until_begun(ALONE + 1)
    assert desk.begun == ALONE + 1
    desk.begin.set()
    # An answer that has begun holds nobody up, such as a log that is followed.
    await desk.until_begun(REQUESTS + 1)
    desk.end.set()
    assert await asyncio.gather(*asked) == ["begun done"] * (REQUESTS + 1)


async def test_a_client_that_goes_away_gives_its_turn_back(desk: Desk, door: Guarded) -> None:
    secret = await door.secret(Role.READ)
    gone = [asyncio.create_task(_ask(door, secret)) for _ in range(ALONE)]
    await desk.until_begun(ALONE)
    for one in gone:
        one.cancel()
    asked = asyncio.create_task(_ask(door, secret))
    await desk.until_begun(ALONE + 1)
    desk.begin.set()
    desk.end.set()
    assert await asked == "begun done"


@pytest.mark.parametrize("first", ["the request goes", "the turn comes"])
async def test_a_turn_of_a_request_that_is_given_up_is_passed_on(first: str) -> None:
    turns = Turns()

    async def take() -> None:
        async with turns.next("ada"):
            pass

    async with turns.next("ada") as turn, turns.next("ada"):
        late, last = asyncio.create_task(take()), asyncio.create_task(take())
        await asyncio.sleep(0)
        late.cancel()
        if first == "the request goes":
            await asyncio.wait([late])
        turn.end()
        with anyio.fail_after(5):
            await last
    assert late.cancelled()


async def test_the_owner_waits_for_nobody() -> None:
    turns = Turns()
    async with AsyncExitStack() as held:
        for _ in range(ALONE):
            await held.enter_async_context(turns.next("ada"))
        for _ in range(REQUESTS):
            await held.enter_async_context(turns.next(None))


async def test_a_turn_that_takes_long_ends_by_itself() -> None:
    turns = Turns(longest_seconds=0)
    with anyio.fail_after(5):
        async with AsyncExitStack() as held:
            for _ in range(ALONE):
                turn = await held.enter_async_context(turns.next("ada"))
            for _ in range(ALONE):
                await held.enter_async_context(turns.next("ada"))
            turn.end()  # once more: that gives no further turn
