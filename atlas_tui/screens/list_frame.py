"""What screens with a table of jobs have: marks, the chosen jobs, opening one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on

from atlas_tui import last_view
from atlas_tui.job_window import JobWindow
from atlas_tui.messages import Said
from atlas_tui.screens.frame import Frame
from atlas_tui.session import KEPT_JOBS, Seen
from atlas_tui.widgets.job_table import JobTable
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from atlas_tui.session import Session
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

    # -- what was seen last

    def as_seen_last(self, window: JobWindow) -> JobWindow:
        """Let a list be what the session before showed, until the scheduler has answered."""
        seen = self.atlas.session.seen.get(self.NAME)
        if seen is not None and (jobs := self.atlas.remembered(seen)):
            window.seed(jobs, total=seen.total)
        return window

    def models_loaded(self) -> None:
        """Show the same jobs, as views."""
        seen = self.atlas.session.seen.get(self.NAME)
        if seen is not None and self.query(JobTable):
            self.table.reseed(self.atlas.remembered(seen), total=seen.total)

    def remember(self, session: Session) -> None:
        """Keep the top of the list; what was not seen in this session is kept already."""
        if self.query(JobTable) and not self.table.is_seeded:
            jobs = self.table.top()[:KEPT_JOBS]
            if jobs or self.table.known_total == 0:
                session.seen[self.NAME] = Seen(last_view.documents(jobs), self.table.total)

    # -- what is chosen

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
        self.say(Said(f"{counted(count)} marked" if count else ""))

    @on(JobTable.Highlighted)
    def _highlighted(self) -> None:
        self.choice_changed()

    @on(JobTable.Opened)
    def _opened(self, event: JobTable.Opened) -> None:
        self.atlas.open([event.job.job_id], "job")

    @on(JobTable.Troubled)
    def _troubled(self, event: JobTable.Troubled) -> None:
        self.say(Said(event.error.message, "bad"))
