"""The app: which screen is in front, what it acts on, and the one connection behind all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import work
from textual.app import App
from textual.screen import Screen

from atlas_tui.action_table import BY_NAME, on_screen
from atlas_tui.actions import Selection
from atlas_tui.board import Board, Tidings
from atlas_tui.feed import Feed
from atlas_tui.handlers import HANDLERS, Handler
from atlas_tui.keys import label
from atlas_tui.looks import ANSI_THEME, THEMES, Palette
from atlas_tui.messages import Choice, Prompt, Question, Said
from atlas_tui.screens.compare import CompareScreen
from atlas_tui.screens.dashboard import DashboardScreen
from atlas_tui.screens.dialogs import ConfirmDialog, PickDialog, PromptDialog
from atlas_tui.screens.frame import Frame
from atlas_tui.screens.job import JobScreen
from atlas_tui.screens.jobs import JobsScreen
from atlas_tui.screens.logs import LogsScreen
from atlas_tui.screens.system import SystemScreen
from atlas_tui.session import Session
from atlas_tui.sparks import Sparks
from foundations.client import AsyncClient
from foundations.errors import AtlasError


@dataclass(frozen=True, slots=True)
class Options:
    """How the app is to behave."""

    read_only: bool = False
    plain: bool = False
    """ASCII only."""
    low_bandwidth: bool = False
    """Fewer bytes: the terminal's own colours, fewer repaints."""
    theme: str = "atlas-dark"


class AtlasApp(App[None]):
    """The control center of one scheduler."""

    CSS_PATH = "atlas.tcss"
    TITLE = "Atlas"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "dashboard": DashboardScreen,
        "job": JobScreen,
        "jobs": JobsScreen,
        "logs": LogsScreen,
        "compare": CompareScreen,
        "system": SystemScreen,
    }

    def __init__(
        self,
        client: AsyncClient,
        scheduler: str,
        options: Options,
        *,
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self.session = session or Session()
        """Where the user left off; screens write into it, and the caller keeps it."""
        self.client = client
        self.sparks = Sparks(client)
        self.options = options
        self.board = Board(scheduler, read_only=options.read_only)
        self.palette = Palette(unicode=not options.plain, ansi=options.low_bandwidth)
        self.feed = Feed(
            client,
            self.board,
            self._broadcast,
            period_seconds=1.0 if options.low_bandwidth else 0.2,
        )
        self._trail: list[str] = []

    def on_mount(self) -> None:
        """Show the dashboard, then connect."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = ANSI_THEME if self.options.low_bandwidth else self.options.theme
        self.switch_mode("dashboard")
        self._follow()

    @work(group="feed", exit_on_error=True)
    async def _follow(self) -> None:
        await self.feed.run()

    def _broadcast(self, tidings: Tidings) -> None:
        for frame in self._frames():
            frame.news(tidings)

    def _frames(self) -> list[Frame]:
        """Every screen that was shown so far, the one in front first."""
        screens = [self.screen, *(one for stack in self._screen_stacks.values() for one in stack)]
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
            if selection.jobs:
                self.board.subject = tuple(job.job_id for job in selection.jobs)
            self.go(name)
        elif name in HANDLERS:
            self._handle(HANDLERS[name], selection)
        else:
            getattr(screen, f"action_{name}")()

    @work(group="palette", exclusive=True)
    async def show_palette(self) -> None:
        """Let the user find an action by its name, and do it."""
        selection = self.front.selection()
        choices = [
            Choice(one.name, one.title, f"{label(one)}  {one.help}", one.refusal(selection))
            for one in on_screen(selection.screen)
            if one.name != "palette"
        ]
        name = await self.choose("Commands", choices)
        if name is not None:
            self.perform(name)

    @work(group="handle")
    async def _handle(self, handler: Handler, selection: Selection) -> None:
        try:
            await handler(self, selection)
        except AtlasError as error:
            self.say(Said(error.message, "bad"))

    async def confirm(self, question: Question) -> bool:
        """Ask for a Yes."""
        answer: bool = await self.push_screen_wait(ConfirmDialog(question))
        return answer

    async def ask(self, prompt: Prompt) -> str | None:
        """Ask for a line; None when the user gives up."""
        return await self.push_screen_wait(PromptDialog(prompt))

    async def choose(self, title: str, choices: Sequence[Choice]) -> str | None:
        """Ask for one of several; its key, or None when the user gives up."""
        return await self.push_screen_wait(PickDialog(title, choices))

    def say(self, said: Said) -> None:
        """Show a line at the bottom of the screen in front."""
        self.front.say(said)
