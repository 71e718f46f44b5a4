"""Several jobs side by side as plain data: what differs, and parallel coordinates; no widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from pydantic import JsonValue

from foundations.cli import job_values
from foundations.job_differences import compare, facts
from foundations.models import JobDetail
from foundations.text.braille import Canvas

LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Each job has one, in the order of the jobs."""
MOST_JOBS = len(LETTERS)
AXIS_PEN = len(LETTERS)
_LEFT_OUT = ("duration", "bundle", "reason")
"""Facts that differ nearly always and say little as an axis."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fact about each job."""

    name: str
    values: tuple[JsonValue, ...]
    differs: bool


def rows(jobs: Sequence[JobDetail], *, everything: bool = False) -> list[Row]:
    """What is not the same in all jobs or, on request, everything that is known of any."""
    names, _ = compare(jobs)
    known = [facts(job) for job in jobs]
    differing = set(names)
    if everything:
        rest = (name for one in known for name in one)
        names = [*names, *dict.fromkeys(name for name in rest if name not in differing)]
    return [Row(name, tuple(one.get(name) for one in known), name in differing) for name in names]


def texts(row: Row) -> list[str]:
    """The values of a row for people."""
    # A tag often has no value: that it is there is what differs.
    is_tag = row.name.startswith("tag.")
    return [
        "set" if is_tag and value == "" else job_values.cell(row.name, value)
        for value in row.values
    ]


def common_metrics(jobs: Sequence[JobDetail]) -> list[str]:
    """The metrics that at least two jobs have, in the order of the first that has each."""
    counts = Counter(one.name for job in jobs for one in job.metric_series)
    return [name for name, count in counts.items() if count > 1]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of parallel coordinates."""

    name: str
    low: float
    high: float
    places: tuple[float | None, ...]
    """Where each job is, from 0 at the bottom to 1 at the top; None has no value."""
    ticks: tuple[str, str]
    """What stands at the bottom and at the top."""


def axes(jobs: Sequence[JobDetail]) -> list[Axis]:
    """The facts that make an axis: numbers as they are, other values in their order."""
    made = (_axis(row) for row in rows(jobs) if row.name not in _LEFT_OUT)
    return [axis for axis in made if axis is not None]


def _axis(row: Row) -> Axis | None:
    numbers = [_number(value) for value in row.values]
    present = [value for value in numbers if value is not None]
    if len(present) > 1 and len(present) == sum(value is not None for value in row.values):
        low, high = min(present), max(present)
        if high <= low:
            return None
        places = tuple(None if one is None else (one - low) / (high - low) for one in numbers)
        return Axis(row.name, low, high, places, (f"{low:.4g}", f"{high:.4g}"))
    if not row.name.startswith(("param.", "tag.", "env.")):
        return None
    words = sorted({str(value) for value in row.values if value is not None})
    if len(words) < 2:
        return None
    last = len(words) - 1
    places = tuple(
        None if value is None else words.index(str(value)) / last for value in row.values
    )
    return Axis(row.name, 0, last, places, (words[0], words[-1]))


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def parallel(axes: Sequence[Axis], *, width: int, height: int) -> Canvas:
    """Draw jobs as lines from axis to axis, with each job's letter where it crosses one.

    Args:
        axes: two at least, as many as have room.
        width: of the plot, in cells.
        height: of the plot, in cells.

    Returns:
        A canvas whose pens are the jobs; `AXIS_PEN` is that of the axes.
    """
    canvas = Canvas(columns=width, rows=height)
    xs = [_across(number, len(axes), canvas.width) for number in range(len(axes))]
    for x in xs:
        canvas.line((x, 0), (x, canvas.height - 1), pen=AXIS_PEN)
    for pen in range(len(axes[0].places)):
        points = [
            (x, round((1 - place) * (canvas.height - 1)))
            for x, place in zip(xs, (axis.places[pen] for axis in axes), strict=True)
            if place is not None
        ]
        for start, end in pairwise(points):
            canvas.line(start, end, pen=pen)
        for x, y in points:
            canvas.mark(x, y, LETTERS[pen], pen=pen)
    return canvas


def axis_columns(count: int, width: int) -> list[int]:
    """The cell of each axis in a plot that is `width` cells wide."""
    return [_across(number, count, 2 * width) // 2 for number in range(count)]


def _across(number: int, count: int, dots: int) -> int:
    """Where an axis stands, in dots: the first and the last a little inside."""
    margin = min(6, dots // 8)
    return margin + round(number * (dots - 1 - 2 * margin) / max(count - 1, 1))
