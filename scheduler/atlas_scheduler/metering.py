"""How much each token asks for: counted in memory, against its limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from atlas_scheduler.core.rates import Bucket
from foundations.errors import TooMany
from foundations.models import TokenLimits

GB = 10**9
MINUTE_SECONDS = 60.0
DAY_SECONDS = 86_400.0
FOLLOWERS_RETRY_SECONDS = 10.0


class Meter:
    """What one token did lately, and follows now."""

    def __init__(
        self, limits: TokenLimits, *, clock_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nothing done; what is None in the limits has none."""
        self.limits = limits
        self._clock_seconds = clock_seconds
        self._requests = _per_minute(limits.requests_per_minute)
        self._submits = _per_minute(limits.submits_per_minute)
        stored = self.stored_bytes
        # Of what is sent and then not used: that is let go of once a day.
        self._sent = None if stored is None else Bucket(stored, per_second=stored / DAY_SECONDS)
        self._followers = 0

    @property
    def stored_bytes(self) -> int | None:
        """Most that the bundles of its user's jobs take together."""
        stored = self.limits.stored_gb
        return None if stored is None else int(stored * GB)

    def count_request(self) -> None:
        """Count one more request.

        Raises:
            TooMany: it is over the limit.
        """
        self._take(self._requests, f"{self.limits.requests_per_minute} requests a minute")

    def count_submit(self) -> None:
        """Count one more submission.

        Raises:
            TooMany: it is over the limit.
        """
        self._take(self._submits, f"{self.limits.submits_per_minute} submissions a minute")

    def count_sent(self, size_bytes: int) -> None:
        """Count bytes of a bundle that came.

        Raises:
            TooMany: they are over the limit.
        """
        self._take(self._sent, f"{self.limits.stored_gb or 0:g} GB of bundles a day", size_bytes)

    @contextmanager
    def follower(self) -> Iterator[None]:
        """Count a follower as long as this is open.

        Raises:
            TooMany: it is over the limit.
        """
        most = self.limits.followers
        if most is not None and self._followers >= most:
            raise TooMany(
                f"This token follows {most} logs and feeds already, which is as many as it may.",
                retry_after_seconds=FOLLOWERS_RETRY_SECONDS,
            )
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    def _take(self, bucket: Bucket | None, limit: str, amount: float = 1.0) -> None:
        if bucket is None:
            return
        wait_seconds = bucket.take(amount, now_seconds=self._clock_seconds())
        if wait_seconds > 0:
            raise TooMany(
                f"This token may do {limit}. Try again in {wait_seconds:.0f} s.",
                retry_after_seconds=wait_seconds,
            )


def _per_minute(count: int | None) -> Bucket | None:
    return None if count is None else Bucket(count, per_second=count / MINUTE_SECONDS)
