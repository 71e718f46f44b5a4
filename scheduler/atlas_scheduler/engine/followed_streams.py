"""The streams of containers that are followed, and a look at those that may hang."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from atlas_scheduler.engine.follow import Follower
from foundations.errors import EngineDown

CHECK_SECONDS = 5.0
"""How often the engine is asked about the containers whose streams are followed."""


class FollowedStreams:
    """Nudges a follower whose stream hangs although its container has ended.

    Args:
        ended: asks the engine for the names of the containers that have ended.
        check_seconds: how often.
    """

    def __init__(
        self, ended: Callable[[], Awaitable[Collection[str]]], *, check_seconds: float
    ) -> None:
        self._ended = ended
        self._check_seconds = check_seconds
        self._followers: dict[str, Follower] = {}
        self._checking: asyncio.Task[None] | None = None

    @contextmanager
    def watched(self, name: str, follower: Follower) -> Iterator[None]:
        """Look after the follower of a container while this lasts."""
        self._followers[name] = follower
        if self._checking is None:
            self._checking = asyncio.create_task(self._keep_checking())
        try:
            yield
        finally:
            if self._followers.get(name) is follower:
                del self._followers[name]

    async def close(self) -> None:
        """Look no more, and let nothing be followed any more."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])
            self._checking = None
        for follower in self._followers.values():
            follower.abort()

    async def _keep_checking(self) -> None:
        suspects: dict[str, int] = {}
        while True:
            await asyncio.sleep(self._check_seconds)
            if not self._followers:
                continue
            try:
                ended = await self._ended()
            except EngineDown:
                continue
            stands = {
                name: follower.received_bytes
                for name, follower in self._followers.items()
                if name in ended
            }
            for name, received_bytes in stands.items():
                if suspects.get(name) == received_bytes:
                    self._followers[name].nudge()
            suspects = stands
