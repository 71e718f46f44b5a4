"""The first screen: what runs, what waits, what has ended lately, an array, and a live log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer

from atlas_tui.board import Tidings
from atlas_tui.columns import columns
from atlas_tui.job_window import JobWindow
from atlas_tui.keys import bindings
from atlas_tui.messages import Said
from atlas_tui.screens.list_frame import ListFrame
from atlas_tui.widgets.array_line import ArrayLine
from atlas_tui.widgets.job_table import JobTable
from atlas_tui.widgets.log_pane import LogPane
from foundations.lazy_models import models

if TYPE_CHECKING:
    from foundations.client import AsyncClient
    from foundations.models import JobPage, JobView

_COLUMNS = ("id", "state", "project", "command", "duration", "submitted", "reason")
_PARTS = (
    "state in (starting, running, stopping) sort:submitted",
    "state:queued sort:place,-priority,turn",
    "state in (completed, failed, stopped, lost, pruned) sort:-finished",
)
"""What is shown below each other."""
REST_SECONDS = 0.2
"""How long the cursor rests on a job before its log is read: holding `j` reads none."""
_SHARES = (20, 40, 60, 80)
"""Parts of the screen that the log may have, in percent."""


class DashboardScreen(ListFrame):
    """Queue and running jobs above, the log of the one under the cursor below."""

    NAME = "dashboard"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dashboard")]
    _resting: Timer | None = None
    _part = 40

    def compose_body(self) -> ComposeResult:
        """Lay out the table above the log, with what the last session showed until it is asked."""
        window = JobWindow(_Parts(self.atlas.reached).fetch)
        yield JobTable(
            self.as_seen_last(window),
            columns(_COLUMNS),
            palette=self.atlas.palette,
            sparks=self.atlas.sparks,
            marked=self.board.marked,
            empty="No jobs yet. Press n to submit one, or: foundations submit scheduler .",
        )
        yield ArrayLine(self.atlas.reached, palette=self.atlas.palette)
        yield LogPane(palette=self.atlas.palette)

    @property
    def pane(self) -> LogPane:
        """The log."""
        return self.query_one(LogPane)

    @property
    def array_line(self) -> ArrayLine:
        """What tells of the array that the job under the cursor is part of."""
        return self.query_one(ArrayLine)

    def take(self, tidings: Tidings) -> None:
        """Ask anew for the jobs."""
        if tidings.change_lists:
            self.table.expire()
            if self.is_current:
                self.array_line.expire()
        self.pane.take(tidings)

    def arrive(self) -> None:
        """Show the marks, and go on with the log."""
        super().arrive()
        self.array_line.expire()
        if not self.has_class("only-jobs"):
            self.pane.resume()

    def leave(self) -> None:
        """Read no log while another screen is in front."""
        self.pane.pause()

    def clear_one(self) -> bool:
        """Clear the search in the log, the zoom or the marks."""
        if self.pane.has_focus_within and self.pane.clear_one():
            return True
        if self.has_class("only-log") or self.has_class("only-jobs"):
            self.action_zoom()
            return True
        return super().clear_one()

    @on(JobTable.SortAsked)
    def _order_is_fixed(self) -> None:
        self.say(Said("Here is what runs, waits and ended, in this order; Jobs (2) can be sorted."))

    # -- the log of the job under the cursor

    @on(JobTable.Highlighted)
    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_SECONDS, self._show_log)

    def _show_log(self) -> None:
        self._resting = None
        job = self.table.job
        self.pane.show(None if job is None else job.job_id)
        self.array_line.show(None if job is None or job.array is None else job.array.array_id)

    def action_zoom(self) -> None:
        """Give the table or the log, whichever has the keys, the whole screen; or both theirs."""
        zoomed = self.has_class("only-log") or self.has_class("only-jobs")
        on_log = self.pane.has_focus_within
        self.set_class(not zoomed and on_log, "only-log")
        self.set_class(not zoomed and not on_log, "only-jobs")
        if self.has_class("only-jobs"):
            self.pane.pause()
        else:
            self.pane.resume()

    def action_log_larger(self) -> None:
        """Give the log more of the screen."""
        self._share(1)

    def action_log_smaller(self) -> None:
        """Give the log less of the screen."""
        self._share(-1)

    def _share(self, step: int) -> None:
        place = _SHARES.index(self._part) + step
        self._part = _SHARES[max(0, min(place, len(_SHARES) - 1))]
        self.pane.styles.height = f"{self._part}%"


class _Parts:
    """Several lists below each other, as one."""

    def __init__(self, reach: Callable[[], Awaitable[AsyncClient]]) -> None:
        self._reach = reach

    async def fetch(self, offset: int, limit: int) -> JobPage:
        """The jobs at a place of the whole."""
        client = await self._reach()
        found: list[JobView] = []
        before = 0
        for part in _PARTS:
            start = max(offset - before, 0)
            page = await client.jobs(filter=part, offset=start, limit=max(limit - len(found), 1))
            found += page.jobs[: limit - len(found)]
            before += page.total or 0
        return models.JobPage(jobs=found, total=before)
