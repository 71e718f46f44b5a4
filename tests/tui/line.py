"""A line to a scheduler in memory that can be cut, also in the middle of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

from tests.api.in_memory import InMemory


class Line(httpx.AsyncBaseTransport):
    """Passes requests on while it is whole."""

    def __init__(self, beyond: InMemory) -> None:
        self._beyond = beyond
        self._cut = asyncio.Event()
        self.requests: list[str] = []
        """Paths that were asked for, in order."""
        self.answers_500 = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.stalled = 0
        """Requests that get no answer before the line flows again."""
        self.unanswered = 0
        """Requests under way, without those that follow something."""

    def cut(self) -> None:
        """Break every answer that is under way, and refuse new ones."""
        self._cut.set()

    def mend(self) -> None:
        """Let requests pass again."""
        self._cut = asyncio.Event()

    def stall(self) -> None:
        """Keep what is asked from now on from the scheduler."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let the scheduler hear what it was asked meanwhile."""
        self._flowing.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        if self._cut.is_set():
            raise httpx.ConnectError("the line is cut", request=request)
        if self.answers_500:
            body = b'{"error": "internal", "message": "The scheduler met a defect."}'
            return httpx.Response(500, content=body, headers={"X-Atlas-Version": "0.1.0"})
        follows = request.url.params.get("follow") == "true"
        self.unanswered += not follows
        try:
            await self._until_it_flows()
            answer = await self._beyond.handle_async_request(request)
        finally:
            self.unanswered -= not follows
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Breakable(answer.stream, self._cut),
        )

    async def _until_it_flows(self) -> None:
        self.stalled += 1
        try:
            await self._flowing.wait()
        finally:
            self.stalled -= 1


class _Breakable(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, cut: asyncio.Event) -> None:
        self._stream = stream
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._stream)
        while True:
            piece = asyncio.ensure_future(anext(pieces, None))
            broken = asyncio.ensure_future(self._cut.wait())
            try:
                await asyncio.wait({piece, broken}, return_when=asyncio.FIRST_COMPLETED)
                if self._cut.is_set():
                    raise httpx.ReadError("the line was cut")
                found = piece.result()
            finally:
                piece.cancel()
                broken.cancel()
            if found is None:
                return
            yield found

    async def aclose(self) -> None:
        await self._stream.aclose()
