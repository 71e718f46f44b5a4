"""Repeats requests that may be repeated, while nothing answers.

They are for the middle of a conversation: who asks a scheduler for the first time wants to know at
once that nobody is there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from foundations.errors import Unreachable
from foundations.reconnection import Backoff, Patience

T = TypeVar("T")


def patiently(send: Callable[[], T], patience: Patience) -> T:
    """Send until something answers, or until the patience is at its end.

    Raises:
        Unreachable: nothing answered for that long.
    """
    backoff = Backoff(patience)
    while True:
        try:
            return send()
        except Unreachable as error:
            time.sleep(pause_seconds(backoff, error))


async def patiently_async(send: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """Do the same, for asyncio."""
    import asyncio  # not at the top: the blocking twin needs none of it

    backoff = Backoff(patience)
    while True:
        try:
            return await send()
        except Unreachable as error:
            await asyncio.sleep(pause_seconds(backoff, error))


def pause_seconds(backoff: Backoff, error: Unreachable) -> float:
    """Return how long to wait before asking again, or raise `error` to give up."""
    delay_seconds = backoff.lost(time.monotonic())
    if delay_seconds is None:
        raise error
    return delay_seconds
