"""What is asked about the images that were built for jobs, and what prunes them."""

from __future__ import annotations

import structlog

from atlas_scheduler.core.times import utc
from atlas_scheduler.engine.port import BuiltImage, ImageKeeper
from foundations.models import ImagesView, ImageView, PrunedImages

_DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


class ImageShelf:
    """The built images of a scheduler, for clients."""

    def __init__(self, keeper: ImageKeeper | None) -> None:
        """Ask a keeper; an engine without images has none, and so no images."""
        self._keeper = keeper

    async def view(self) -> ImagesView:
        """Say which images are there, and what they take.

        Raises:
            EngineDown: the engine does not answer.
        """
        if self._keeper is None:
            return ImagesView(images=[], size_bytes=0, max_bytes=0)
        built = await self._keeper.built()
        return ImagesView(
            images=[_view(one) for one in built],
            size_bytes=sum(one.size_bytes for one in built),
            max_bytes=self._keeper.max_bytes,
        )

    async def prune(self, *, unused_days: float, by: str) -> PrunedImages:
        """Remove what nothing uses now, and nobody used for so long.

        Raises:
            EngineDown: the engine does not answer.
        """
        if self._keeper is None:
            return PrunedImages(removed=0, freed_bytes=0, in_use=0)
        pruned = await self._keeper.prune(unused_ms=int(unused_days * _DAY_MS))
        log.info("images pruned", by=by, removed=pruned.images, freed=pruned.freed_bytes)
        return PrunedImages(
            removed=pruned.images, freed_bytes=pruned.freed_bytes, in_use=pruned.in_use
        )


def _view(one: BuiltImage) -> ImageView:
    return ImageView(
        key=one.key,
        tag=one.tag,
        dockerfile=one.dockerfile,
        base=one.base,
        size_bytes=one.size_bytes,
        created_at=utc(one.created_at_ms),
        used_at=utc(one.used_at_ms),
        job_ids=list(one.job_ids),
    )
