"""A chart of curves that can be zoomed, smoothed and read with a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from atlas_tui import chart_labels as labels
from atlas_tui import curves
from atlas_tui.chart_labels import LETTERS, Drawn, in_bytes, line_style, number_text
from atlas_tui.curves import SMOOTHINGS, Curve, XAxis
from atlas_tui.looks import Palette
from atlas_tui.widgets.text_pane import painted
from foundations.decimation import is_drawable
from foundations.models import MetricSeries
from foundations.text.chart import Look, Plot, lay_out
from foundations.text.terminal import clean
from foundations.text.value_words import value as value_text

_LINES_AROUND = 4
"""Lines of the widget that are not the plot: read-out, axis, its labels, how it is drawn."""
_LOOKED_AT = 20
_SMALLEST = (24, 8)
_KEYS = "X axis  y log  s smooth  +- zoom"


class ChartView(Widget, can_focus=True):
    """Paints anew only when what it shows has changed."""

    DEFAULT_CSS = """
    ChartView { height: 1fr; }
    ChartView > .chart--axis { color: $text-muted; }
    ChartView > .chart--cursor { color: $accent; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"chart--axis", "chart--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        ("left,h", "cursor(-1)", "Cursor left"),
        ("right", "cursor(1)", "Cursor right"),
        ("ctrl+u", "cursor(-10)", "Cursor far left"),
        ("ctrl+d", "cursor(10)", "Cursor far right"),
        ("home,g", "end(0)", "First point"),
        ("end,G", "end(1)", "Last point"),
    ]

    def __init__(
        self, *, palette: Palette, axis: XAxis = XAxis.STEP, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.empty = "Nothing to draw."
        """What stands there when there is no point."""
        self.drawn = Drawn(axis)
        self.cursor: float | None = None
        """The x that is read out; None for the last one."""
        self.window: tuple[float, float] | None = None
        """The x that are shown; None for all."""
        self._palette = palette
        self._series: Sequence[MetricSeries] = ()
        self._curves: list[Curve] = []
        self._plot: Plot | None = None
        self._strips: list[Strip] = []

    # -- what is shown

    def show(self, series: Sequence[MetricSeries]) -> None:
        """Show series, with the window and the cursor where they were when they are the same."""
        if [one.name for one in series] != [one.name for one in self._series]:
            self.cursor = self.window = None
        self._series = series
        self._prepare()

    def next_axis(self) -> str:
        """Go on to the next kind of x axis. Returns its name."""
        axes = list(XAxis)
        self.drawn.axis = axes[(axes.index(self.drawn.axis) + 1) % len(axes)]
        self.cursor = self.window = None
        self._prepare()
        return labels.AXES[self.drawn.axis]

    def toggle_log(self) -> bool:
        """Switch the logarithmic y axis. Returns whether it is on."""
        self.drawn.log_y = not self.drawn.log_y
        self._dirty()
        return self.drawn.log_y

    def next_smoothing(self) -> float:
        """Smooth more or, after the most, not at all. Returns the weight."""
        self.drawn.smoothing = (self.drawn.smoothing + 1) % len(SMOOTHINGS)
        self._dirty()
        return SMOOTHINGS[self.drawn.smoothing]

    def zoom(self, factor: float) -> None:
        """Come closer to the cursor (`factor` above 1), or go away."""
        whole = curves.extent(self._curves)
        if whole is None:
            return
        window = self.window or whole
        around = window[1] if self.cursor is None else self.cursor
        self.window = curves.zoomed(window, whole, factor=factor, around=around)
        self._dirty()

    def clear_one(self) -> bool:
        """Show all again, then put the cursor away. Returns whether there was anything."""
        if self.window is None and self.cursor is None:
            return False
        if self.window is not None:
            self.window = None
        else:
            self.cursor = None
        self._dirty()
        return True

    def missing(self, name: str, *, most: int) -> tuple[int, int] | None:
        """Which positions of a series would show more of what the chart is zoomed to."""
        for series, found in zip(self._series, self._curves, strict=True):
            if series.name == name and self.window is not None:
                return curves.missing(series, found, self.window, most=most)
        return None

    def reading(self) -> list[tuple[str, str]]:
        """The name of each curve, and its value at the cursor."""
        return [(one.name, self._value(one)) for one in self._curves]

    # -- the cursor

    def action_cursor(self, cells: int) -> None:
        """Move the cursor sideways by cells; at the edge of a window the window goes along."""
        plot, whole = self._plot, curves.extent(self._curves)
        if plot is None or whole is None:
            return
        if self.cursor is None:
            place = plot.columns - 1 if cells < 0 else 0
        else:
            place = plot.column(self.cursor) + cells
        beyond = min(place, 0) + max(place - plot.columns + 1, 0)
        if beyond and self.window is not None:
            width = self.window[1] - self.window[0]
            self.window = curves.moved(self.window, whole, beyond * width / plot.columns)
            self._dirty()
            plot = self._laid_out() or plot
        self.cursor = plot.x(max(0, min(place, plot.columns - 1)))
        self._dirty()

    def action_end(self, last: int) -> None:
        """Put the cursor on the first or the last point."""
        whole = curves.extent(self._curves)
        if whole is not None:
            self.cursor = whole[last]
            if self.window is not None:
                self.window = curves.moved(self.window, whole, whole[last] - self.window[last])
            self._dirty()

    # -- painting

    def _prepare(self) -> None:
        starts = [one.points[0].at.timestamp() for one in self._series if one.points]
        start = min(starts, default=0.0)
        axis = self.drawn.axis
        self._curves = [curves.curve(one, axis, start_seconds=start) for one in self._series]
        self._dirty()

    def _dirty(self) -> None:
        self._strips = []
        self.refresh()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._dirty()

    def render_line(self, y: int) -> Strip:
        """Paint one line of the drawing, which is made once."""
        if not self._strips:
            self._strips = self._draw()
        width, base = self.size.width, self.rich_style
        if y >= len(self._strips):
            return Strip.blank(width, base)
        return self._strips[y].apply_style(base).adjust_cell_length(width, base)

    def _laid_out(self) -> Plot | None:
        drawn, palette = self.drawn, self._palette
        weight = SMOOTHINGS[drawn.smoothing]
        raw = [curves.line(one, one.ys, self.window) for one in self._curves]
        lines = raw
        if weight:
            smooth = [curves.smoothed(one.ys, weight) for one in self._curves]
            pairs = zip(self._curves, smooth, strict=True)
            lines = [*raw, *(curves.line(one, ys, self.window) for one, ys in pairs)]
        look = Look(
            width=self.size.width,
            height=max(self.size.height - _LINES_AROUND, 3),
            log_y=drawn.log_y,
            unicode=palette.unicode,
            x_text=self._x_text,
            y_text=self._y_text,
        )
        plot = lay_out(lines, look, across=self.window)
        if plot is not None and len(self._curves) > 1:
            for number in range(len(lines) - len(self._curves), len(lines)):
                end = plot.ends[number]
                if end is not None:
                    plot.canvas.mark(*end, LETTERS[number % len(self._curves) % 26], pen=number)
        return plot

    def _draw(self) -> list[Strip]:
        self._plot = None
        if self.size.width < _SMALLEST[0] or self.size.height < _SMALLEST[1]:
            return [Strip([Segment(" no room for a chart")])]
        plot = self._plot = self._laid_out()
        faint = self.get_component_rich_style("chart--axis")
        if plot is None:
            wanted = "Nothing above zero to draw." if self.drawn.log_y else self.empty
            return [
                Strip([]),
                Strip([Segment(f" {wanted if self._curves else self.empty}", faint)]),
            ]
        marked = None if self.cursor is None else plot.column(self.cursor)
        rows = [self._row(plot, number, marked, faint) for number in range(len(plot.y_labels))]
        corner, floor = ("└", "─") if self._palette.unicode else ("+", "-")
        left = " " * plot.margin
        return [
            self._strip(self._read_out()),
            *rows,
            Strip([Segment(f"{left} {corner}{floor * plot.columns}", faint)]),
            Strip([Segment(f"{left}  {plot.x_labels}", faint)]),
            Strip([Segment(f"{left}  {self._modes(plot.columns)}", faint)]),
        ]

    def _row(self, plot: Plot, number: int, marked: int | None, faint: Style) -> Strip:
        tick = self._palette.text("┤", "|")
        segments = [Segment(f"{plot.y_labels[number]:>{plot.margin}} {tick}", faint)]
        cursor = self.get_component_rich_style("chart--cursor")
        for column, (glyph, pen) in enumerate(
            plot.canvas.row(number, braille=self._palette.unicode)
        ):
            if column == marked and glyph == " ":
                segments.append(Segment(self._palette.text("│", "|"), cursor))
            else:
                segments.append(Segment(glyph, self._pen(pen)))
        return Strip(segments).simplify()

    def _pen(self, pen: int) -> Style:
        """The colour of a line; what is smoothed is strong, what it was made of is faint."""
        count = max(len(self._curves), 1)
        is_raw = bool(SMOOTHINGS[self.drawn.smoothing]) and pen < count
        return line_style(pen % count, self._palette) + Style(dim=is_raw)

    def _read_out(self) -> Text:
        text = Text(" ", no_wrap=True)
        if self.cursor is not None:
            mark = self.get_component_rich_style("chart--cursor")
            axis = labels.AXES[self.drawn.axis].split()[0]
            x = curves.closest_x(self._curves, self.cursor)
            text.append(f"{axis} {self._x_text(x)}", mark)
        for place, (name, shown) in enumerate(self.reading()):
            style = line_style(place, self._palette)
            letter = f"{LETTERS[place % 26]} " if len(self._curves) > 1 else ""
            text.append(f"  {letter}{clean(name, one_line=True)} ", style)
            text.append(shown, Style(bold=True))
        return text

    def _value(self, found: Curve) -> str:
        place = len(found.ys) - 1 if self.cursor is None else curves.nearest(found, self.cursor)
        if place is None or place < 0:
            return "-"
        y = found.ys[place]
        if is_drawable(y) and isinstance(y, int | float):
            return self._y_text(float(y))
        return clean(value_text(y), one_line=True)

    def _modes(self, room: int) -> str:
        """How it is drawn and, where there is room, the keys that change it."""
        parts = labels.modes(self.drawn)
        if self.window is not None:
            parts.append("zoomed, Esc shows all")
        gaps = sum(one.gaps for one in self._curves)
        if gaps:
            parts.append(f"{gaps} NaN or infinite")
        text = self._palette.text(" · ", ", ").join(parts)
        gap = room - len(text) - len(_KEYS)
        return text + " " * gap + _KEYS if gap > 1 else text

    def _x_text(self, x: float) -> str:
        low, high = self.window or curves.extent(self._curves) or (x, x)
        whole = all(one.is_integer() for found in self._curves for one in found.xs[:_LOOKED_AT])
        return labels.x_text(x, self.drawn.axis, span=high - low, are_whole=whole)

    def _y_text(self, y: float) -> str:
        names = [one.name for one in self._curves]
        return number_text(y, is_bytes=bool(names) and all(map(in_bytes, names)))

    def _strip(self, text: Text) -> Strip:
        return painted(text, self.app.console).crop(0, self.size.width)
