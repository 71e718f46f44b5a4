"""Paints the lines of a table of jobs: titles, rows and their cells; no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from atlas_tui.columns import SPARK
from atlas_tui.looks import Palette
from atlas_tui.row_layout import GAP, Placed, fit
from atlas_tui.sparks import Sparks

if TYPE_CHECKING:
    from foundations.models import JobView

MARGIN = 2
"""Cells at the left, for the sign of the cursor and of marked rows."""
_FAINT = ("id", "submitted")


@dataclass(frozen=True, slots=True)
class Brush:
    """What lines are painted with."""

    palette: Palette
    sparks: Sparks
    marked: Style
    faint: Style

    def titles(
        self, placed: Sequence[Placed], style: Style, sort: tuple[str, bool] | None
    ) -> Strip:
        """Paint the titles, with a sign at the column that orders."""
        parts = []
        for one in placed:
            title = one.column.title
            if sort is not None and sort[0] == one.column.name:
                arrow = ("▼", "v") if sort[1] else ("▲", "^")
                title = self.palette.text(*arrow) + title
            parts.append(fit(title, one.width, right=one.column.align == "right"))
        return Strip([Segment(" " * MARGIN + (" " * GAP).join(parts), style)])

    def row(
        self,
        placed: Sequence[Placed],
        job: JobView,
        signs: tuple[bool, bool],
        style: Style,
        now: datetime,
    ) -> Strip:
        """Paint a job.

        Args:
            placed: the columns that fit.
            job: what to paint.
            signs: whether the cursor is here, and whether the job is marked.
            style: of the row.
            now: the time.
        """
        segments = [self._margin(signs, style)]
        for index, one in enumerate(placed):
            if index:
                segments.append(Segment(" " * GAP, style))
            segments.append(self._cell(one, job, style, now))
        return Strip(segments)

    def _margin(self, signs: tuple[bool, bool], style: Style) -> Segment:
        is_here, is_marked = signs
        here = self.palette.text("▌", ">") if is_here else " "
        if is_marked:
            return Segment(here + self.palette.text("◆", "+"), style + self.marked)
        return Segment(here + " ", style)

    def _cell(self, one: Placed, job: JobView, style: Style, now: datetime) -> Segment:
        right = one.column.align == "right"
        name = one.column.name
        if name == "state":
            text, look = self.palette.state(job.state)
            return Segment(fit(text, one.width, right=right), style + look)
        if name.startswith(SPARK):
            metric = name.removeprefix(SPARK)
            shown = self.sparks.text(job, metric, unicode=self.palette.unicode)
            return Segment(fit(shown, one.width), style + self.palette.tone("neutral"))
        text = fit(one.column.text(job, now), one.width, right=right)
        return Segment(text, style + self.faint if name in _FAINT else style)
