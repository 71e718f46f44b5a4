"""What can be done with secrets."""

from __future__ import annotations

from foundations.calls import secrets as calls
from foundations.lazy_models import models
from foundations.submitter import current_user
from foundations.verbs.sender import AsyncSender, Sender


class SecretVerbs(Sender):
    """Blocking; see `Client`. Secrets are those of the user under whose name this submits jobs."""

    def secrets(self) -> list[models.SecretView]:
        """List the secrets that one's jobs may have, by name, without their values."""
        return self.send(calls.secrets(user=current_user()))

    def set_secret(self, name: str, value: str, *, shared: bool = False) -> models.SecretView:
        """Keep a value that jobs get when they ask for it by its name.

        With `shared` every user's jobs may have it; only an admin sets such a one.
        """
        return self.send(calls.set_secret(name, value, user=current_user(), shared=shared))

    def delete_secret(self, name: str, *, shared: bool = False) -> None:
        """Forget a value; jobs that have it keep it until they end."""
        return self.send(calls.delete_secret(name, user=current_user(), shared=shared))


class AsyncSecretVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def secrets(self) -> list[models.SecretView]:
        """List the secrets that one's jobs may have, by name, without their values."""
        return await self.send(calls.secrets(user=current_user()))

    async def set_secret(self, name: str, value: str, *, shared: bool = False) -> models.SecretView:
        """Keep a value that jobs get when they ask for it by its name."""
        return await self.send(calls.set_secret(name, value, user=current_user(), shared=shared))

    async def delete_secret(self, name: str, *, shared: bool = False) -> None:
        """Forget a value; jobs that have it keep it until they end."""
        return await self.send(calls.delete_secret(name, user=current_user(), shared=shared))
