"""Lets each token have few requests worked on at once, so that one cannot crowd out the others."""

from __future__ import annotations

import asyncio
from types import TracebackType

AT_ONCE = 2
"""Requests of one token that are worked on at once; the others wait for their turn."""
LONGEST_SECONDS = 1.0
"""After so long a request has its time elsewhere, such as in the database, and holds up nobody."""


class Turns:
    """The turns of one token, first come, first served."""

    def __init__(self, at_once: int = AT_ONCE, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._longest_seconds = longest_seconds

    def next(self) -> Turn:
        """Return a turn to be entered: that waits until it has come."""
        return Turn(self._free, self._longest_seconds)


class Turn:
    """A context: the turn of one request. It ends with the body, with `end`, or by itself."""

    def __init__(self, free: asyncio.Semaphore, longest_seconds: float) -> None:
        self._free = free
        self._longest_seconds = longest_seconds
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Turn:
        await self._free.acquire()
        self._timer = asyncio.get_running_loop().call_later(self._longest_seconds, self.end)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let the next request have its turn; may be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._free.release()
