"""Overview: what the job is, how it went, why it waits or how it ended."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from atlas_tui import overview
from atlas_tui.columns import now_utc
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.text_pane import TextPane
from foundations.models import JobDetail, JobState

_ASK_SECONDS = 3.0


class OverviewTab(JobTab):
    """Everything of a job that fits on a page."""

    NAME = "overview"
    TITLE = "Overview"
    KEY = "o"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "origin", "Show what it repeats, or its array", show=False)
    ]

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        yield TextPane()

    def on_mount(self) -> None:
        """Let times go on."""
        self.set_interval(1.0, self._tick)
        self.set_interval(_ASK_SECONDS, self._ask)

    def on_resize(self) -> None:
        """Write for the new width."""
        if self.job is not None and self.display:
            self._write(self.job)

    def show(self, detail: JobDetail) -> None:
        """Write the page."""
        self._write(detail)

    def action_origin(self) -> None:
        """Go to the job that this one repeats, or to the jobs of its array."""
        origin = None if self.job is None else self.job.spec.rerun_of
        array = None if self.job is None else self.job.array
        if origin is not None:
            self.job_screen.show_job(origin)
        elif array is not None:
            self.job_screen.atlas.list_jobs(f"array:{array.array_id[:8]}")
        else:
            self.say("This job repeats no other, and is of no array.", bad=True)

    def _tick(self) -> None:
        if self.job is not None and self.is_on_screen and overview.is_moving(self.job):
            self._write(self.job)

    def _ask(self) -> None:
        """Hear how far a start is, of which the feed says nothing."""
        if self.job is not None and self.is_on_screen and self.job.state is JobState.STARTING:
            self.job_screen.renew()

    def _write(self, detail: JobDetail) -> None:
        written = overview.lines(
            detail,
            scheduler=self.job_screen.board.scheduler,
            now=now_utc(),
            width=max(self.size.width - 1, 20),
            palette=self.palette,
        )
        self.query_one(TextPane).show(written, keep_place=True)
