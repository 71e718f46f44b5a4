"""The clock of this machine, as the scheduler counts time."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
