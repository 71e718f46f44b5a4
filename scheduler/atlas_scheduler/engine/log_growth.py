"""Notes when the log of a job grows that the job writes itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from atlas_scheduler.engine.port import JobLog
from atlas_scheduler.engine.threads import in_thread

LOOK_SECONDS = 0.25
"""How often a log is looked at: a look is one `stat`. What came between two looks counts as one."""


@asynccontextmanager
async def growth_noted(log: JobLog) -> AsyncGenerator[None]:
    """Note how a log grows within this block; what it gains after the last look is left."""
    looks = asyncio.create_task(_keep_looking(log))
    try:
        yield
    finally:
        looks.cancel()
        await asyncio.wait([looks])


async def _keep_looking(log: JobLog) -> None:
    seen_bytes = -1
    while True:
        size_bytes = _size_of(log.path)
        if size_bytes != seen_bytes:
            await in_thread(log.touch, name="look")
            seen_bytes = size_bytes
        await asyncio.sleep(LOOK_SECONDS)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
