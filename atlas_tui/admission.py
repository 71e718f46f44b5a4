"""As whom a scheduler knows the user, and what to do when it does not let them in."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from foundations.errors import AtlasError, NotAuthorised, NotFound

if TYPE_CHECKING:
    from atlas_tui.handlers import Desk
    from foundations.client import AsyncClient
    from foundations.models import CallerView


async def known_as(client: AsyncClient) -> CallerView | None:
    """Ask who we are; None from a scheduler that is too old to tell."""
    try:
        return await client.whoami()
    except NotFound:
        return None


def turned_away(refusal: NotAuthorised, scheduler: str) -> str:
    """Say what to do, and then why: of a narrow line the end is cut off."""
    return f"{_sign_in(scheduler)}, then press r. {refusal.message}"


def only_reads(user: str, scheduler: str) -> str:
    """Say why read-only mode cannot be left."""
    return f"The token of {user} may only read. For another one: {_sign_in(scheduler)}"


def _sign_in(scheduler: str) -> str:
    return f"foundations login {shlex.quote(scheduler)}"


async def come_again(desk: Desk) -> None:
    """Begin anew with the token that the scheduler's config has by now."""
    from atlas_tui.messages import Said
    from foundations import configs

    try:
        config = await asyncio.to_thread(
            configs.load, desk.board.scheduler, home=desk.home, cwd=Path.cwd()
        )
        await desk.change_scheduler(config)
    except AtlasError as error:
        desk.say(Said(error.message, "bad"))
