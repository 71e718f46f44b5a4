"""The app: which screen is in front, what it acts on, and the one connection behind all of them."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual import work
from textual.screen import Screen
from textual.worker import Worker

from atlas_tui import last_view, later, modes, palette
from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.board import Board, Tidings
from atlas_tui.endings import Teller, passed_on
from atlas_tui.keyboard import ASKING
from atlas_tui.keys import textual_keymap
from atlas_tui.loading import Loading
from atlas_tui.messages import Listed, Said
from atlas_tui.options import Options as Options
from atlas_tui.screens.frame import Frame
from atlas_tui.session import Session, path_of
from atlas_tui.settings import Settings
from atlas_tui.sparks import Sparks
from atlas_tui.terminal_guard import TerminalGuard
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError
from foundations.home import Home

if TYPE_CHECKING:
    from atlas_tui.feed import Feed
    from atlas_tui.handlers import Handler
    from foundations.client import AsyncClient


class AtlasApp(Loading):
    """The control center of one scheduler."""

    CSS_PATH = Path(__file__).with_name("atlas.tcss")
    TITLE = "Atlas"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {**modes.SCREENS}

    def __init__(
        self,
        client: AsyncClient,
        scheduler: str,
        options: Options,
        *,
        session: Session | None = None,
        settings: Settings | None = None,
        home: Home | None = None,
    ) -> None:
        """Prepare the app; nothing is asked yet. Without a `home` the session is not kept."""
        super().__init__(options)
        self.settings = settings or Settings()
        self.home = home or Home.default()
        self._keeps_session = home is not None
        self.has_mouse = options.mouse
        self.guard = TerminalGuard(lambda code: self.exit(return_code=code))
        self.guards_terminal = False
        """Whether the process is the app's own, with its signals and its terminal."""
        self.set_keymap(textual_keymap(self.settings.keymap))
        self._begin_with(client, scheduler, session or Session())

    def _begin_with(self, client: AsyncClient, scheduler: str, session: Session) -> None:
        """Begin anew with a scheduler."""
        self.client = client
        self.sparks = Sparks(client)
        self.session = session
        """Where the user left off; screens write into it."""
        self.board = Board(scheduler, read_only=self.options.read_only)
        self.board.info = self.remembered_info(session)
        self.board.info_is_old = self.board.info is not None
        self._feed: Feed | None = None
        self.teller = Teller(self.board, self.settings)
        self._trail: list[str] = []
        self._following: Worker[None] | None = None

    @property
    def feed(self) -> Feed:
        """What keeps the board current."""
        if self._feed is None:
            from atlas_tui.feed import Feed  # late: it brings the client and all models

            seconds = 1.0 if self.options.low_bandwidth else 0.2
            self._feed = Feed(self.client, self.board, self._broadcast, period_seconds=seconds)
        return self._feed

    def on_load(self) -> None:
        """Watch over the terminal before it is changed."""
        if self.guards_terminal:
            self.guard.begin(asyncio.get_running_loop())

    def on_mount(self) -> None:
        """Show what the last session showed, then connect."""
        self.dress()
        self.switch_mode(self._first_mode())
        self.call_after_refresh(self.begin)

    def _first_mode(self) -> str:
        wanted = self.session.screen if self.settings.restore else "dashboard"
        # The screens about single jobs have nothing to show yet.
        return wanted if wanted in ("dashboard", "jobs", "system") else "dashboard"

    def connectable(self) -> None:
        """Put views into the place of what stands in for them, and connect."""
        self.board.info = self.board.info and self.remembered_info(self.session)
        self._following = self._follow()
        for frame in self._frames():
            frame.models_loaded()

    async def reached(self) -> AsyncClient:
        """The client, once the feed has heard: what is asked then need not be asked again."""
        await super().reached()
        await self.feed.heard.wait()
        return self.client

    def all_loaded(self) -> None:
        """Look for garbage from now on, and not among what was loaded (see `__main__`)."""
        if self.guards_terminal:
            gc.freeze()
            gc.enable()

    @work(group="feed", exit_on_error=True)
    async def _follow(self) -> None:
        await self.feed.run()

    # -- between sessions

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """End the app, and keep where the user left off."""
        self.keep_session()
        super().exit(result, return_code, message)

    def keep_session(self) -> None:
        """Write down where the user leaves off."""
        session, frames = self.session, self._frames()
        session.screen = frames[0].NAME if frames else session.screen
        if self.board.info is not None and not self.board.info_is_old:
            (session.info,) = last_view.documents([self.board.info])
        for frame in frames:
            frame.remember(session)
        if self._keeps_session:
            session.save(path_of(self.home, self.board.scheduler))

    async def change_scheduler(self, config: SchedulerConfig) -> None:
        """Show another scheduler."""
        from atlas_tui.schedulers import reach

        await super().reached()
        client = reach(config)
        self.keep_session()
        if self._following is not None:
            self._following.cancel()
        # Screens hold what they show; those of another scheduler are others.
        self.add_mode("between", Screen)
        await self.switch_mode("between")
        for mode in self.MODES:
            await self.remove_mode(mode)
        before = self.client
        self._begin_with(client, config.name, Session.load(path_of(self.home, config.name)))
        for mode, screen in self.MODES.items():
            self.add_mode(mode, screen)
        await self.switch_mode(self._first_mode())
        await self.remove_mode("between")
        self._following = self._follow()
        await before.close()

    def keep_theme(self, theme: str | None) -> None:
        """Wear a theme the next time as well."""
        if theme is not None:
            self.session.theme = theme
            self.say(Said(f"Colours: {theme}", "good"))

    def _broadcast(self, tidings: Tidings) -> None:
        if self.is_frozen or not self.is_running:
            return  # what came meanwhile is asked for at once when the screen goes on
        for frame in self._frames():
            frame.news(tidings)
        if tidings.changes and self.teller.has_news(tidings.changes):
            self._tell_of_ends()

    @work(group="ends")
    async def _tell_of_ends(self) -> None:
        try:
            told = await self.teller.tell(self.client)
        except AtlasError:
            return  # the feed meets the same, and tells of it
        if told is not None:
            self.front.tell(told)
            if self.settings.bell:
                self.bell()
            self.send_to_terminal(passed_on(self.teller.notice(told.text), os.environ))

    def thawed(self) -> None:
        """Ask for what came while the screen was frozen."""
        self.say(Said(""))
        self._broadcast(Tidings(everything=True))

    def warn_of_quitting(self) -> None:
        """Say what a second Ctrl-C does."""
        self.say(Said("Ctrl-C again quits; jobs and scheduler go on", "bad"))

    def _frames(self) -> list[Frame]:
        """Every screen that was shown so far, the one in front first; none while the app closes."""
        others = (one for stack in self._screen_stacks.values() for one in stack)
        # A dialog lies upon the screen that it is about.
        screens = [*reversed(self._screen_stack), *others]
        return [one for one in dict.fromkeys(screens) if isinstance(one, Frame)]

    @property
    def front(self) -> Frame:
        """The screen in front, also while a dialog is before it."""
        return next(iter(self._frames()))

    # -- going about

    def open(self, job_ids: Sequence[str], mode: str) -> None:
        """Show jobs on one of the screens about single jobs."""
        self.board.subject = tuple(job_ids)
        if mode == self.front.NAME:
            self.front.arrive()
        self.go(mode)

    def list_jobs(self, filter: str) -> None:
        """Show all jobs that a filter takes."""
        self.board.wanted_filter = filter
        self.go("jobs")

    def go(self, mode: str) -> None:
        """Bring a screen to the front."""
        here = self.front.NAME
        if mode != here:
            self._trail = [*self._trail[-20:], here]
            self.switch_mode(mode)

    def go_back(self) -> None:
        """Bring the screen before to the front."""
        if self._trail:
            self.switch_mode(self._trail.pop())

    # -- actions

    def perform(self, name: str) -> None:
        """Do an action of the table, or say why it is not possible."""
        action, screen = BY_NAME[name], self.front
        selection = screen.selection()
        refusal = action.refusal(selection)
        if refusal is not None:
            self.say(Said(f"{action.title}: {refusal}.", "bad"))
        elif name in self.MODES:
            self.board.choose(selection.jobs, name, here=screen.NAME)
            self.go(name)
        elif (act := getattr(screen, f"action_{name}", None)) is not None:
            act()
        else:
            self._handle(later.handler(name), selection)

    @work(group=ASKING)
    async def show_palette(self) -> None:
        """Let the user find an action by its name, and do it."""
        offered = palette.choices(self.front.selection(), self.settings.keymap)
        name = await self.choose("Commands", offered)
        if name is not None:
            self.perform(name)

    @work(group=ASKING)
    async def _handle(self, handler: Handler, selection: Selection) -> None:
        try:
            await handler(self, selection)
        except AtlasError as error:
            self.say(Said(error.message, "bad"))

    def say(self, said: Said) -> None:
        """Show a line at the bottom of the screen in front."""
        self.front.say(said)

    # -- what handlers need of the screen

    @property
    def recent_directories(self) -> Sequence[str]:
        """Directories that jobs were made of, the latest first."""
        return self.session.recent_directories

    def listed(self) -> Listed:
        """What the screen in front lists."""
        return self.front.listed()
