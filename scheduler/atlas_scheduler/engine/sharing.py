"""Long operations that several callers want at once: done once, and dropped when nobody waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Tell = Callable[[str], None]
"""Takes a line of progress, from any thread."""


@dataclass(eq=False)
class _Run:
    """One operation and those who wait for it."""

    task: asyncio.Task[None] | None = None
    listeners: list[Tell] = field(default_factory=list)
    latest: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, line: str) -> None:
        with self.lock:
            self.latest = line
            for listener in self.listeners:
                listener(line)

    def join(self, listener: Tell) -> None:
        with self.lock:
            self.listeners.append(listener)
            if self.latest is not None:
                listener(self.latest)

    def leave(self, listener: Tell) -> None:
        with self.lock:
            self.listeners.remove(listener)


class SharedRuns:
    """Operations under way, by what they make."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

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
            run = self._runs[key] = _Run()
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
                run.task.cancel()
                await asyncio.wait([run.task])

    async def _make(self, key: str, run: _Run, make: Callable[[Tell], Awaitable[None]]) -> None:
        try:
            await make(run.tell)
        finally:
            del self._runs[key]
