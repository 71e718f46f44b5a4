"""When to ask again for what a limit of the scheduler refused for now: a policy, no I/O.

A scheduler refuses so (429) before it has done anything, so that any request may be sent again.
What is no scheduler's answer is no `TooMany` either, and not repeated.
"""

from __future__ import annotations

from foundations.errors import TooMany
from foundations.transport.reconnection import Patience


class Deferral:
    """What is left of the patience of one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._refused_since: float | None = None

    def pause_seconds(self, error: TooMany, *, now: float) -> float:
        """Return how long to wait before asking again: as long as the scheduler says.

        Args:
            error: its refusal.
            now: the time on a monotonic clock, in seconds.

        Raises:
            TooMany: the wait would last longer than the patience, and is not begun; the text says
                for how long it was tried.
        """
        if self._refused_since is None:
            self._refused_since = now
        tried_seconds = now - self._refused_since
        pause_seconds = max(error.retry_after_seconds, self._patience.first_delay_seconds)
        if tried_seconds + pause_seconds > self._patience.deferred_seconds:
            raise _tried(error, tried_seconds) from error.__cause__
        return pause_seconds


def _tried(error: TooMany, seconds: float) -> TooMany:
    if seconds == 0:
        return error
    return TooMany(
        f"{error.message} It was asked for again and again for {seconds:.0f} s.",
        retry_after_seconds=error.retry_after_seconds,
    )
