"""What the tabs of the screen about one job have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from atlas_tui.looks import Palette
from atlas_tui.messages import Said
from foundations.client import AsyncClient
from foundations.models import JobDetail

if TYPE_CHECKING:
    from atlas_tui.app import AtlasApp
    from atlas_tui.screens.job import JobScreen


class JobTab(Vertical):
    """One tab. The screen calls `show` while it is in front, and whenever the job has changed."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str] = ""
    """The letter that leads to it, which is in its title."""

    @property
    def job_screen(self) -> JobScreen:
        """The screen that the tab is on."""
        return cast("JobScreen", self.screen)

    @property
    def atlas(self) -> AtlasApp:
        """The app."""
        return cast("AtlasApp", self.app)

    @property
    def client(self) -> AsyncClient:
        """The way to the scheduler."""
        return self.atlas.client

    @property
    def palette(self) -> Palette:
        """What the terminal can show."""
        return self.atlas.palette

    @property
    def job(self) -> JobDetail | None:
        """The job that is shown."""
        return self.job_screen.detail

    def count(self, detail: JobDetail) -> int | None:
        """How many things the tab has for a job, for its title."""
        return None

    def show(self, detail: JobDetail) -> None:
        """Show a job, or what has changed of it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Stop what only matters in sight: another screen came to the front."""

    def find(self, text: str) -> bool:
        """Show only what has a text in it. Returns whether this tab can do that."""
        return False

    def perform(self, name: str) -> bool:
        """Do an action of the table that only some tabs have. Returns whether this one has it."""
        return False

    def widen(self, *, on: bool) -> bool:
        """Give what is at the right all the width, or the list its place again.

        Returns whether that was another state before; a tab without a list has but one.
        """
        if on == self.has_class("wide") or not self.query(".side"):
            return False
        self.set_class(on, "wide")
        for widget in self.query("*"):
            if widget.focusable and widget.has_class("side") != on:
                widget.focus()
                break
        return True

    def clear_one(self) -> bool:
        """Clear what Esc clears first. Returns whether there was anything."""
        return False

    def say(self, text: str, *, bad: bool = False, command: str = "") -> None:
        """Show a line at the bottom."""
        self.job_screen.say(Said(text, "bad" if bad else "plain", command))
