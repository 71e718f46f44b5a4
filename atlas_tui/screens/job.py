"""The screen about one job: its tabs, kept current while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Input

from atlas_tui.board import Tidings
from atlas_tui.keyboard import ASKING
from atlas_tui.keys import bindings
from atlas_tui.messages import Choice, Said
from atlas_tui.screens.tab_actions import TabActions
from atlas_tui.tabs.all import TABS
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.job_header import JobHeader
from atlas_tui.widgets.tab_bar import TabBar, TabTitle
from atlas_tui.widgets.text_entry import EntryLine
from foundations.errors import AtlasError, NotFound
from foundations.models import JobDetail, JobView


class JobScreen(TabActions):
    """Shows the first job of the board's subject."""

    NAME = "job"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("job"),
        *(
            Binding(one.KEY, f"show_tab('{one.NAME}')", one.TITLE, show=False)
            for one in TABS
            if one.KEY
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.detail: JobDetail | None = None
        """The job, as last heard."""
        self._job_id = ""
        self._is_gone = False
        self._is_asking = False
        self._is_old = False

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs below their names."""
        yield JobHeader(self.atlas.palette)
        yield TabBar(self._titles(), TABS[0].NAME)
        with ContentSwitcher(initial=f"tab-{TABS[0].NAME}"):
            for tab in TABS:
                yield tab(id=f"tab-{tab.NAME}")
        yield EntryLine(
            id="find", placeholder="show only what has this text; Enter keeps, Esc clears it"
        )

    def on_mount(self) -> None:
        """Hide the line that finds until it is asked for."""
        self._finder.display = False

    # -- which job

    @property
    def tab(self) -> JobTab:
        """The tab in front."""
        return self.query_one(f"#{self._switcher.current}", JobTab)

    @property
    def tab_name(self) -> str:
        """The tab in front."""
        return self.tab.NAME

    def chosen(self) -> Sequence[JobView]:
        """The job that is shown."""
        return () if self.detail is None or self._is_gone else (self.detail,)

    def arrive(self) -> None:
        """Show the job that is the subject now."""
        subject = self.board.subject
        if subject and subject[0] != self._job_id:
            self.show_job(subject[0])
        elif not self._job_id:
            self.query_one(JobHeader).show(
                None, "No job is chosen: put the cursor on one in a list, and press Enter."
            )
        else:
            self._ask()
        self._focus_tab()

    def leave(self) -> None:
        """Another screen came to the front."""
        self.tab.leave()

    def show_job(self, job_id: str) -> None:
        """Show a job."""
        self.board.subject = (job_id, *self.board.subject[1:])
        self._job_id, self.detail, self._is_gone = job_id, None, False
        self.query_one(JobHeader).show(None)
        self._switcher.display = False
        self._close_finder()
        self._ask()

    def take(self, tidings: Tidings) -> None:
        """Ask anew when something happened to the job."""
        concerned = self._job_id in tidings.job_ids or self._job_id in tidings.recorded
        if not (concerned or tidings.everything):
            return
        if self.is_current:
            self._ask()
        else:
            self._is_old = True

    def renew(self) -> None:
        """Ask for the job anew, which may have changed without a word of the feed."""
        self._ask()

    def _ask(self) -> None:
        """Ask for the job; while an answer is awaited, one more time after it and no more."""
        self._is_old = True
        if self._job_id and not self._is_asking:
            self._is_asking = True
            self._bring()

    @work(group="detail")
    async def _bring(self) -> None:
        try:
            while self._is_old and self.is_attached:
                self._is_old = False
                await self._bring_once(self._job_id)
        finally:
            self._is_asking = False

    async def _bring_once(self, job_id: str) -> None:
        try:
            detail = await self.atlas.client.job(job_id)
        except NotFound as error:
            if job_id == self._job_id:
                self._gone(error)
            return
        except AtlasError as error:
            self.say(Said(error.message, "bad"))
            return
        if job_id != self._job_id:
            self._is_old = True
            return
        self._job_id = detail.job_id
        self.detail, self._is_gone = detail, False
        self.query_one(JobHeader).show(detail)
        self._titles_changed()
        if not self._switcher.display:
            self._switcher.display = True
            self._focus_tab()
        self.tab.show(detail)
        self.choice_changed()

    def _gone(self, error: NotFound) -> None:
        """Keep what is shown of a job that somebody deleted."""
        self._is_gone = True
        problem = "deleted" if self.detail is not None else error.message
        self.query_one(JobHeader).show(self.detail, problem)
        if self.detail is not None:
            self.say(Said("This job was deleted; what is shown is how it was.", "bad"))
        self.choice_changed()

    # -- tabs

    @property
    def _switcher(self) -> ContentSwitcher:
        # Tabs have switchers of their own.
        return self.query_one("JobScreen > ContentSwitcher", ContentSwitcher)

    def _titles(self) -> list[TabTitle]:
        if self.detail is None:
            return [TabTitle(one.NAME, one.TITLE, one.KEY) for one in TABS]
        detail, tabs = self.detail, self.query(JobTab)
        return [TabTitle(one.NAME, one.TITLE, one.KEY, one.count(detail)) for one in tabs]

    def _titles_changed(self) -> None:
        self.query_one(TabBar).show(self._titles(), self.tab.NAME)

    def action_show_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        if name == self.tab.NAME:
            return
        self._close_finder()
        self.say(Said(""))  # what was said of the tab before
        self._switcher.current = f"tab-{name}"
        self._titles_changed()
        if self.detail is not None:
            self.tab.show(self.detail)
        self._focus_tab()
        self.choice_changed()

    def action_tab_next(self) -> None:
        """Bring the next tab to the front."""
        self._turn(1)

    def action_tab_previous(self) -> None:
        """Bring the tab before to the front."""
        self._turn(-1)

    @work(group=ASKING, exclusive=True)
    async def action_tab(self) -> None:
        """Let the user pick a tab."""
        name = await self.atlas.choose(
            "Tab", [Choice(one.NAME, one.TITLE, one.KEY) for one in TABS]
        )
        if name is not None:
            self.action_show_tab(name)

    def _turn(self, by: int) -> None:
        names = [one.NAME for one in TABS]
        self.action_show_tab(names[(names.index(self.tab.NAME) + by) % len(names)])

    @on(TabBar.Picked)
    def _picked(self, event: TabBar.Picked) -> None:
        self.action_show_tab(event.name)

    def _focus_tab(self) -> None:
        if self.focused is not None and self.tab in self.focused.ancestors:
            return
        for widget in self.tab.query("*"):
            if widget.focusable and widget.display:
                widget.focus()
                return

    # -- what only some tabs do

    def clear_one(self) -> bool:
        """Clear the text that is searched for, or what the tab clears."""
        if self._finder.display:
            self._close_finder()
            self._focus_tab()
            return True
        return self.tab.widen(on=False) or self.tab.clear_one()

    def action_find(self) -> None:
        """Search in the list of the tab."""
        if not self.tab.find(self._finder.value):
            self.refuse("find")
            return
        self._finder.display = True
        self._finder.focus()

    @property
    def _finder(self) -> Input:
        return self.query_one("#find", Input)

    def _close_finder(self) -> None:
        self._finder.display = False
        if self._finder.value:
            self._finder.value = ""
        self.tab.find("")

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        self.tab.find(event.value)

    @on(Input.Submitted, "#find")
    def _found(self) -> None:
        self._focus_tab()
