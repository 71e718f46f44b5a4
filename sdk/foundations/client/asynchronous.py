"""The client for asyncio: the twin of `foundations.client.blocking`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from foundations import calls
from foundations.beside.tunnel_verbs import AsyncTunnelVerbs
from foundations.bundles.upload import Upload
from foundations.calls import Call
from foundations.client import exchange, transports
from foundations.errors import Unreachable
from foundations.lazy_models import models
from foundations.transport.address import Address
from foundations.transport.reconnection import PATIENCE, Patience
from foundations.transport.repetition import Told, in_turn_async
from foundations.transport.trust import SYSTEM, Trust

if TYPE_CHECKING:
    from foundations.bundles.packs import Item, Sent

T = TypeVar("T")


class AsyncClient(AsyncTunnelVerbs):
    """A scheduler, for asyncio: an async context manager, and the twin of `Client`."""

    deferred: Told | None = None
    """Called before each wait for a limit that refuses a request for now."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        trust: Trust = SYSTEM,
        timeout_seconds: float = exchange.ANSWER_SECONDS,
        patience: Patience = PATIENCE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to talk to a scheduler; see `Client`."""
        self._address = Address.parse(url)
        self.patience = patience
        self._trust = trust
        if transport is None:
            transport = transports.for_asyncio(self._address, trust, timeout_seconds)
        options = exchange.options(self._address, token, timeout_seconds)
        if transport is None:
            options["verify"] = transports.verification(self._address, trust)
        self._http = httpx.AsyncClient(transport=transport, **options)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._address.url

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

        async def send() -> T:
            return exchange.read(call, await self._begin(call), self._address)

        return await self._in_turn(send)

    async def upload_bundle(
        self, digest: str, path: str | Path, *, watch: Callable[[int], None] | None = None
    ) -> models.BundleView:
        """Upload a packed bundle, in constant memory."""
        from anyio.to_thread import run_sync  # not at the top: the blocking twin needs no threads

        async def pieces(upload: Upload) -> AsyncIterator[bytes]:
            while piece := await run_sync(upload.piece):
                yield piece

        async def send() -> models.BundleView:
            with await run_sync(Upload, digest, path, watch) as upload:
                return await self._send_body(upload.call, pieces(upload))

        return await self._in_turn(send)

    async def send_files(
        self, items: Sequence[Item], sent: Sent | None = None, *, gzip: bool = False
    ) -> models.FilesReceived:
        """Send files of a bundle that `declare_bundle` has named, in constant memory."""
        from anyio.to_thread import run_sync  # not at the top: the blocking twin needs no threads

        from foundations.bundles import packs

        pieces, gzip = packs.body(items, sent or packs.Sent()), gzip and not self._address.socket
        if gzip:
            pieces = packs.compressed(pieces)

        async def content() -> AsyncIterator[bytes]:
            while (piece := await run_sync(next, pieces, None)) is not None:
                yield piece

        return await self._send_body(calls.bundles.send_files(gzip=gzip), content())

    @asynccontextmanager
    async def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AsyncIterator[httpx.Response]:
        """Send a call, and give its answer as soon as that begins."""
        answer = await self._in_turn(lambda: self._opened(call, exchange.patient(silence_seconds)))
        with exchange.speaking(self._address, self._trust):
            async with aclosing(answer):
                yield answer

    async def _opened(self, call: Call[None], waits: httpx.Timeout) -> httpx.Response:
        answer = await self._begin(call, stream=True, waits=waits)
        if answer.status_code in call.expected:
            return answer
        with exchange.speaking(self._address, self._trust):
            async with aclosing(answer):
                await answer.aread()
                raise exchange.refusal(answer, self._address)

    async def _in_turn(self, send: Callable[[], Awaitable[T]]) -> T:
        return await in_turn_async(send, self.patience, self.deferred)

    async def _send_body(self, call: Call[T], content: AsyncIterator[bytes]) -> T:
        answer = await self._try(call, content=content, waits=exchange.patient(None))
        return exchange.read(call, answer, self._address)

    async def _begin(
        self, call: Call[Any], *, stream: bool = False, waits: httpx.Timeout | None = None
    ) -> httpx.Response:
        try:
            return await self._try(call, stream=stream, waits=waits)
        except Unreachable as error:
            if not exchange.is_worth_repeating(call, error):
                raise
        return await self._try(call, stream=stream, waits=waits)

    async def _try(
        self,
        call: Call[Any],
        *,
        content: AsyncIterator[bytes] | None = None,
        stream: bool = False,
        waits: httpx.Timeout | None = None,
    ) -> httpx.Response:
        with exchange.speaking(self._address, self._trust):
            request = exchange.request(self._http, call, content=content, waits=waits)
            return await self._http.send(request, stream=stream)
