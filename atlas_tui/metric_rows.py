"""The series of a job as rows of a list: which there are, and what they look like; no widgets."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from atlas_tui import curves
from atlas_tui.chart_labels import LETTERS, in_bytes, line_style, number_text
from atlas_tui.looks import Palette
from atlas_tui.row_layout import fit
from foundations.decimation import is_drawable
from foundations.models import SYSTEM_PREFIX, MetricSeries, MetricSummary
from foundations.text.quantities import counted
from foundations.text.terminal import clean
from foundations.text.value_words import value as value_text

_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_SPARK_WIDTH = 10
_WIDE = 40
"""From so many cells on a row has a sparkline."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One series."""

    summary: MetricSummary
    course: MetricSeries | None = None
    """A few of its points."""
    pen: int | None = None
    """Its place among the lines that are drawn; None when it is not drawn."""
    letters: bool = False
    """Whether lines have letters: there are several."""

    @property
    def name(self) -> str:
        """The name of the series."""
        return self.summary.name

    @property
    def is_text(self) -> bool:
        """Whether it has no number that could be drawn."""
        return self.summary.min is None and self.summary.last not in _NOT_FINITE


def draw(row: MetricRow, width: int, palette: Palette) -> Text:
    """Write a row."""
    name = row.name.removeprefix(SYSTEM_PREFIX)
    style = Style() if row.pen is None else line_style(row.pen, palette)
    sign = " "
    if row.pen is not None:
        sign = LETTERS[row.pen % 26] if row.letters else palette.text("●", "*")
    last = last_text(row.summary)
    bad = row.summary.last in _NOT_FINITE
    spark = width >= _WIDE
    room = max(width - 4 - 10 - (_SPARK_WIDTH + 1 if spark else 0), 6)
    text = Text.assemble((f" {sign} ", style + Style(bold=True)), (fit(name, room), style))
    if spark:
        ys = [] if row.course is None else [one.value for one in row.course.points]
        text.append(" " + curves.sparkline(ys, _SPARK_WIDTH, unicode=palette.unicode), style)
    text.append(" " + fit(last, 9, right=True), Style(bold=True, color="red" if bad else None))
    return text


def last_text(summary: MetricSummary) -> str:
    """The last value of a series, short."""
    last = summary.last
    if is_drawable(last) and isinstance(last, int | float):
        return number_text(float(last), is_bytes=in_bytes(summary.name))
    return value_text(last)


def about(row: MetricRow, width: int) -> list[str]:
    """Say what is known of a series, in lines of a width."""
    summary = row.summary
    parts = [f"last {clean(last_text(summary), one_line=True)}"]
    if summary.last_step is not None:
        parts[-1] += f" at {summary.last_step:g}"
    if summary.min is not None and summary.max is not None:
        lowest, highest = curves.best(row.course) if row.course else (None, None)
        wide = in_bytes(row.name)
        for word, value, step in (("min", summary.min, lowest), ("max", summary.max, highest)):
            at = "" if step is None else f" at {step:g}"
            parts.append(f"{word} {number_text(value, is_bytes=wide)}{at}")
    parts.append(counted(summary.count, "point"))
    if summary.last in _NOT_FINITE:
        parts.append("the last one is not finite")
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) + 4 > width:
            lines.append("")
        lines[-1] += f"  {part}" if lines[-1] else part
    return lines


def table(series: MetricSeries) -> list[Text]:
    """Points of a series that is no number, as lines."""
    lines = [Text(f" {'STEP':>10}  {'AT':8}  VALUE", Style(bold=True))]
    for point in reversed(series.points):
        step = "" if point.step is None else f"{point.step:g}"
        at = point.at.astimezone().strftime("%H:%M:%S")
        shown = clean(value_text(point.value), one_line=True)
        lines.append(Text(f" {step:>10}  {at:8}  {shown}"))
    return lines
