"""What screens with a table of jobs have: marks, the chosen jobs, opening one."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on

from atlas_tui.messages import Said
from atlas_tui.screens.frame import Frame
from atlas_tui.widgets.job_table import JobTable
from foundations.models import JobView

MOST_MARKS = 10_000
"""Most jobs that are marked at once."""


class ListFrame(Frame):
    """A screen around one `JobTable`."""

    _last_mark: int = 0

    @property
    def table(self) -> JobTable:
        """The table."""
        return self.query_one(JobTable)

    def chosen(self) -> Sequence[JobView]:
        """The marked jobs or, when there is none, the one under the cursor."""
        return self.table.chosen()

    def arrive(self) -> None:
        """Show the marks, which may have been changed on another screen."""
        self.table.refresh()

    def action_mark(self) -> None:
        """Mark the job under the cursor, or take its mark away, and go to the next."""
        job = self.table.job
        if job is None:
            return
        if self.board.marked.pop(job.job_id, None) is None:
            self.board.marked[job.job_id] = job
        self._last_mark = self.table.cursor
        self.table.action_move(1)
        self._marks_changed()

    def action_mark_range(self) -> None:
        """Mark every job from the last mark to the cursor."""
        first, last = sorted((self._last_mark, self.table.cursor))
        for place in range(first, last + 1):
            job = self.table.job_at(place)
            if job is not None:
                self.board.marked[job.job_id] = job
        self._last_mark = self.table.cursor
        self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark every job of the list."""
        if self.table.total > MOST_MARKS:
            text = f"The list has {self.table.total} jobs; at most {MOST_MARKS} can be marked."
            self.say(Said(f"{text} Filter it first.", "bad"))
            return
        self.run_worker(self._mark_all(), group="mark", exclusive=True)

    async def _mark_all(self) -> None:
        for job in await self.table.every_job():
            self.board.marked[job.job_id] = job
        self._marks_changed()

    def clear_one(self) -> bool:
        """Take all marks away."""
        if not self.board.marked:
            return False
        self.board.marked.clear()
        self._marks_changed()
        return True

    def _marks_changed(self) -> None:
        self.table.refresh()
        self.choice_changed()
        count = len(self.board.marked)
        self.say(Said(f"{count} job{'s' if count != 1 else ''} marked" if count else ""))

    @on(JobTable.Highlighted)
    def _highlighted(self) -> None:
        self.choice_changed()

    @on(JobTable.Opened)
    def _opened(self, event: JobTable.Opened) -> None:
        self.atlas.open([event.job.job_id], "job")

    @on(JobTable.Troubled)
    def _troubled(self, event: JobTable.Troubled) -> None:
        self.say(Said(event.error.message, "bad"))
