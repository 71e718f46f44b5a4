"""Long operations that several callers want at once: done once, and dropped when nobody waits."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Tell = Callable[[str], None]
"""Takes a line of progress, from any thread."""


@dataclass(eq=False)
class _Run:
    """One operation and those who wait for it."""

    said: deque[str]
    listeners: list[Tell] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, line: str) -> None:
        with self.lock:
            self.said.append(line)
            for listener in self.listeners:
                listener(line)

    def join(self, listener: Tell) -> None:
        with self.lock:
            self.listeners.append(listener)
            for line in self.said:
                listener(line)

    def leave(self, listener: Tell) -> None:
        with self.lock:
            self.listeners.remove(listener)


class SharedRuns:
    """Operations under way, by what they make."""

    def __init__(self, *, replayed_lines: int = 1) -> None:
        """Begin with none.

        Args:
            replayed_lines: how many of the latest lines one hears who comes later.
        """
        self._runs: dict[str, _Run] = {}
        self._replayed_lines = replayed_lines

    async def join(self, key: str, listener: Tell, make: Callable[[Tell], Awaitable[None]]) -> None:
        """Wait for the operation of `key`, beginning it when nobody did.

        Cancelled, it leaves the operation to the others who wait; the last one ends it.

        Args:
            key: what is made.
            listener: hears the progress, never after this has returned.
            make: makes it; raises when it cannot.
        """
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = _Run(deque(maxlen=self._replayed_lines))
            run.join(listener)
            run.task = asyncio.ensure_future(self._make(key, run, make))
        else:
            run.join(listener)
        assert run.task is not None
        try:
            await asyncio.shield(run.task)
        finally:
            run.leave(listener)
            if not run.listeners and not run.task.done():
                self._forget(key, run)  # who comes now begins another one
                run.task.cancel()
                await asyncio.wait([run.task])

    async def _make(self, key: str, run: _Run, make: Callable[[Tell], Awaitable[None]]) -> None:
        try:
            await make(run.tell)
        finally:
            self._forget(key, run)

    def _forget(self, key: str, run: _Run) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]
