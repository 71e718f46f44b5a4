"""Rings at a time of the wall clock, and sleeps until then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """One timer. Needs a running event loop."""

    def __init__(self, ring: Callable[[], None], *, clock_ms: Callable[[], int]) -> None:
        self._ring = ring
        self._clock_ms = clock_ms
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at_ms: int | None) -> None:
        """Ring at that time and not at an earlier wish's; None is never.

        The clock may be set meanwhile: whoever is rung for looks at it, and sets the alarm again.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_ms is not None:
            seconds = max(0, at_ms - self._clock_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)
