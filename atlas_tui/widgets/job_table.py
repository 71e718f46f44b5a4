"""A table of jobs: what it lists comes from the scheduler as it is scrolled to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.worker import Worker

from atlas_tui.columns import SPARK, Column
from atlas_tui.job_line import MARGIN
from atlas_tui.job_window import JobWindow
from atlas_tui.keys import moving
from atlas_tui.looks import Palette
from atlas_tui.row_layout import GAP
from atlas_tui.sparks import Sparks
from atlas_tui.widgets.painted_jobs import HEADER_LINES, PaintedJobs
from foundations.errors import AtlasError, InvalidRequest

if TYPE_CHECKING:
    from foundations.models import JobView


class JobTable(PaintedJobs, can_focus=True):
    """Shows the jobs of a `JobWindow`, and keeps its cursor on a job while the list moves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *moving(),
        ("left", "sideways(-1)", "Columns left"),
        ("right", "sideways(1)", "Columns right"),
        ("enter", "open", "Open"),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor is on another job, or on none."""

        table: JobTable
        job: JobView | None

    @dataclass
    class Opened(Message):
        """The user wants to see a job."""

        job: JobView

    @dataclass
    class SortAsked(Message):
        """The user wants the list ordered by a column."""

        column: str

    @dataclass
    class Arrived(Message):
        """A new state of the list is shown."""

        is_latest: bool
        """Whether it is the list that was asked for last, and not one that goes on meanwhile."""

    @dataclass
    class Troubled(Message):
        """The scheduler refused the list, or did not answer."""

        error: AtlasError

    def __init__(
        self,
        window: JobWindow,
        columns: Sequence[Column],
        *,
        palette: Palette,
        sparks: Sparks,
        marked: dict[str, JobView],
        empty: str = "No jobs.",
    ) -> None:
        super().__init__(
            window, columns, palette=palette, sparks=sparks, marked=marked, empty=empty
        )
        self._coming: JobWindow | None = None
        """The list that takes its place as soon as its first rows are here."""
        self._is_troubled = False
        self._is_refused = False
        """Whether the scheduler refused the list that was asked for last."""
        self._bringing: Worker[None] | None = None
        self._job_id: str | None = None

    # -- what is shown

    @property
    def job(self) -> JobView | None:
        """The job under the cursor."""
        return self._window.row(self.cursor)

    def job_at(self, place: int) -> JobView | None:
        """The job at a place of the list, when it is here."""
        return self._window.row(place)

    @property
    def coming(self) -> JobWindow | None:
        """The list that is asked for in place of what is shown, or of nothing; None if none is."""
        window = self._window if self._coming is None else self._coming
        is_old = self._coming is None and window.total is not None
        is_given_up = self._bringing is not None and self._bringing.is_finished
        return None if is_old or is_given_up else window

    async def every_job(self) -> list[JobView]:
        """Every job of the list, asked for page by page. Raises what its window raises."""
        return [job async for job in self._window.every_job()]

    def chosen(self) -> list[JobView]:
        """The marked jobs or, when there is none, the one under the cursor."""
        if self._marked:
            return list(self._marked.values())
        return [] if self.job is None else [self.job]

    @property
    def columns(self) -> Sequence[Column]:
        """The columns, also those that do not fit."""
        return self._columns

    def reseed(self, jobs: list[JobView], *, total: int) -> None:
        """Take the same jobs anew, where they are still shown or marked."""
        if self._window.is_seeded and jobs:
            self._window.seed(jobs, total=total)
        for job in jobs:
            if job.job_id in self._marked:
                self._marked[job.job_id] = job

    def show(self, window: JobWindow) -> None:
        """Show another list from its top, as soon as its first rows are here."""
        self._coming, self._is_refused = window, False
        self._bring()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns."""
        self._columns, self._skip = list(columns), 0
        self._lay_out()
        self.refresh()
        self._draw_courses()

    def expire(self) -> None:
        """Ask anew for what is shown."""
        self._window.expire()
        self.update()

    def update(self) -> None:
        """Bring what is on the screen, and paint it."""
        self.virtual_size = Size(self.size.width, self.total + HEADER_LINES)
        self.refresh()
        if self._window.needs(self._first, self._last):
            self._bring()

    def _bring(self) -> None:
        """Ask for the rows in sight, of this list or of the one that is coming."""
        self._bringing = self._ask()

    @work(exclusive=True, group="bring")
    async def _ask(self) -> None:
        coming = self._coming
        window = self._window if coming is None else coming
        first, last = (self._first, self._last) if coming is None else (0, self._rows)
        try:
            await window.bring(first, last)
        except AtlasError as error:
            self._is_troubled = True
            if isinstance(error, InvalidRequest):
                # It will be refused again; the line may come back.
                self._coming, self._is_refused = None, True
            self.post_message(self.Troubled(error))
            return
        self._is_troubled = False
        if coming is not None:
            self._window, self._coming, self._job_id, self.cursor = coming, None, None, 0
            self.scroll_to(y=0, animate=False, immediate=True)
        self._settle()

    def _settle(self) -> None:
        """Paint a new state of the list, with the cursor on the job it was on."""
        before = self.cursor
        if self._job_id is not None:
            found = self._window.place_of(self._job_id)
            before = before if found is None else found
        moved = before - self.cursor
        self.virtual_size = Size(self.size.width, self.total + HEADER_LINES)
        if moved and self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, immediate=True)
        self.cursor = max(0, min(before, self.total - 1))
        for job in self.shown():
            if job.job_id in self._marked:
                self._marked[job.job_id] = job
        self.post_message(self.Arrived(is_latest=self._coming is None and not self._is_refused))
        self._draw_courses()
        self._tell()
        self.refresh()
        if self._window.needs(self._first, self._last):
            self._bring()

    @work(exclusive=True, group="courses")
    async def _draw_courses(self) -> None:
        """Ask for the courses of the metrics that are drawn, of the jobs in sight."""
        names = [one.column.name for one in self._placed if one.column.name.startswith(SPARK)]
        for name in names:
            if await self._sparks.bring(list(self.shown()), name.removeprefix(SPARK)):
                self.refresh()

    # -- moving

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._go(self.cursor + rows)

    def action_move_pages(self, pages: float) -> None:
        """Move the cursor by pages, or by a part of one."""
        self._go(self.cursor + int(pages * max(self._rows - 1, 1)))

    def action_go(self, place: int) -> None:
        """Move the cursor to a place; -1 is the last."""
        self._go(self.total - 1 if place < 0 else place)

    def action_sideways(self, columns: int) -> None:
        """Move the columns behind the first ones."""
        self._skip = max(0, min(self._skip + columns, len(self._columns) - 3))
        self._lay_out()
        self.refresh()

    def action_open(self) -> None:
        """Open the job under the cursor."""
        if self.job is not None:
            self.post_message(self.Opened(self.job))

    def go_to(self, job_id: str) -> None:
        """Put the cursor on a job when it is here."""
        found = self._window.place_of(job_id)
        if found is not None:
            self._go(found)

    def _go(self, place: int) -> None:
        place = max(0, min(place, self.total - 1))
        before, self.cursor = self.cursor, place
        top = self.scroll_offset.y
        if place < top:
            top = place
        elif place >= top + self._rows:
            top = place - self._rows + 1
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
            self.refresh()
        else:
            self._paint(before)
            self._paint(place)
        if self._window.needs(self._first, self._last):
            self._bring()
        self._tell()

    def _tell(self) -> None:
        job = self.job
        self._job_id = job.job_id if job else None
        self.post_message(self.Highlighted(self, job))

    def on_mount(self) -> None:
        """Ask for the first page, and let running times go on."""
        self.set_interval(1.0, self._tick)
        self.update()

    def on_resize(self) -> None:
        """Fit the columns anew, and bring what is in sight now."""
        self._lay_out()
        if not self._is_troubled:  # to tell of that may have taken a line from the table
            self.update()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Bring the rows that came into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value) and self._window.needs(self._first, self._last):
            self._bring()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click opens, one on a title sorts."""
        if event.y < HEADER_LINES:
            self._sort_by(event.x)
            return
        place_ = self.scroll_offset.y + event.y - HEADER_LINES
        if place_ < self.total:
            self._go(place_)
            if event.chain == 2:
                self.action_open()

    def _sort_by(self, x: int) -> None:
        left = MARGIN
        for one in self._placed:
            if left <= x < left + one.width:
                self.post_message(self.SortAsked(one.column.name))
                return
            left += one.width + GAP
