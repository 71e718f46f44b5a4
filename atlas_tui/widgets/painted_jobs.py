"""Paints a list of jobs row by row: a hundred thousand cost what a screenful costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from atlas_tui.columns import Column, now_utc
from atlas_tui.job_line import MARGIN, Brush
from atlas_tui.job_window import JobWindow
from atlas_tui.looks import Palette
from atlas_tui.row_layout import Placed, place, wrapped
from atlas_tui.sparks import Sparks

if TYPE_CHECKING:
    from foundations.models import JobView

HEADER_LINES = 1


class PaintedJobs(ScrollView):
    """The titles, and the rows of a `JobWindow` that are in sight."""

    DEFAULT_CSS = """
    PaintedJobs { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    PaintedJobs > .jobs--header { color: $text-muted; text-style: bold; background: $panel; }
    PaintedJobs > .jobs--cursor { background: $primary 30%; text-style: bold; }
    PaintedJobs:ansi > .jobs--cursor { background: $background; text-style: bold reverse; }
    PaintedJobs > .jobs--resting { background: $panel; }
    PaintedJobs > .jobs--marked { color: $accent; }
    PaintedJobs > .jobs--faint { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "jobs--header",
        "jobs--cursor",
        "jobs--resting",
        "jobs--marked",
        "jobs--faint",
    }
    cursor: reactive[int] = reactive(0, repaint=False)

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
        super().__init__()
        self.empty = empty
        """What stands there when the list is empty."""
        self.sort: tuple[str, bool] | None = None
        """The column that the header shows as the order, and whether from high to low."""
        self._window = window
        self._columns = list(columns)
        self._palette = palette
        self._sparks = sparks
        self._marked = marked
        self._skip = 0
        self._placed: list[Placed] = []
        self._times: dict[tuple[int, str], tuple[str, ...]] = {}
        """What stood in the columns that change with the time, at the last look."""

    @property
    def total(self) -> int:
        """How long the list is, as far as known."""
        return self._window.total or 0

    @property
    def known_total(self) -> int | None:
        """How long the list is; None while nobody has said."""
        return self._window.total

    def top(self) -> list[JobView]:
        """The first page of the list, as far as it is here."""
        return self._window.top()

    def every_here(self) -> list[JobView]:
        """The jobs near the screen that have been asked for."""
        return self._window.every_here()

    @property
    def is_seeded(self) -> bool:
        """Whether the list is that of an earlier session."""
        return self._window.is_seeded

    def shown(self) -> Iterable[JobView]:
        """The jobs that are on the screen now."""
        for number in range(self._first, self._last + 1):
            job = self._window.row(number)
            if job is not None:
                yield job

    # -- geometry

    @property
    def _rows(self) -> int:
        return max(self.size.height - HEADER_LINES, 1)

    @property
    def _first(self) -> int:
        return self.scroll_offset.y

    @property
    def _last(self) -> int:
        return self.scroll_offset.y + self._rows

    def _paint(self, place: int) -> None:
        line = place - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _tick(self) -> None:
        """Repaint the rows in sight in which the time has changed something."""
        moving_columns = [one.column for one in self._placed if one.column.moves]
        if not self.is_on_screen or not moving_columns:
            return
        now, before = now_utc(), self._times
        self._times = {
            (place_, job.job_id): tuple(one.text(job, now) for one in moving_columns)
            for place_ in range(self._first, self._last)
            if (job := self._window.row(place_)) is not None
        }
        for (place_, job_id), times in self._times.items():
            if before.get((place_, job_id), times) != times:
                self._paint(place_)

    @property
    def _has_more_columns(self) -> bool:
        """Whether there is something to the right that `→` brings."""
        return len(self._placed) + self._skip < len(self._columns)

    def _lay_out(self) -> None:
        width = self.size.width - MARGIN - self.styles.scrollbar_size_vertical
        self._placed = place(self._columns, max(width, 1), skip=self._skip)

    # -- painting

    def render_line(self, y: int) -> Strip:
        """Paint one line: the titles, or the row that is scrolled there."""
        width = self.size.width
        if not self._placed:
            self._lay_out()
        if y < HEADER_LINES:
            style = self._style("header")
            titles = self._brush.titles(self._placed, style, self.sort)
            sign = self._palette.text("▸", ">") if self._has_more_columns else ""
            seen = self.scrollable_content_region.width  # the rest is below the scroll bar
            titles = titles.adjust_cell_length(max(seen - len(sign), 0), style)
            return Strip([*titles, Segment(sign, style)]).adjust_cell_length(width, style)
        number = self.scroll_offset.y + y - HEADER_LINES
        if number >= self.total:
            lines = wrapped(self.empty, max(width - 4, 8)) if self._window.total == 0 else []
            text = dict(enumerate(lines)).get(y - HEADER_LINES, "")
            base, text = self.rich_style, f"  {text}"
            return Strip([Segment(text, base)]).adjust_cell_length(width, base)
        style = self._row_style(number)
        # Joined: each segment is sent over the line with its colours.
        return self._row(number, style).adjust_cell_length(width, style).simplify()

    def _row(self, number: int, style: Style) -> Strip:
        job = self._window.row(number)
        if job is None:
            return Strip([Segment(f"  {self._palette.text('…', '...')}", style)])
        signs = (number == self.cursor, job.job_id in self._marked)
        return self._brush.row(self._placed, job, signs, style, now_utc())

    @property
    def _brush(self) -> Brush:
        return Brush(
            self._palette,
            self._sparks,
            self._style("marked", part=True),
            self._style("faint", part=True),
        )

    def _row_style(self, number: int) -> Style:
        if number != self.cursor:
            return self.rich_style
        return self._style("cursor" if self.has_focus else "resting")

    def _style(self, name: str, *, part: bool = False) -> Style:
        return self.get_component_rich_style(f"jobs--{name}", partial=part)
