"""Answers that are sent piece by piece, and end the moment their reader is gone."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import ExitStack, aclosing, nullcontext
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from anyio.to_thread import run_sync
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from atlas_scheduler.api.errors import answer
from atlas_scheduler.metering import Meter
from foundations.errors import TooMany

CHUNK_BYTES = 256 * 1024
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""OpenAPI's words for bytes as they are."""


class StreamedResponse(StreamingResponse):
    """A stream that may wait long for its next piece, and watches its reader meanwhile.

    It breaks off when the token that asked for it holds no longer.
    """

    def __init__(
        self,
        pieces: AsyncIterable[bytes],
        *,
        media_type: str,
        headers: dict[str, str],
        file: BinaryIO | None = None,
    ) -> None:
        """Prepare to send `pieces`, and to close the `file` that they come from."""
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
        self._pieces = _relay(pieces)
        self._file = file
        super().__init__(self._pieces, media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces until they end or the reader is gone."""

        async def send_or_stop(message: Message) -> None:
            try:
                await send(message)
            except OSError:
                tasks.cancel_scope.cancel()

        async def watch() -> None:
            await self.listen_for_disconnect(receive)
            tasks.cancel_scope.cancel()

        with self._file or nullcontext():
            async with aclosing(self._pieces), anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                tasks.start_soon(self._end_with_token, scope, tasks.cancel_scope)
                await self._deliver(scope, send_or_stop)
                tasks.cancel_scope.cancel()

    async def _end_with_token(self, scope: Scope, delivery: anyio.CancelScope) -> None:
        await _until_over(scope)
        delivery.cancel()

    async def _deliver(self, scope: Scope, send: Send) -> None:
        await self.stream_response(send)


class FollowedResponse(StreamedResponse):
    """A stream without an end of its own.

    It ends in good order when the server is to stop, and when the token holds no longer: whoever
    then asks for more is told why.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces, if the token that asked may follow one more."""
        meter: Meter | None = scope.get("state", {}).get("meter")
        with ExitStack() as counted:
            if meter is not None:
                try:
                    counted.enter_context(meter.follower())
                except TooMany as error:
                    await self._pieces.aclose()
                    await answer(error)(scope, receive, send)
                    return
            await super().__call__(scope, receive, send)

    async def _end_with_token(self, scope: Scope, delivery: anyio.CancelScope) -> None:
        """`_deliver` sees to it."""

    async def _deliver(self, scope: Scope, send: Send) -> None:
        closing: asyncio.Event = scope["app"].state.closing
        delivery = anyio.CancelScope()

        async def end_after(over: Callable[[], Awaitable[object]]) -> None:
            await over()
            delivery.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_after, closing.wait)
            tasks.start_soon(end_after, partial(_until_over, scope))
            with delivery, scope["app"].state.service.telemetry.following():
                await self.stream_response(send)
            if delivery.cancelled_caught:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            tasks.cancel_scope.cancel()


async def _until_over(scope: Scope) -> None:
    """Wait until the token holds no longer that a request showed; for ever if it needed none."""
    await scope.get("state", {}).get("until_over", anyio.sleep_forever)()


def attachment(name: str) -> dict[str, str]:
    """The header that gives a download its name."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


async def _relay(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Yield what `pieces` yields, and close it with this generator."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def from_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a blocking iterator yields, and close it, always in a thread."""
    try:
        while (piece := await run_sync(next, pieces, None)) is not None:
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await run_sync(close)
