"""What is written on charts: axes, numbers, which line is which; no widgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.style import Style

from atlas_tui.curves import SMOOTHINGS, XAxis
from atlas_tui.looks import SERIES, SERIES_ON_LIGHT, Palette
from foundations.text.quantities import duration, size

LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Which line is which, also without colours."""
AXES = {XAxis.STEP: "step", XAxis.TIME: "time since the start", XAxis.CLOCK: "time of day"}
_ANSI_SERIES = ("cyan", "yellow", "green", "magenta", "blue", "red")
_LONG_SECONDS = 20 * 3600.0
"""From such a span on a time of day has its day."""
_MANY_STEPS = 20
"""In such a span of steps fractions of one are left out."""
_MOST_BYTES = 1e18


@dataclass(slots=True)
class Drawn:
    """How a chart is drawn, which stays when it shows something else."""

    axis: XAxis = XAxis.STEP
    log_y: bool = False
    smoothing: int = 0
    """Place in `SMOOTHINGS`."""


def modes(drawn: Drawn) -> list[str]:
    """Say how a chart is drawn."""
    parts = [f"x: {AXES[drawn.axis]}"]
    if drawn.log_y:
        parts.append("log y")
    if SMOOTHINGS[drawn.smoothing]:
        parts.append(f"smoothed {SMOOTHINGS[drawn.smoothing]:g}")
    return parts


def x_text(x: float, axis: XAxis, *, span: float, are_whole: bool) -> str:
    """Write a place on the x axis.

    Args:
        x: the place.
        axis: what goes to the right.
        span: how much of it is shown.
        are_whole: whether all steps are whole numbers.
    """
    if axis is XAxis.TIME:
        return duration(max(x, 0.0))
    if axis is XAxis.CLOCK:
        day = "%d %b " if span > _LONG_SECONDS else ""
        return datetime.fromtimestamp(x).astimezone().strftime(f"{day}%H:%M:%S")
    return str(round(x)) if are_whole and span >= _MANY_STEPS else f"{x:.6g}"


def line_style(place: int, palette: Palette) -> Style:
    """The colour of a line of a chart."""
    on_ground = SERIES if palette.dark else SERIES_ON_LIGHT
    colours = _ANSI_SERIES if palette.ansi else on_ground
    return Style(color=colours[place % len(colours)])


def in_bytes(name: str) -> bool:
    """Whether a series counts bytes, as its name says."""
    return name.endswith(("_bytes", "_bytes_per_second"))


def number_text(number: float, *, is_bytes: bool = False) -> str:
    """A number of a series, short."""
    if is_bytes and 0 <= number < _MOST_BYTES:
        return size(int(number))
    return f"{number:.4g}"
