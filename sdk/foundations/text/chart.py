"""Draws series as lines in text, with axes and a legend, however many points they have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from foundations.decimation import decimate, is_drawable
from foundations.text.braille import PENS, Canvas
from foundations.text.terminal import clean, display_width, shorten

SMALLEST = (16, 3)
"""Columns and rows below which no plot is drawn smaller."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROWS_A_LABEL = 4
_MOST_POINTS = 20_000
"""Of a longer line only the points that show its course are looked at one by one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series to draw."""

    name: str
    points: Sequence[tuple[float, object]]
    """x and y, in the order they are joined; a y that is no finite number is a gap."""
    note: str = ""
    """Stands behind the name in the legend."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a chart is drawn."""

    width: int = 80
    """Of the whole, in cells."""
    height: int = 16
    """Of the plot alone, in cells."""
    log_y: bool = False
    """Whether the y axis is logarithmic; what is not above zero is then a gap."""
    colour: bool = False
    """Whether to use ANSI colours."""
    unicode: bool = True
    """Whether the output can hold more than ASCII."""
    x_text: Callable[[float], str] = "{:.6g}".format
    """Writes a label of the x axis."""
    y_text: Callable[[float], str] = "{:.4g}".format
    """Writes a label of the y axis."""


def draw(lines: Sequence[Line], look: Look) -> list[str]:
    """Draw lines in one plot; of points that share a column their lowest and highest count.

    Returns:
        Lines of text; none when there is not one point to draw.
    """
    plot = lay_out(lines, look)
    if plot is None:
        return []
    if len(lines) > 1:
        for pen, end in enumerate(plot.ends):
            if end is not None:
                plot.canvas.mark(*end, _letter(pen), pen=pen)
    rows = plot.canvas.lines(colour=look.colour, braille=look.unicode)
    tick, corner, floor = ("┤", "└", "─") if look.unicode else ("|", "+", "-")
    margin, columns = plot.margin, plot.columns
    return [
        *(f"{label:>{margin}} {tick}{row}" for label, row in zip(plot.y_labels, rows, strict=True)),
        f"{'':>{margin}} {corner}{floor * columns}",
        f"{'':>{margin}}  {plot.x_labels}".rstrip(),
        *_legend(lines, plot.ends, look),
    ]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines on a canvas, with what stands beside and below it."""

    canvas: Canvas
    """The pen of a line is its place among the lines."""
    y_labels: list[str]
    """One text a row, most of them empty."""
    x_labels: str
    """As wide as the canvas."""
    low: float
    """The x of the first column of dots."""
    high: float
    """The x of the last one."""
    ends: list[tuple[int, int] | None]
    """The dot where each line ends; None where there is nothing to draw."""

    @property
    def margin(self) -> int:
        """How wide the labels of the y axis are."""
        return max(map(len, self.y_labels))

    @property
    def columns(self) -> int:
        """How wide the canvas is, in cells."""
        return self.canvas.width // 2

    def column(self, x: float) -> int:
        """The cell that an x between `low` and `high` is in."""
        return round(_Axis(self.low, self.high).share(x) * (self.canvas.width - 1)) // 2

    def x(self, column: int) -> float:
        """The x in the middle of a cell."""
        return _Axis(self.low, self.high).at((2 * column + 0.5) / (self.canvas.width - 1))


def lay_out(
    lines: Sequence[Line], look: Look, *, across: tuple[float, float] | None = None
) -> Plot | None:
    """Draw lines on a canvas, for whoever puts it on a screen in a way of their own.

    Args:
        lines: what to draw.
        look: how.
        across: ends of the x axis, which no point is beyond; None fits it to the points.

    Returns:
        The plot; None when there is not one point to draw.
    """
    traces = [_Trace(line, look) for line in lines]
    xs = [x for trace in traces for x, y in trace.points if y is not None]
    ys = [y for trace in traces for _, y in trace.points if y is not None]
    if not ys:
        return None
    axis = _Axis(min(xs), max(xs)) if across is None else _Axis(*across)
    up = _Axis(min(ys), max(ys))
    rows = max(look.height, SMALLEST[1])
    labels = _y_labels(up, rows, look)
    columns = max(look.width - max(map(len, labels)) - 2, SMALLEST[0])
    canvas = Canvas(columns=columns, rows=rows)
    ends = [_trace(canvas, trace.pixels(axis, up, canvas), pen) for pen, trace in enumerate(traces)]
    return Plot(canvas, labels, _x_labels(axis, columns, look), axis.low, axis.high, ends)


class _Trace:
    """The points of a line as the axes have them: logarithms, and None for gaps."""

    def __init__(self, line: Line, look: Look) -> None:
        points = line.points
        if len(points) > _MOST_POINTS:
            chosen = decimate([y for _, y in points], _MOST_POINTS // 4)
            points = [points[place] for place in chosen]
        self.points = [(x, _height(y, log=look.log_y)) for x, y in points]

    def pixels(self, across: _Axis, up: _Axis, canvas: Canvas) -> Iterable[tuple[int, int] | None]:
        width, height = canvas.width - 1, canvas.height - 1
        for x, y in self.points:
            if y is None:
                yield None
            else:
                yield round(across.share(x) * width), round((1 - up.share(y)) * height)


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float

    @property
    def is_one_value(self) -> bool:
        return self.high / 2 - self.low / 2 <= 0

    def share(self, value: float) -> float:
        """Where between the ends (0 to 1) a value is; halves, since a difference can overflow."""
        if self.is_one_value:
            return 0.5
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def at(self, share: float) -> float:
        return self.low * (1 - share) + self.high * share


def _height(y: object, *, log: bool) -> float | None:
    if not is_drawable(y):
        return None
    assert isinstance(y, int | float)
    if not log:
        return float(y)
    return math.log10(y) if y > 0 else None


def _trace(
    canvas: Canvas, pixels: Iterable[tuple[int, int] | None], pen: int
) -> tuple[int, int] | None:
    """Draw a line, a column of dots at a time, and return where it ends."""
    end = None
    last: tuple[int, int] | None = None
    low = high = 0
    for pixel in chain(pixels, [None]):
        if pixel is not None and last is not None and pixel[0] == last[0]:
            low, high = min(low, pixel[1]), max(high, pixel[1])
        else:
            if last is not None:
                canvas.line((last[0], low), (last[0], high), pen=pen)
                if pixel is not None:
                    canvas.line(last, pixel, pen=pen)
            if pixel is not None:
                low = high = pixel[1]
        last = pixel
        end = pixel or end
    return end


def _y_labels(up: _Axis, rows: int, look: Look) -> list[str]:
    """One text a row, most of them empty."""
    labels = [""] * rows
    gaps = max((rows - 1) // _ROWS_A_LABEL, 1)
    places = [0.5] if up.is_one_value else [number / gaps for number in range(gaps + 1)]
    for share in places:
        value = up.at(share)
        shown = _power_of_ten(value) if look.log_y else value
        labels[round((1 - share) * (rows - 1))] = look.y_text(shown)
    return labels


def _power_of_ten(exponent: float) -> float:
    try:
        return float(10**exponent)
    except OverflowError:  # the logarithm of the largest number was rounded up
        return math.inf


def _x_labels(across: _Axis, columns: int, look: Look) -> str:
    if across.is_one_value:
        return look.x_text(across.low).center(columns)
    left, middle, right = (look.x_text(across.at(share)) for share in (0, 0.5, 1))
    if len(left) + len(middle) + len(right) + 4 > columns:
        middle = ""
    text = left + middle.rjust(columns // 2 + (len(middle) + 1) // 2 - len(left))
    return text + right.rjust(columns - len(text))


def _legend(
    lines: Sequence[Line], ends: Sequence[tuple[int, int] | None], look: Look
) -> Iterable[str]:
    for pen, (line, end) in enumerate(zip(lines, ends, strict=True)):
        sign = f"{_letter(pen)} " if len(lines) > 1 else ""
        note = line.note if end is not None else "nothing to draw"
        name = clean(line.name, one_line=True)
        name = shorten(name, max(look.width - display_width(note) - len(sign) - 2, 8))
        if not look.unicode:
            name = name.encode("ascii", "backslashreplace").decode()
        if look.colour:
            sign = f"\x1b[{PENS[pen % len(PENS)]}m{sign}"
            name += "\x1b[0m"
        yield f"{sign}{name}  {note}".rstrip()


def _letter(pen: int) -> str:
    return _LETTERS[pen % len(_LETTERS)]
