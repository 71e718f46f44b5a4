"""Short calls of the Docker engine: each in a thread, within a deadline, so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from docker.errors import APIError

from atlas_scheduler.engine.complaints import words_of
from atlas_scheduler.engine.daemon import CALL_SECONDS
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import EngineDown

T = TypeVar("T")

ANSWER_SECONDS = 2 * CALL_SECONDS
"""Longest that anything but a watch, a pull or a build may take."""
_CALLS_AT_ONCE = 32


class TimedCalls:
    """Makes the blocking calls of one engine, by being called itself."""

    def __init__(self) -> None:
        self._calls = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def __call__(
        self,
        call: Callable[[], T],
        *,
        seconds: float = ANSWER_SECONDS,
        takes_long: bool = False,
    ) -> T:
        """Make a blocking call within a deadline.

        Args:
            call: what to do.
            seconds: the deadline.
            takes_long: do not let it hold back short calls.

        Raises:
            EngineDown: no answer came in time, or the engine failed.
        """
        try:
            async with asyncio.timeout(seconds), nullcontext() if takes_long else self._calls:
                return await in_thread(call, name="docker")
        except TimeoutError:
            raise EngineDown(
                f"The Docker engine did not answer within {seconds:.0f} seconds: it is overloaded "
                f"or hangs. Look at its log or restart it."
            ) from None
        except APIError as error:
            raise EngineDown(f"The Docker engine failed: {words_of(error)}.") from error
