"""Repeats requests that may be repeated: while nothing answers, and while a limit refuses them.

The former is for the middle of a conversation: who asks a scheduler for the first time wants to
know at once that nobody is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic, sleep
from typing import TypeVar

from foundations.errors import TooMany, Unreachable
from foundations.transport.deferral import Deferral
from foundations.transport.reconnection import Backoff, Patience

T = TypeVar("T")
Told = Callable[[TooMany, float], None]
"""Told of a wait: what the scheduler says, and for how many seconds."""


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
            sleep(pause_seconds(backoff, error))


async def patiently_async(send: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """Do the same, for asyncio."""
    import asyncio  # not at the top: the blocking twin needs none of it

    backoff = Backoff(patience)
    while True:
        try:
            return await send()
        except Unreachable as error:
            await asyncio.sleep(pause_seconds(backoff, error))


def in_turn(send: Callable[[], T], patience: Patience, told: Told | None = None) -> T:
    """Send until no limit refuses it any more, or until the patience is at its end.

    Raises:
        TooMany: it was refused for that long, or will be for longer.
    """
    deferral = Deferral(patience)
    while True:
        try:
            return send()
        except TooMany as error:
            sleep(wait_seconds(deferral, error, told))


async def in_turn_async(
    send: Callable[[], Awaitable[T]], patience: Patience, told: Told | None = None
) -> T:
    """Do the same, for asyncio."""
    import asyncio  # not at the top: the blocking twin needs none of it

    deferral = Deferral(patience)
    while True:
        try:
            return await send()
        except TooMany as error:
            await asyncio.sleep(wait_seconds(deferral, error, told))


def wait_seconds(deferral: Deferral, error: TooMany, told: Told | None = None) -> float:
    """Return how long to wait until a limit may allow it, or raise to give up."""
    seconds = deferral.pause_seconds(error, now=monotonic())
    if told is not None:
        told(error, seconds)
    return seconds


def pause_seconds(backoff: Backoff, error: Unreachable) -> float:
    """Return how long to wait before asking again, or raise `error` to give up."""
    delay_seconds = backoff.lost(monotonic())
    if delay_seconds is None:
        raise error
    return delay_seconds
