"""A connection to an ASGI application without a network, which streams and can be given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp, Message


class InMemory(httpx.AsyncBaseTransport):
    """Answers pass piece by piece, and closing one early is a disconnect (httpx's own waits)."""

    def __init__(self, app: ASGIApp, *, peer: str | None = None) -> None:
        """Ask an application, from an address or, as on a Unix socket, from none."""
        self._app = app
        self._client = None if peer is None else (peer, 40_000)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        exchange = _Exchange(request.stream)
        exchange.begin(self._app, {**_scope(request), "client": self._client})
        try:
            start = await exchange.answer.get()
        except asyncio.CancelledError:
            exchange.leave()
            raise
        if isinstance(start, BaseException):
            raise start
        return httpx.Response(start["status"], headers=start["headers"], stream=exchange)


class _Exchange(httpx.AsyncByteStream):
    """One request and its answer."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self.answer: asyncio.Queue[Message | BaseException] = asyncio.Queue(maxsize=1)
        self._body = aiter(body)
        self._sent = False
        self._answered = False
        self._is_complete = False
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None]

    def begin(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self._task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
            if not self._is_complete:
                said = "the answer broke off" if self._answered else "no answer"
                await self._put(httpx.RemoteProtocolError(said))
        except Exception as error:
            await self._put(error)

    async def _receive(self) -> Message:
        await asyncio.sleep(0)  # as with a network, others run before the next piece is there
        if not self._sent and not self._gone.is_set():
            try:
                chunk = await anext(self._body)
            except StopAsyncIteration:
                self._sent = True
                return {"type": "http.request", "body": b"", "more_body": False}
            except httpx.TransportError:
                self._gone.set()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": True}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._answered = True
        self._is_complete = message["type"] == "http.response.body" and not message.get("more_body")
        await self._put(message)

    async def _put(self, message: Message | BaseException) -> None:
        """Hand over a message, or drop it when nobody reads any more."""
        put = asyncio.ensure_future(self.answer.put(message))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({put, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
            gone.cancel()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.answer.get()
            if isinstance(message, BaseException):
                raise httpx.RemoteProtocolError("the answer broke off") from message
            more = message.get("more_body", False)
            if message["body"]:
                yield message["body"]

    def leave(self) -> None:
        """Be gone without waiting for the answer's end."""
        self._gone.set()

    async def aclose(self) -> None:
        self.leave()
        async with asyncio.timeout(10):
            await self._task


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": None,
        "root_path": "",
    }
