"""What somebody follows ends with the token that it was asked for with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from atlas_scheduler.api.streaming import StreamedResponse
from atlas_scheduler.store.tokens import LEEWAY_MS
from tests.api.guarded import bearer, guarded
from tests.api.shared_scheduler import Shared, shared_scheduler

pytestmark = pytest.mark.anyio

FEED = "/changes?follow=true"
LIFE_SECONDS = 100


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared_scheduler(tmp_path) as opened:
        yield opened


async def begun(shared: Shared, answer: httpx.Response) -> AsyncIterator[str]:
    """The lines of a feed, from the first change on."""
    lines = aiter(answer.aiter_lines())
    await shared.submit(shared.ada)
    async with asyncio.timeout(10):
        while not (await anext(lines)).startswith("data:"):
            pass
    return lines


async def to_its_end(lines: AsyncIterator[object]) -> None:
    async with asyncio.timeout(10):
        async for _ in lines:
            pass


async def test_a_feed_ends_when_its_token_is_revoked_and_others_go_on(shared: Shared) -> None:
    http, tokens = shared.door.http, shared.door.tokens
    other = bearer(await shared.door.secret(user="bob", name="bob again"))
    async with (
        http.stream("GET", FEED, headers=shared.bob) as answer,
        http.stream("GET", FEED, headers=other) as others,
    ):
        lines, their_lines = await begun(shared, answer), await begun(shared, others)
        await tokens.revoke("bob submit", by="root")
        await to_its_end(lines)

        await shared.submit(shared.ada)
        async with asyncio.timeout(10):
            while not (await anext(their_lines)).startswith("data:"):
                pass
    again = await http.get(FEED, headers=shared.bob)
    assert (again.status_code, "was revoked" in again.text) == (401, True)


async def test_a_feed_ends_when_the_time_of_its_token_is_over(shared: Shared) -> None:
    secret = await shared.door.secret(user="mia", expires_seconds=LIFE_SECONDS)
    shared.door.clock.now_ms += LIFE_SECONDS * 1000 + LEEWAY_MS - 5
    async with shared.door.http.stream("GET", FEED, headers=bearer(secret)) as answer:
        lines = await begun(shared, answer)
        shared.door.clock.now_ms += 10
        await to_its_end(lines)


async def test_a_download_breaks_off_when_its_token_is_revoked(shared: Shared) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a"
            await asyncio.sleep(0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = StreamedResponse(endless(), media_type="text/plain", headers={})
        await answer(scope, receive, send)

    async with guarded(app, shared.service._database) as door:
        secret = await door.secret(user="mia")
        async with door.http.stream("GET", "/", headers=bearer(secret)) as answer:
            pieces = aiter(answer.aiter_raw())
            assert await anext(pieces) == b"a"
            await door.tokens.revoke("mia admin", by="root")
            with pytest.raises(httpx.RemoteProtocolError):
                await to_its_end(pieces)
