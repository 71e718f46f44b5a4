"""The app on a real scheduler in memory: service, database and API, without a socket."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.style import Style
from textual.events import Paste
from textual.pilot import Pilot

from atlas_scheduler.api import Door, create_app
from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.machine import Machine
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from atlas_scheduler.tokens import Tokens
from atlas_tui.app import AtlasApp, Options
from atlas_tui.board import Link
from atlas_tui.schedulers import AT_ONCE
from atlas_tui.screens.frame import Frame
from atlas_tui.session import Session
from atlas_tui.settings import Settings
from foundations import AsyncClient
from foundations.home import Home
from foundations.models import MadeToken, NewToken, QueueSettings, Role, TokenLimits
from tests.api.in_memory import InMemory
from tests.service.onlooker import Onlooker
from tests.store.samples import lay_database
from tests.tui.line import Line

DEADLINE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A token that the app shows at the door."""

    role: Role
    user: str = "ada"
    holds: bool = True
    limits: TokenLimits | None = None


@dataclass
class Stage:
    """A scheduler, and an app that is connected to it."""

    service: Service
    database: Database
    app: AtlasApp
    pilot: Pilot[None]
    line: Line
    tokens: Tokens | None = None
    """Who may come in, where the app shows a token."""
    token: MadeToken | None = None

    @property
    def front(self) -> Frame:
        """The screen in front."""
        return self.app.front

    @property
    def status(self) -> str:
        """What the line at the bottom says."""
        from atlas_tui.widgets.bottom_lines import StatusLine

        return self.front.query_one(StatusLine).said.text

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what or 'not in time'}; shown is\n{self.text()}"
            await self.pilot.pause()

    async def settle(self) -> None:
        """Wait until every question is answered and the picture stays as it is."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        same, before = 0, ""
        while same < 3:
            assert time.monotonic() < deadline, "the picture never came to rest"
            await self.pilot.pause()
            now = "" if self.line.unanswered else self.text()
            same = same + 1 if now and now == before else 0
            before = now

    async def press(self, *keys: str) -> None:
        """Press keys, and let the app take them in."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def paste(self, text: str) -> None:
        """Put in a line at once, as a terminal does: for what is too long to press key by key."""
        self.app.post_message(Paste(text))
        await self.pilot.pause()

    def styles(self, text: str) -> list[Style]:
        """The styles of the pieces of lines on the screen that have a text in them."""
        lines = self.app.screen._compositor.render_strips()
        pieces = (piece for strip in lines for piece in strip if text in piece.text)
        return [piece.style or Style() for piece in pieces]

    def text(self) -> str:
        """Everything on the screen as plain lines."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text[:width].rstrip() for strip in lines[:height])


Fill = Callable[[sqlite3.Connection], None]


@asynccontextmanager
async def staged(
    home: Path,
    fill: Fill = lambda conn: None,
    *,
    size: tuple[int, int] = (120, 40),
    options: Options = Options(),  # noqa: B008 - frozen
    settings: Settings | None = None,
    session: Session | None = None,
    kept_in: Path | None = None,
    app: type[AtlasApp] = AtlasApp,
    machine: Machine | None = None,
    shows: Shown | None = None,
) -> AsyncIterator[Stage]:
    """Run the app on a scheduler whose database was filled; it is connected when this begins.

    A `machine` is told of in place of the one that the tests run on. With `shows` the door wants a
    token, and gets one; where that does not hold, the app was turned away when this begins.
    """
    async with (
        await Database.open(lay_database(home / "scheduler.db")) as database,
        AsyncExitStack() as afterwards,
    ):
        await database.write(fill)
        service = Service(
            database=database,
            home=Home(home),
            instance="00c0ffee",
            queue=QueueSettings(max_running_jobs=2),
            engine=EngineState("docker", Capabilities("docker", "28.0", isolated=True), None),
            clock_ms=_now_ms,
        )
        service.shell = Onlooker()
        own, service.machine = service.machine, machine or service.machine
        tokens = token = None
        if shows is not None:
            tokens, token = await _admitted(database, shows)
            afterwards.push_async_callback(tokens.close)
        line = Line(InMemory(Door(create_app(service), tokens=tokens), peer="10.0.0.2"))
        secret = None if token is None else token.secret
        made = AsyncClient("http://atlas", token=secret, transport=line, patience=AT_ONCE)
        async with made as client:
            shown = app(
                client,
                "scheduler",
                options,
                settings=settings,
                session=session,
                home=None if kept_in is None else Home(kept_in),
            )
            # How long a key waits for a slow machine is not what most tests are about.
            shown.keyboard.patience_seconds = DEADLINE_SECONDS
            shown.keyboard.list_patience_seconds = DEADLINE_SECONDS
            async with shown.run_test(size=size) as pilot:
                stage = Stage(service, database, shown, pilot, line, tokens, token)
                wanted = Link.LIVE if shows is None or shows.holds else Link.REFUSED
                await stage.until(lambda: shown.board.link is wanted, "never connected")
                yield stage
        service.machine = own
        await service.close()
        service.bundles.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _admitted(database: Database, shows: Shown) -> tuple[Tokens, MadeToken]:
    tokens = await Tokens.open(database, clock_ms=_now_ms)
    wanted = NewToken(
        name="laptop", user=shows.user, role=shows.role, limits=shows.limits or TokenLimits()
    )
    token = await tokens.create(wanted, by="root")
    if not shows.holds:
        await tokens.revoke(token.token_id, by="root")
    return tokens, token
