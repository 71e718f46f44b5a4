"""The first screen: what runs, what waits, what has ended lately, and a live log."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from atlas_tui.board import Tidings
from atlas_tui.columns import columns
from atlas_tui.job_window import JobWindow
from atlas_tui.keys import bindings
from atlas_tui.screens.list_frame import ListFrame
from atlas_tui.widgets.job_table import JobTable
from foundations.client import AsyncClient
from foundations.models import JobPage, JobView

_COLUMNS = ("id", "state", "project", "command", "duration", "submitted", "reason")
_PARTS = (
    "state in (starting, running, stopping) sort:submitted",
    "state:queued sort:submitted",
    "state in (completed, failed, stopped, lost, pruned) sort:-finished",
)
"""What is shown below each other."""


class DashboardScreen(ListFrame):
    """Queue and running jobs above, the log of the one under the cursor below."""

    NAME = "dashboard"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dashboard")]

    def compose_body(self) -> ComposeResult:
        """Lay out the table above the log, with what the last session showed until it is asked."""
        window, session = JobWindow(_Parts(self.atlas.client).fetch), self.atlas.session
        if session.jobs:
            window.seed(list(session.jobs), total=session.total)
        yield JobTable(
            window,
            columns(_COLUMNS),
            palette=self.atlas.palette,
            marked=self.board.marked,
            empty="No jobs yet. Press n to submit one, or: foundations submit scheduler .",
        )

    def take(self, tidings: Tidings) -> None:
        """Ask anew for the jobs."""
        if tidings.changes or tidings.everything:
            self.table.expire()


class _Parts:
    """Several lists below each other, as one."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def fetch(self, offset: int, limit: int) -> JobPage:
        """The jobs at a place of the whole."""
        found: list[JobView] = []
        before = 0
        for part in _PARTS:
            start = max(offset - before, 0)
            page = await self._client.jobs(
                filter=part, offset=start, limit=max(limit - len(found), 1)
            )
            found += page.jobs[: limit - len(found)]
            before += page.total or 0
        return JobPage(jobs=found, total=before)
