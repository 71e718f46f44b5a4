"""The built images of a Docker engine, for whoever lists and prunes them."""

from __future__ import annotations

from functools import partial

from atlas_scheduler.clock import now_ms
from atlas_scheduler.engine.built_images import BuiltImages
from atlas_scheduler.engine.port import BuiltImage, PrunedImages
from atlas_scheduler.engine.timed_calls import TimedCalls


class KeptImages:
    """What `ImageKeeper` asks for."""

    def __init__(self, built: BuiltImages, ask: TimedCalls) -> None:
        self._built = built
        self._ask = ask

    @property
    def max_bytes(self) -> int:
        """What they may take, apart from those that are in use."""
        return self._built.max_bytes

    async def built(self) -> list[BuiltImage]:
        """List them, the one used last first."""
        return await self._ask(self._built.list)

    async def prune(self, *, unused_ms: int) -> PrunedImages:
        """Remove what nothing uses now, and nobody used for so long."""
        prune = partial(self._built.prune, unused_ms=unused_ms, now_ms=now_ms())
        return await self._ask(prune, takes_long=True)
