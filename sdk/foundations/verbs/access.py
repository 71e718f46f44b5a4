"""What can be asked about who may use the scheduler."""

from __future__ import annotations

from foundations.calls import access as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class AccessVerbs(Sender):
    """Blocking; see `Client`."""

    def whoami(self) -> models.CallerView:
        """Say as whom the scheduler knows this client, and what its role is."""
        return self.send(calls.whoami())

    def tokens(self) -> list[models.TokenView]:
        """Every token, the oldest first, without its secret."""
        return self.send(calls.tokens())

    def create_token(self, wanted: models.NewToken) -> models.MadeToken:
        """Make a token. Its `secret` is in this answer only."""
        return self.send(calls.create_token(wanted))

    def rotate_token(self, ref: str, *, overlap_seconds: float | None = None) -> models.MadeToken:
        """Make a token in place of another one.

        Args:
            ref: the id or the name of the old one.
            overlap_seconds: for how long that still holds; a day when it is not given.
        """
        return self.send(calls.rotate_token(ref, overlap_seconds=overlap_seconds))

    def revoke_token(self, ref: str) -> list[models.TokenView]:
        """Let a token hold no longer, or by a name every token that has it."""
        return self.send(calls.revoke_token(ref))


class AsyncAccessVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def whoami(self) -> models.CallerView:
        """Say as whom the scheduler knows this client, and what its role is."""
        return await self.send(calls.whoami())

    async def tokens(self) -> list[models.TokenView]:
        """Every token, the oldest first, without its secret."""
        return await self.send(calls.tokens())

    async def create_token(self, wanted: models.NewToken) -> models.MadeToken:
        """Make a token. Its `secret` is in this answer only."""
        return await self.send(calls.create_token(wanted))

    async def rotate_token(
        self, ref: str, *, overlap_seconds: float | None = None
    ) -> models.MadeToken:
        """Make a token in place of another one."""
        return await self.send(calls.rotate_token(ref, overlap_seconds=overlap_seconds))

    async def revoke_token(self, ref: str) -> list[models.TokenView]:
        """Let a token hold no longer, or by a name every token that has it."""
        return await self.send(calls.revoke_token(ref))
