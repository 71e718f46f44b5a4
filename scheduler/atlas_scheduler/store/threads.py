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
