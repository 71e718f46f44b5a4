"""The lines of a log, of which only those on the screen are read, parsed and painted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from atlas_tui.log_layout import FoundLines, Row
from atlas_tui.log_store import Missing
from atlas_tui.log_text import PaintedLine, Span
from atlas_tui.row_layout import wrapped
from atlas_tui.sgr import Look
from atlas_tui.widgets.log_window import BAR_CELLS, TIME_CELLS, LogWindow
from foundations.text.terminal import clean


class LogView(LogWindow):
    """Paints the rows of a log, with what was found marked."""

    DEFAULT_CSS = """
    LogView { height: 1fr; }
    LogView > .log--match { color: $background; background: $warning; text-style: bold; }
    LogView > .log--here { color: $accent; text-style: bold; }
    LogView > .log--faint { text-style: dim; }
    LogView > .log--bar { color: $primary; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--match",
        "log--here",
        "log--faint",
        "log--bar",
    }

    @dataclass
    class TimesWanted(Message):
        """It is not known when lines were written that are in sight."""

        first: int
        last: int

    def render_line(self, y: int) -> Strip:
        """Paint one row."""
        if self._rows is None:
            self._rows = self._lay_out()
            self._want_times(self._rows)
        width, base = self.size.width, self.rich_style
        bar = Segment(*self._bar(y, base))
        if y < len(self._rows):
            segments = self._known_row(*self._rows[y], base)
        elif not self._rows:
            text = self.empty if not self.store.size else self._palette.text("…", "...")
            lines = wrapped(clean(text, one_line=True), max(width - BAR_CELLS - 2, 8))
            line_ = dict(enumerate(lines)).get(y, "")
            segments = [Segment(f" {line_}", base + self._style("faint"))]
        else:
            segments = []
        line = Strip(segments).adjust_cell_length(max(width - BAR_CELLS, 0), base)
        return Strip([*line, bar]).adjust_cell_length(width, base)

    def _known_row(self, row: Row, look: Look, base: Style) -> list[Segment]:
        try:
            return self._row(row, look, base)
        except Missing as missing:  # the log has grown since the rows were laid out
            self.post_message(self.Wanted(missing.number, missing.number))
            return []

    def _row(self, row: Row, look: Look, base: Style) -> list[Segment]:
        line = self._layout_of.painted(row.start, look)
        segments = [self._sign(row, base)]
        if self.shows_times:
            segments.append(Segment(self._time(row), base + self._style("faint")))
        begin, end = self._cut(line, row)
        spans = self._spans(row.start, line)
        # Textual would make greys of the colours, and a dark one of red: nobody could read it.
        in_colour = not self.app.no_color
        mark = self._style("match")
        return segments + line.segments(begin, end, base, spans, mark, in_colour=in_colour)

    def _cut(self, line: PaintedLine, row: Row) -> Span:
        if not self.wraps:
            return line.cut(self._skip, self._text_cells)
        begins = line.rows(self._layout_of.width)
        last = row.number + 1 >= len(begins)
        return begins[row.number], len(line.text) if last else begins[row.number + 1]

    def _sign(self, row: Row, base: Style) -> Segment:
        lines = self._layout_of.lines
        if row.start == self.current:
            return Segment(self._palette.text("▌", ">"), base + self._style("here"))
        if not row.number and isinstance(lines, FoundLines) and lines.is_gap(row.start):
            return Segment(self._palette.text("┄", "-"), base + self._style("faint"))
        return Segment(" ", base)

    def _want_times(self, rows: list[tuple[Row, Look]]) -> None:
        """Ask for times that are not known; at once only when they are shown."""
        if self.shows_times:
            unknown = [row.start for row, _ in rows if self.times.is_open(row.start)]
            if unknown:
                self.post_message(self.TimesWanted(unknown[0], unknown[-1]))

    def _time(self, row: Row) -> str:
        at = None if row.number else self.times.of(row.start)
        if at is not None:
            return time.strftime("%H:%M:%S ", time.localtime(at))
        return " " * TIME_CELLS if row.number else "--:--:-- "

    def _spans(self, start: int, line: PaintedLine) -> list[Span]:
        if self.matches is None:
            return []
        spans = self.matches.query.spans(line.text)
        if spans is None:
            return [(0, len(line.text))] if start in self.matches else []
        return spans

    def _bar(self, y: int, base: Style) -> tuple[str, Style]:
        """One cell of the bar that shows which part of the log this is."""
        size, height = self.store.size, max(self.size.height, 1)
        if not self._rows or not size:
            return " ", base
        first, last = self._top.start, self._rows[-1][0].start
        begin = min(first * height // size, height - 1)
        end = height - 1 if self.follows else max(begin, last * height // size)
        if first == 0 and self.follows:
            return " ", base
        if begin <= y <= end:
            return self._palette.text("┃", "#"), base + self._style("bar")
        return self._palette.text("│", "|"), base + self._style("faint")

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}", partial=True)
