"""What followers of a growing file share: being woken, and reading at their own offsets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from atlas_scheduler.store.threads import in_thread

WATCH_SECONDS = 0.05
"""How soon a follower sees what another process wrote."""


@dataclass(eq=False)
class _Crowd:
    """The followers in one event loop, and the watch over the file that they share."""

    loop: asyncio.AbstractEventLoop
    grown: set[asyncio.Event] = field(default_factory=set)
    wake_is_due: bool = False
    seen_bytes: int = -1
    timer: asyncio.TimerHandle | None = None


class Followers:
    """Wakes followers: by whoever writes in this process, and by watching the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._crowd: _Crowd | None = None

    @contextlib.contextmanager
    def added(self, ended: asyncio.Event) -> Iterator[asyncio.Event]:
        """Give an event that is set when the file grew, or the job ended."""
        crowd = self._join(asyncio.get_running_loop())
        grown = asyncio.Event()
        crowd.grown.add(grown)
        end_task = crowd.loop.create_task(_set_after(ended, grown))
        try:
            yield grown
        finally:
            end_task.cancel()
            crowd.grown.discard(grown)
            if not crowd.grown:
                self._disband(crowd)

    def wake(self) -> None:
        """Wake every follower; calls in quick succession cost one wake-up."""
        with self._lock:
            crowd = self._crowd
            if crowd is None or crowd.wake_is_due:
                return
            crowd.wake_is_due = True
        # A loop that is closed has no followers any more.
        with contextlib.suppress(RuntimeError):
            crowd.loop.call_soon_threadsafe(self._wake_in_loop, crowd)

    def _wake_in_loop(self, crowd: _Crowd) -> None:
        with self._lock:
            crowd.wake_is_due = False
        for grown in crowd.grown:
            grown.set()

    def _join(self, loop: asyncio.AbstractEventLoop) -> _Crowd:
        with self._lock:
            if self._crowd is None or self._crowd.loop.is_closed():
                self._crowd = _Crowd(loop)
            crowd = self._crowd
        if crowd.loop is not loop:
            raise RuntimeError("a log is followed in one event loop at a time")
        if crowd.timer is None:
            self._watch(crowd)
        return crowd

    def _disband(self, crowd: _Crowd) -> None:
        if crowd.timer is not None:
            crowd.timer.cancel()
            crowd.timer = None
        with self._lock:
            if self._crowd is crowd:
                self._crowd = None

    def _watch(self, crowd: _Crowd) -> None:
        size_bytes = size_of(self._path)
        if size_bytes != crowd.seen_bytes:
            crowd.seen_bytes = size_bytes
            for grown in crowd.grown:
                grown.set()
        crowd.timer = crowd.loop.call_later(WATCH_SECONDS, self._watch, crowd)


class LogReader:
    """Reads one file at offsets, without blocking the event loop on a slow disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    async def __aenter__(self) -> LogReader:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    async def read(self, offset: int, limit_bytes: int) -> bytes:
        """Return what is there; nothing where the file is missing or ends before."""
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return b""
        data = _read_cached(self._descriptor, offset, limit_bytes)
        if data is None:
            data = await in_thread(_read_duplicate, os.dup(self._descriptor), offset, limit_bytes)
        return data


def _read_cached(descriptor: int, offset: int, limit_bytes: int) -> bytes | None:
    """Read what is in memory; None when that would have to wait for the disk."""
    flags = getattr(os, "RWF_NOWAIT", None)
    if flags is None:
        return None
    data = bytearray(limit_bytes)
    try:
        size_bytes = os.preadv(descriptor, [data], offset, flags)
    except OSError:
        return None
    return bytes(data[:size_bytes])


def _read_duplicate(descriptor: int, offset: int, limit_bytes: int) -> bytes:
    """Read, and close: the caller may be gone, and its own descriptor with it."""
    try:
        return os.pread(descriptor, limit_bytes, offset)
    finally:
        os.close(descriptor)


async def _set_after(first: asyncio.Event, second: asyncio.Event) -> None:
    await first.wait()
    second.set()


def size_of(path: Path) -> int:
    """Return a file's size; 0 where it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
