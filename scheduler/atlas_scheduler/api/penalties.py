"""Whoever shows wrong tokens waits longer each time, by their address; who shows a right one never.

That is no protection of the tokens, which nobody can guess: it keeps whoever tries from taking the
server's time and filling its log.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from foundations.errors import TooMany

FREE_FAILURES = 3
"""So many are answered at once: people mistype."""
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 8.0
FORGOTTEN_SECONDS = 900.0
"""After so long without a further failure an address begins anew."""
MOST_WAITING = 16
"""Of one address; more are refused without a wait."""
MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last_seconds: float = 0.0
    waiting: int = 0


class Penalties:
    """What addresses did wrong lately."""

    def __init__(
        self,
        *,
        clock_seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock_seconds = clock_seconds
        self._sleep = sleep
        self._records: OrderedDict[str, _Record] = OrderedDict()

    async def serve(self, address: str) -> None:
        """Note a failure of an address, and wait for as long as that costs.

        Raises:
            TooMany: too many of that address wait already.
        """
        record = self._record(address)
        record.failures += 1
        delay_seconds = _delay_seconds(record.failures)
        if delay_seconds == 0:
            return
        if record.waiting >= MOST_WAITING:
            raise TooMany(
                "Too many wrong tokens came from this address.",
                retry_after_seconds=delay_seconds,
            )
        record.waiting += 1
        try:
            await self._sleep(delay_seconds)
        finally:
            record.waiting -= 1

    def _record(self, address: str) -> _Record:
        now_seconds = self._clock_seconds()
        name = _network(address)
        record = self._records.pop(name, None) or _Record()
        if now_seconds - record.last_seconds > FORGOTTEN_SECONDS:
            record.failures = 0
        record.last_seconds = now_seconds
        self._records[name] = record  # the latest is last
        while len(self._records) > MOST_ADDRESSES:
            self._records.popitem(last=False)
        return record


def _delay_seconds(failures: int) -> float:
    if failures <= FREE_FAILURES:
        return 0.0
    doublings = min(failures - FREE_FAILURES - 1, 16)
    return min(FIRST_DELAY_SECONDS * 2.0**doublings, LONGEST_DELAY_SECONDS)


def _network(address: str) -> str:
    """One machine's name: with IPv6 it has a whole network of addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found.packed, 64), strict=False))
