"""The API behind a door that wants tokens, over a fake service and real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.types import ASGIApp

from atlas_scheduler.api import Door
from atlas_scheduler.api.penalties import Penalties
from atlas_scheduler.store.db import Database
from atlas_scheduler.telemetry import Telemetry
from atlas_scheduler.tokens import Tokens
from foundations.models import NewToken, Role
from tests.api.in_memory import InMemory

BASE_URL = "http://atlas/api/v1"
PEER = "10.0.0.2"


class Clock:
    """Time that moves when a test says so, in milliseconds since 1970."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@dataclass(slots=True)
class Guarded:
    """A guarded application, and its keys."""

    http: httpx.AsyncClient
    tokens: Tokens
    clock: Clock
    _door: Door

    def forgive(self) -> None:
        """Forget who showed wrong tokens, so that nobody need wait for it."""
        self._door._penalties = Penalties()

    async def secret(
        self,
        role: Role = Role.ADMIN,
        *,
        user: str = "ada",
        name: str | None = None,
        expires_seconds: float | None = None,
    ) -> str:
        """Make a token."""
        wanted = NewToken(
            name=name or f"{user} {role}", user=user, role=role, expires_seconds=expires_seconds
        )
        return (await self.tokens.create(wanted, by="root")).secret


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {secret}"}


@asynccontextmanager
async def guarded(
    app: ASGIApp, database: Database, *, telemetry: Telemetry | None = None
) -> AsyncIterator[Guarded]:
    """Put an application behind a door; tokens are kept in the database."""
    clock = Clock()
    tokens = await Tokens.open(database, clock_ms=clock)
    door = Door(app, tokens=tokens, telemetry=telemetry)
    transport = InMemory(door, peer=PEER)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        yield Guarded(http, tokens, clock, door)
    await tokens.close()
