"""Curves: their x, smoothing, the cursor's read-out, windows and small pictures."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui import curves
from atlas_tui.chart_labels import Drawn, modes, number_text, x_text
from atlas_tui.curves import Curve, XAxis
from foundations.decimation import is_drawable
from foundations.models import MetricPoint, MetricSeries
from tests.core.profiles import PROPERTY

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBERS = st.floats(-1e6, 1e6)
VALUES = st.one_of(NUMBERS, st.sampled_from(["NaN", "Infinity", "text", True, None]))


def series(*values: Any, steps: Any = None, **more: Any) -> MetricSeries:
    found = [
        MetricPoint(
            position=place,
            step=place if steps is None else steps[place],
            value=value,
            at=START + timedelta(seconds=2 * place),
        )
        for place, value in enumerate(values)
    ]
    return MetricSeries(name="loss", count=more.pop("count", len(found)), points=found, **more)


def curve(*pairs: tuple[float, Any]) -> Curve:
    return Curve("loss", [x for x, _ in pairs], [y for _, y in pairs])


def test_x_is_the_step_the_time_or_the_clock() -> None:
    found = series(1.0, 2.0, 3.0, steps=[10, 5, 20])
    start = START.timestamp()

    by_step = curves.curve(found, XAxis.STEP)
    assert (by_step.xs, by_step.ys) == ([5, 10, 20], [2.0, 1.0, 3.0])
    assert curves.curve(found, XAxis.TIME, start_seconds=start).xs == [0, 2, 4]
    assert curves.curve(found, XAxis.CLOCK).xs == [start, start + 2, start + 4]


def test_one_point_without_a_step_puts_all_in_the_order_of_logging() -> None:
    assert curves.curve(series(1.0, 2.0, steps=[100, None]), XAxis.STEP).xs == [0, 1]


@PROPERTY
@given(st.lists(VALUES, max_size=40), st.sampled_from(curves.SMOOTHINGS))
def test_smoothing_keeps_gaps_and_stays_between_the_extremes(ys: list[Any], weight: float) -> None:
    found = curves.smoothed(ys, weight)

    numbers = [y for y in ys if is_drawable(y)]
    assert len(found) == len(ys)
    for before, after in zip(ys, found, strict=True):
        if is_drawable(before):
            assert isinstance(after, int | float)
            assert min(numbers) - 1e-6 <= after <= max(numbers) + 1e-6
        else:
            assert after == before


def test_smoothing_begins_with_what_was_logged_and_weighs_the_past() -> None:
    assert curves.smoothed([4.0, 0.0], 0.5) == pytest.approx([4.0, 4 / 3])
    assert curves.smoothed([1.0, 5.0], 0.0) == [1.0, 5.0]


@PROPERTY
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(-150, 150))
def test_the_cursor_reads_the_closest_point(xs: list[float], x: float) -> None:
    found = curve(*((one, 1.0) for one in sorted(xs)))

    place = curves.nearest(found, x)

    assert place is not None
    assert abs(found.xs[place] - x) == min(abs(one - x) for one in xs)
    assert curves.closest_x([found, curve()], x) == found.xs[place]


def test_without_points_nothing_is_read() -> None:
    assert curves.nearest(curve(), 1.0) is None
    assert curves.closest_x([curve()], 3.0) == 3.0
    assert curves.extent([curve((1, "NaN"))]) is None


@PROPERTY
@given(
    whole=st.tuples(st.floats(-1e6, 1e6), st.floats(1, 1e6)).map(lambda p: (p[0], p[0] + p[1])),
    around=st.floats(0, 1),
    factors=st.lists(st.sampled_from([0.5, 2.0]), max_size=12),
    shift=st.floats(-10, 10),
)
def test_a_window_stays_within_the_whole(
    whole: tuple[float, float], around: float, factors: list[float], shift: float
) -> None:
    window = whole
    for factor in factors:
        place = whole[0] + around * (whole[1] - whole[0])
        near = curves.zoomed(window, whole, factor=factor, around=place)
        window = whole if near is None else curves.moved(near, whole, shift)
        assert whole[0] <= window[0] < window[1] <= whole[1]


def test_zooming_in_and_out_again_shows_all() -> None:
    near = curves.zoomed((0, 100), (0, 100), factor=2.0, around=100)
    assert near is not None
    assert list(near) == [50, 100]
    assert curves.zoomed(near, (0, 100), factor=0.5, around=100) is None


def test_a_line_goes_up_to_the_edges_of_its_window() -> None:
    found = curve((0, 0.0), (10, 10.0), (20, 20.0), (30, "NaN"), (40, 1.0))

    assert curves.line(found, found.ys, (5, 15)).points == [(5, 5.0), (10, 10.0), (15, 15.0)]
    assert curves.line(found, found.ys, (12, 14)).points == [(12, 12.0), (14, 14.0)]
    assert curves.line(found, found.ys, (18, 25)).points == [(18, 18.0), (20, 20.0)]
    assert curves.line(found, found.ys, None).points == list(zip(found.xs, found.ys, strict=True))


def test_a_window_of_a_decimated_series_says_which_points_it_lacks() -> None:
    whole = series(*range(100))
    thin = whole.model_copy(update={"points": whole.points[::10], "decimated": True})
    drawn = curves.curve(thin, XAxis.STEP)

    span = curves.missing(thin, drawn, (35, 55), most=1000)

    assert span == (30, 61)
    assert curves.missing(thin, drawn, (35, 55), most=10) is None
    assert curves.missing(whole, curves.curve(whole, XAxis.STEP), (35, 55), most=1000) is None
    page = whole.model_copy(update={"points": whole.points[30:61]})
    full = curves.with_detail(thin, page)
    assert [one.position for one in full.points] == [0, 10, 20, *range(30, 61), 70, 80, 90]
    assert curves.missing(full, curves.curve(full, XAxis.STEP), (35, 55), most=1000) is None


def test_the_best_steps_are_those_of_the_extremes() -> None:
    assert curves.best(series(3.0, 1.0, "NaN", 7.0, steps=[0, 5, 10, 15])) == (5, 15)
    assert curves.best(series("a")) == (None, None)


@PROPERTY
@given(st.lists(VALUES, max_size=30), st.integers(0, 12), st.booleans())
def test_a_small_picture_is_as_wide_as_it_should_be(
    ys: list[Any], width: int, unicode: bool
) -> None:
    text = curves.sparkline(ys, width, unicode=unicode)
    assert len(text) == width
    assert unicode or text.isascii()


def test_a_small_picture_rises_with_its_values() -> None:
    assert curves.sparkline([0, 1, 2, 3], 4) == "▁▃▆█"
    assert curves.sparkline([0, "NaN", 3], 3) == "▁ █"
    assert curves.sparkline([5, 5], 2) == "▅▅"


def test_labels_are_short() -> None:
    assert number_text(2.0e9, is_bytes=True) == "2.0 GB"
    assert number_text(0.123456) == "0.1235"
    assert x_text(12.4, XAxis.STEP, span=100, are_whole=True) == "12"
    assert x_text(0.5, XAxis.STEP, span=1, are_whole=True) == "0.5"
    assert x_text(90, XAxis.TIME, span=100, are_whole=True) == "1m 30s"
    assert len(x_text(START.timestamp(), XAxis.CLOCK, span=60, are_whole=True)) == 8
    assert len(x_text(START.timestamp(), XAxis.CLOCK, span=math.inf, are_whole=True)) == 15
    assert modes(Drawn(XAxis.TIME, log_y=True, smoothing=2)) == [
        *("x: time since the start", "log y", "smoothed 0.9")
    ]
