"""One look at something slow, shared by all who ask for it at about the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """An answer that takes a while: asked for again only when it is old, never twice at once."""

    def __init__(
        self,
        ask: Callable[[], Coroutine[Any, Any, T]],
        *,
        fresh_seconds: float,
        patience_seconds: float,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set it up; nothing is asked yet.

        Args:
            ask: gets an answer.
            fresh_seconds: how old an answer may be.
            patience_seconds: how long one who asks waits for it. One that hangs stays the only
                one.
            clock_seconds: tells the time.
        """
        self._ask = ask
        self._fresh_seconds = fresh_seconds
        self._patience_seconds = patience_seconds
        self._clock_seconds = clock_seconds
        self._asking: asyncio.Task[T] | None = None
        self._answered_at: float | None = None

    async def get(self) -> T:
        """Return an answer that is fresh.

        Raises:
            TimeoutError: it did not come in time; it is still being waited for.
        """
        if self._asking is None or not self._is_of_use(self._asking):
            self._answered_at = None
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._note)
        async with asyncio.timeout(self._patience_seconds):
            return await asyncio.shield(self._asking)

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._asking is not None:
            self._asking.cancel()

    def _is_of_use(self, asking: asyncio.Task[T]) -> bool:
        if not asking.done():
            return True
        if asking.cancelled() or asking.exception() is not None or self._answered_at is None:
            return False
        return self._clock_seconds() - self._answered_at < self._fresh_seconds

    def _note(self, asking: asyncio.Task[T]) -> None:
        self._answered_at = self._clock_seconds()
        if not asking.cancelled():
            asking.exception()  # nobody may be left who asks for it
