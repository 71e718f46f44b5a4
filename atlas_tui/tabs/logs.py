"""Logs: what the job has written, followed while it runs."""

from __future__ import annotations

from textual.app import ComposeResult

from atlas_tui.board import Tidings
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.log_pane import LogPane
from foundations.models import JobDetail


class LogsTab(JobTab):
    """The log pane of the log screen, for this job."""

    NAME = "logs"
    TITLE = "Logs"
    KEY = "L"

    def compose(self) -> ComposeResult:
        """Lay out the log."""
        self._job_id = ""
        yield LogPane(palette=self.palette)

    def show(self, detail: JobDetail) -> None:
        """Show the log of a job; it follows by itself from then on."""
        pane = self.query_one(LogPane)
        if detail.job_id == self._job_id:
            pane.take(Tidings(everything=True))
        self._job_id = detail.job_id
        pane.show(detail.job_id)
        pane.resume()

    def leave(self) -> None:
        """Read nothing while another tab or screen is in front."""
        self.query_one(LogPane).pause()

    def on_hide(self) -> None:
        """Another tab is open."""
        self.leave()
