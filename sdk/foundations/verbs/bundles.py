"""What can be asked about bundles; `Client` sends them."""

from __future__ import annotations

from foundations.calls import bundles as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class BundleVerbs(Sender):
    """Blocking; see `Client`."""

    def has_bundle(self, digest: str) -> bool:
        """Say whether a bundle is there and need not be uploaded."""
        return self.send(calls.has_bundle(digest))

    def declare_bundle(self, digest: str, listing: bytes) -> models.MissingFiles:
        """Say what is in a bundle, and ask which files are missing; without any it is there.

        Args:
            digest: of the listing.
            listing: what `foundations.bundles.tree.list_tree` returned.

        Raises:
            BundleRejected, TooLarge, StorageFull: the scheduler does not take it.
        """
        return self.send(calls.declare_bundle(digest, listing))


class AsyncBundleVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def has_bundle(self, digest: str) -> bool:
        """Say whether a bundle is there and need not be uploaded."""
        return await self.send(calls.has_bundle(digest))

    async def declare_bundle(self, digest: str, listing: bytes) -> models.MissingFiles:
        """Say what is in a bundle, and ask which files are missing; without any it is there."""
        return await self.send(calls.declare_bundle(digest, listing))
