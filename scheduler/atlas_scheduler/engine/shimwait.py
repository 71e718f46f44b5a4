"""Wait for a shim's end without polling."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.threads import in_thread


async def shim_ended(attempt: AttemptDir) -> None:
    """Return once the attempt has no living shim."""
    while await in_thread(lambda: attempt.has_shim, name="shim"):
        started = await in_thread(lambda: attempt.started, name="shim")
        process = None if started is None else _open_process(started.shim_pid)
        if process is None:
            await in_thread(attempt.await_shim, name="shim")
            continue
        try:
            # The number may have been another process' when it was opened: only while the lock
            # is held, it is the shim's.
            if await in_thread(lambda: attempt.has_shim, name="shim"):
                await _readable(process)
        finally:
            os.close(process)


def _open_process(pid: int) -> int | None:
    """Get a descriptor that becomes readable when a process ends; None where there is no such."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, partial(_settle, ready))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
