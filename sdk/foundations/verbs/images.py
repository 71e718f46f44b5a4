"""What can be asked of the images that were built for jobs."""

from __future__ import annotations

from foundations.calls import images as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class ImageVerbs(Sender):
    """Blocking; see `Client`."""

    def images(self) -> models.ImagesView:
        """Show the images that were built for jobs, and what they take."""
        return self.send(calls.images())

    def prune_images(self, *, unused_days: float = 0) -> models.PrunedImages:
        """Remove the built images that no job uses now, and none used for so many days."""
        return self.send(calls.prune_images(unused_days=unused_days))


class AsyncImageVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def images(self) -> models.ImagesView:
        """Show the images that were built for jobs, and what they take."""
        return await self.send(calls.images())

    async def prune_images(self, *, unused_days: float = 0) -> models.PrunedImages:
        """Remove the built images that no job uses now, and none used for so many days."""
        return await self.send(calls.prune_images(unused_days=unused_days))
