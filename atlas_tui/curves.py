"""Curves of metrics as a chart shows them: their x, smoothed, cut to a window, read at a place."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from foundations.decimation import is_drawable
from foundations.models import MetricSeries
from foundations.text.chart import Line

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
"""How much of the smoothed value before stays in the next one, as the key goes through them."""
STRETCHES = 800
"""Into how many pieces the scheduler cuts a series that is drawn; of each the extremes stay."""
ZOOM = 2.0
"""How much closer one step brings."""


class XAxis(StrEnum):
    """What goes to the right."""

    STEP = "step"
    """The step; a point that has none goes by its place in the order of logging."""
    TIME = "time"
    """The time since the first point of all."""
    CLOCK = "clock"
    """The time of day."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One series, with an x for each of its points, which rises."""

    name: str
    xs: list[float]
    ys: list[JsonValue]
    """What was logged: numbers, and whatever is a gap."""

    @property
    def gaps(self) -> int:
        """How many of its points have no place on an axis: NaN, infinities and texts."""
        return sum(not is_drawable(y) for y in self.ys)


def curve(series: MetricSeries, axis: XAxis, *, start_seconds: float = 0.0) -> Curve:
    """Give the points of a series their x, and put them in its order.

    Args:
        series: what was logged.
        axis: what goes to the right.
        start_seconds: where relative time begins, as seconds since the epoch.
    """
    has_steps = all(point.step is not None for point in series.points)
    pairs: list[tuple[float, JsonValue]] = []
    for point in series.points:
        if axis is XAxis.STEP:
            x = point.step if has_steps and point.step is not None else float(point.position)
        else:
            x = point.at.timestamp() - (start_seconds if axis is XAxis.TIME else 0.0)
        pairs.append((x, point.value))
    pairs.sort(key=lambda pair: pair[0])
    return Curve(series.name, [x for x, _ in pairs], [y for _, y in pairs])


def smoothed(ys: Sequence[JsonValue], weight: float) -> list[JsonValue]:
    """Smooth exponentially; gaps stay gaps, and what is before them goes on behind them.

    The mean is corrected for its beginning, so that the first value is what was logged.

    Args:
        ys: the values.
        weight: from 0, which changes nothing, to below 1.
    """
    if not weight:
        return list(ys)
    mean, share = 0.0, 0.0
    found: list[JsonValue] = []
    for y in ys:
        if not is_drawable(y):
            found.append(y)
            continue
        assert isinstance(y, int | float)
        mean = weight * mean + (1 - weight) * float(y)
        share = weight * share + (1 - weight)
        found.append(mean / share)
    return found


def nearest(found: Curve, x: float) -> int | None:
    """The place of the point that is closest to an x; None when there is no point."""
    if not found.xs:
        return None
    right = bisect_left(found.xs, x)
    if right == len(found.xs):
        return right - 1
    if right and x - found.xs[right - 1] <= found.xs[right] - x:
        return right - 1
    return right


def closest_x(found: Sequence[Curve], x: float) -> float:
    """The x of the point of any curve that is closest to an x; that x where there is no point."""
    near = [(one, nearest(one, x)) for one in found]
    xs = [one.xs[place] for one, place in near if place is not None]
    return min(xs, key=lambda other: abs(other - x), default=x)


