"""Lets requests be worked on in turns, so that no token can crowd out the others."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType

from atlas_scheduler.core.turn_order import TurnOrder

LONGEST_SECONDS = 1.0
"""After so long a request has its time elsewhere, such as in the database, and holds up nobody."""
_OWNER = ""


class Turns:
    """The turns of everybody who asks, in the order of `TurnOrder`; of one token first come, first
    served."""

    def __init__(self, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._longest_seconds = longest_seconds
        self._order = TurnOrder()
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._look: asyncio.TimerHandle | None = None

    def next(self, token: str | None) -> Turn:
        """Return a turn of a token to be entered: that waits until it has come.

        With None it is one of the owner, who waits for nobody, and for whom others wait.
        """
        name = _OWNER if token is None else token
        return Turn(partial(self._begin, name), partial(self._end, name), self._longest_seconds)

    async def _begin(self, name: str) -> None:
        now_seconds = asyncio.get_running_loop().time()
        if name == _OWNER:
            self._order.begin_at_once(name, now_seconds=now_seconds)
            return
        self._order.ask(name, now_seconds=now_seconds)
        come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].append(come)
        self._call()
        try:
            await come
        except asyncio.CancelledError:
            if come in self._waiting[name]:
                self._waiting[name].remove(come)
                self._order.give_up(name, now_seconds=asyncio.get_running_loop().time())
                self._call()
            else:
                self._end(name)
            raise

    def _end(self, name: str) -> None:
        self._order.end(name, now_seconds=asyncio.get_running_loop().time())
        self._call()

    def _call(self) -> None:
        """Call whose turn it is, and look again when time alone will have changed that."""
        loop = asyncio.get_running_loop()
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for name in self._order.begin(now_seconds=loop.time()):
            come = self._waiting[name].popleft()
            if not come.done():  # who was cancelled just now gives the turn back
                come.set_result(None)
        seconds = self._order.look_again_seconds()
        if seconds is not None:
            self._look = loop.call_later(seconds, self._call)


class Turn:
    """A context: the turn of one request. It ends with the body, with `end`, or by itself."""

    def __init__(
        self,
        begin: Callable[[], Awaitable[None]],
        end: Callable[[], None],
        longest_seconds: float,
    ) -> None:
        self._begin = begin
        self._end = end
        self._longest_seconds = longest_seconds
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Turn:
        await self._begin()
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
        """Let others have their turn; may be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._end()
