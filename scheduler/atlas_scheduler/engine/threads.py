"""Blocking calls from async code: one daemon thread a call, so that none waits behind another.

A pool would do worse twice: hundreds of calls that last as long as a job would use it up, and the
interpreter waits at its exit for every thread of a pool, however long its call takes.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

ABORT_SECONDS = 2.0
"""Longest wait for an aborted call; its thread cannot keep the process alive after that."""

_numbers = itertools.count(1)


async def in_thread(
    call: Callable[[], T], *, name: str, abort: Callable[[], None] | None = None
) -> T:
    """Run a blocking call in a thread of its own.

    Args:
        call: what to run; its result or exception becomes that of this function.
        name: what the thread is called.
        abort: makes the call return or raise soon; called when the caller is cancelled. Without it
            a cancelled call runs to its end unseen.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = call()
        except BaseException as caught:  # carried to the caller, whatever it is
            error = caught
        # The loop is closed when the server ended before this call did.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, outcome, value, error)

    threading.Thread(target=work, name=f"{name}-{next(_numbers)}", daemon=True).start()
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        if abort is not None and not outcome.done():
            abort()
            await asyncio.wait([outcome], timeout=ABORT_SECONDS)
        raise


def _settle(outcome: asyncio.Future[T], value: T | None, error: BaseException | None) -> None:
    if outcome.done():
        return
    if error is not None:
        outcome.set_exception(error)
        outcome.exception()  # a cancelled caller never asks, and that is no defect
    else:
        outcome.set_result(value)  # type: ignore[arg-type]  # None only where T has it
