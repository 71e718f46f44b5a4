"""Drives the blocking client and its asyncio twin by the same test, over a faulty network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Literal

import httpx
import pytest
from anyio.to_thread import run_sync

from foundations.client import AsyncClient, Client
from foundations.models import JobSpec, Submission
from foundations.transport.reconnection import Patience
from tests.api.fake_service import DIGEST

Kind = Literal["blocking", "asyncio"]
KINDS: list[Kind] = ["blocking", "asyncio"]
both = pytest.mark.parametrize("kind", KINDS)
SUBMISSION = Submission(spec=JobSpec(project="cats", params={"lr": 0.1}), bundle=DIGEST)
AT_ONCE = Patience(first_delay_seconds=0, longest_delay_seconds=0, give_up_seconds=10)


class Twin:
    """One of the two clients, used alike: an async context manager."""

    def __init__(
        self,
        kind: Kind,
        url: str,
        *,
        patience: Patience = AT_ONCE,
        network: Callable[[Kind], Any] | None = None,
        **options: Any,
    ) -> None:
        self._kind = kind
        make: Any = Client if kind == "blocking" else AsyncClient
        transport = None if network is None else network(kind)
        self._client = make(url, patience=patience, transport=transport, **options)

    async def __aenter__(self) -> Twin:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ask("close")

    def set(self, name: str, value: object) -> None:
        """Set an attribute of the client."""
        setattr(self._client, name, value)

    async def ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Call a method whose answer comes in one piece."""
        method = partial(getattr(self._client, name), *arguments, **options)
        if self._kind == "asyncio":
            return await method()
        return await run_sync(method, abandon_on_cancel=True)

    async def read(self, name: str, *arguments: Any, **options: Any) -> AsyncGenerator[Any]:
        """Call a method whose answer comes piece by piece."""
        found = getattr(self._client, name)(*arguments, **options)
        if self._kind == "asyncio":
            try:
                async for piece in found:
                    yield piece
            finally:
                await found.aclose()
            return
        try:
            while (piece := await run_sync(next, found, None)) is not None:
                yield piece
        finally:
            await run_sync(found.close)

    async def gather(self, name: str, *arguments: Any, **options: Any) -> bytes:
        """Read a stream of bytes to its end."""
        return b"".join([piece async for piece in self.read(name, *arguments, **options)])


def cutting(socket_path: str, every_bytes: int) -> Callable[[Kind], Any]:
    """Make a network that breaks the connection after so many bytes of each long answer."""

    def network(kind: Kind) -> Any:
        if kind == "blocking":
            return _Cutting(httpx.HTTPTransport(uds=socket_path), every_bytes)
        return _AsyncCutting(httpx.AsyncHTTPTransport(uds=socket_path), every_bytes)

    return network


def losing_first_answer(socket_path: str) -> Callable[[Kind], Any]:
    """Make a network that delivers the first request, and loses the answer to it."""

    def network(kind: Kind) -> Any:
        if kind == "blocking":
            return _Losing(httpx.HTTPTransport(uds=socket_path))
        return _AsyncLosing(httpx.AsyncHTTPTransport(uds=socket_path))

    return network


def answering(handler: Callable[[httpx.Request], httpx.Response]) -> Callable[[Kind], Any]:
    """Make a network where a function answers."""
    return lambda kind: httpx.MockTransport(handler)


def _is_long(request: httpx.Request) -> bool:
    return request.url.path.endswith(("/logs", "/changes", "/output"))


class _Cutting(httpx.BaseTransport):
    def __init__(self, inner: httpx.HTTPTransport, every_bytes: int) -> None:
        self._inner = inner
        self._every_bytes = every_bytes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if _is_long(request):
            assert isinstance(answer.stream, httpx.SyncByteStream)
            answer.stream = _CutStream(answer.stream, self._every_bytes)
        return answer

    def close(self) -> None:
        self._inner.close()


class _CutStream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, left_bytes: int) -> None:
        self._inner = inner
        self._left_bytes = left_bytes

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            yield piece[: self._left_bytes]
            self._left_bytes -= len(piece)
            if self._left_bytes <= 0:
                raise httpx.ReadError("cut")

    def close(self) -> None:
        self._inner.close()


class _AsyncCutting(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncHTTPTransport, every_bytes: int) -> None:
        self._inner = inner
        self._every_bytes = every_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if _is_long(request):
            assert isinstance(answer.stream, httpx.AsyncByteStream)
            answer.stream = _AsyncCutStream(answer.stream, self._every_bytes)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


class _AsyncCutStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, left_bytes: int) -> None:
        self._inner = inner
        self._left_bytes = left_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece[: self._left_bytes]
            self._left_bytes -= len(piece)
            if self._left_bytes <= 0:
                raise httpx.ReadError("cut")

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Losing(httpx.BaseTransport):
    def __init__(self, inner: httpx.HTTPTransport) -> None:
        self._inner = inner
        self._lost = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if not self._lost:
            self._lost = True
            answer.read()
            raise httpx.RemoteProtocolError("lost")
        return answer

    def close(self) -> None:
        self._inner.close()


class _AsyncLosing(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncHTTPTransport) -> None:
        self._inner = inner
        self._lost = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if not self._lost:
            self._lost = True
            await answer.aread()
            raise httpx.RemoteProtocolError("lost")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()