def extent(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The lowest and the highest x that has a number."""
    xs = [x for one in curves for x, y in zip(one.xs, one.ys, strict=True) if is_drawable(y)]
    return (min(xs), max(xs)) if xs else None


def zoomed(
    window: tuple[float, float], whole: tuple[float, float], *, factor: float, around: float
) -> tuple[float, float] | None:
    """Make a window narrower (`factor` above 1) or wider, keeping a place where it is.

    Returns:
        The window, within the whole; None when that is all there is.
    """
    low, high = window
    around = min(max(around, low), high)
    width = (high - low) / factor
    if width >= whole[1] - whole[0] or not math.isfinite(width):
        return None
    share = (around - low) / (high - low) if high > low else 0.5
    left = min(max(around - share * width, whole[0]), whole[1] - width)
    right = min(left + width, whole[1])
    return (left, right) if right > left else window


def moved(
    window: tuple[float, float], whole: tuple[float, float], by: float
) -> tuple[float, float]:
    """Move a window sideways, as far as there is something."""
    width = window[1] - window[0]
    left = min(max(window[0] + by, whole[0]), max(whole[1] - width, whole[0]))
    return left, min(left + width, whole[1])


def line(found: Curve, ys: Sequence[JsonValue], window: tuple[float, float] | None) -> Line:
    """What to draw of a curve: all of it, or what is in the window, up to its very edges."""
    points = list(zip(found.xs, ys, strict=True))
    if window is None:
        return Line(found.name, points)
    low, high = window
    first, last = bisect_left(found.xs, low), bisect_left(found.xs, math.nextafter(high, math.inf))
    inside = points[first:last]
    if 0 < first < len(points):
        inside = _crossing(points[first - 1], points[first], low) + inside
    if 0 < last < len(points):
        inside = inside + _crossing(points[last - 1], points[last], high)
    return Line(found.name, inside)


def _crossing(
    before: tuple[float, JsonValue], after: tuple[float, JsonValue], x: float
) -> list[tuple[float, JsonValue]]:
    """Where the line between two points crosses an x, when it can be said."""
    (x1, y1), (x2, y2) = before, after
    if not (is_drawable(y1) and is_drawable(y2)) or x2 <= x1:
        return []
    assert isinstance(y1, int | float)
    assert isinstance(y2, int | float)
    share = (x - x1) / (x2 - x1)
    return [(x, y1 * (1 - share) + y2 * share)]


def missing(
    series: MetricSeries, found: Curve, window: tuple[float, float], *, most: int
) -> tuple[int, int] | None:
    """Which positions of a decimated series a window needs to be drawn with every point.

    Args:
        series: what is here.
        found: its curve.
        window: the x that are shown.
        most: how many points may be asked for.

    Returns:
        The first position and the one behind the last; None when they are all here, or too many.
    """
    positions = sorted(point.position for point in series.points)
    first = max(bisect_left(found.xs, window[0]) - 1, 0)
    last = min(bisect_left(found.xs, window[1]) + 1, len(positions))
    if not series.decimated or last - first < 2:
        return None
    start, end = positions[first], positions[last - 1] + 1
    return (start, end) if last - first < end - start <= most else None


def with_detail(series: MetricSeries, page: MetricSeries) -> MetricSeries:
    """Put a page of points in the place of those that stood for them."""
    if not page.points:
        return series
    start, end = page.points[0].position, page.points[-1].position
    before = [one for one in series.points if one.position < start]
    after = [one for one in series.points if one.position > end]
    return series.model_copy(update={"points": [*before, *page.points, *after]})


def best(series: MetricSeries) -> tuple[float | None, float | None]:
    """The steps (or positions) of the lowest and the highest number."""
    numbers = [
        (float(point.value), point.position if point.step is None else point.step)
        for point in series.points
        if is_drawable(point.value) and isinstance(point.value, int | float)
    ]
    if not numbers:
        return None, None
    return min(numbers)[1], max(numbers, key=lambda pair: pair[0])[1]


_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=+*#@"


def sparkline(ys: Sequence[JsonValue], width: int, *, unicode: bool = True) -> str:
    """Draw values as a row of bars; a gap is a space."""
    bars = _BARS if unicode else _PLAIN_BARS
    numbers = [float(y) for y in ys if is_drawable(y) and isinstance(y, int | float)]
    if not numbers or width < 1:
        return " " * width
    low, high = min(numbers), max(numbers)
    text = ""
    for cell in range(width):
        y = ys[min(cell * len(ys) // width, len(ys) - 1)]
        if not (is_drawable(y) and isinstance(y, int | float)):
            text += " "
            continue
        share = (y / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
        text += bars[min(int(share * len(bars)), len(bars) - 1)]
    return text
