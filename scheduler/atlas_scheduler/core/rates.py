"""How often something may be done: a bucket that fills steadily and is drawn from."""

from __future__ import annotations


class Bucket:
    """Holds at most what may be done at once, and fills by what may be done in a second."""

    def __init__(self, capacity: float, *, per_second: float) -> None:
        """Begin full."""
        self._capacity = capacity
        self._per_second = per_second
        self._level = capacity
        self._seen_at_seconds: float | None = None

    def take(self, amount: float, *, now_seconds: float) -> float:
        """Draw an amount, or nothing when there is less.

        An amount that is more than the bucket holds can be drawn from a full one: it is then empty
        for longer.

        Args:
            amount: how much is wanted.
            now_seconds: the time by a clock that does not go back; one that does adds nothing.

        Returns:
            0 when it was drawn, else in how many seconds to ask again.
        """
        seen_at = now_seconds if self._seen_at_seconds is None else self._seen_at_seconds
        passed = now_seconds - seen_at
        self._seen_at_seconds = max(seen_at, now_seconds)
        self._level = min(self._capacity, self._level + max(0.0, passed) * self._per_second)
        needed = min(amount, self._capacity)
        if self._level < needed:
            return (needed - self._level) / self._per_second
        self._level -= amount
        return 0.0
