"""Blocking work off the event loop, finished even when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a thread. A cancelled caller leaves at once; the function runs on."""
    loop = asyncio.get_running_loop()
    return await asyncio.shield(loop.run_in_executor(None, partial(function, *args, **kwargs)))


async def finish_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a thread. A cancelled caller waits for its end, so that nobody else meets
    its work half-done."""
    loop = asyncio.get_running_loop()
    running = loop.run_in_executor(None, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
