"""Lines drawn in text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.text.chart import Line, Look, draw
from tests.core.profiles import PROPERTY

PLAIN = Look(width=30, height=5)


def drawn(values: Sequence[Any], look: Look = PLAIN, name: str = "loss") -> list[str]:
    return draw([Line(name, list(enumerate(values)))], look)


def plot(lines: list[str]) -> list[str]:
    """The part right of the y axis."""
    return [line.partition("┤")[2] for line in lines if "┤" in line]


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = drawn([0, 1, 2, 3, 4])

    assert _rises(plot(lines))
    assert [line.partition("┤")[0].strip() for line in lines[:5]] == ["4", "", "", "", "0"]
    assert lines[-2].split() == ["0", "2", "4"]
    assert lines[-1] == "loss"


def _rises(rows: list[str]) -> bool:
    starts = [len(row) - len(row.lstrip()) for row in rows]
    return starts == sorted(starts, reverse=True) and starts[-1] == 0


def test_what_is_no_finite_number_is_a_gap() -> None:
    for gap in (None, "NaN", float("nan"), float("inf"), float("-inf"), "text"):
        rows = plot(drawn([1, 1, 1, gap, gap, 1, 1, 1]))
        (row,) = [row for row in rows if row.strip()]
        assert re.fullmatch(r"[^ ]+ +[^ ]+", row), gap


def test_on_a_logarithmic_axis_powers_are_a_straight_line() -> None:
    powers = drawn([10.0**x for x in range(5)], Look(width=30, height=5, log_y=True))

    assert _rises([row.rstrip() for row in plot(powers)])
    assert (powers[0].split()[0], powers[4].split()[0]) == ("1e+04", "1")
    assert drawn([0, -1, -5], Look(log_y=True)) == []


def test_lines_are_told_apart_by_letters_and_by_colours() -> None:
    pair = [Line("down", [(0, 1), (1, 0)], "last 0"), Line("up", [(0, 0), (1, 1)], "last 1")]
    lines = draw(pair, PLAIN)
    coloured = draw(pair, Look(width=30, height=5, colour=True))

    assert lines[0].endswith("b")
    assert lines[4].endswith("a")
    assert lines[-2:] == ["a down  last 0", "b up  last 1"]
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == lines
    assert "\x1b[36m" in coloured[-2]
    assert "\x1b[33m" in coloured[-1]


def test_one_peak_among_many_points_is_seen() -> None:
    values = [0.0] * 100_000
    values[70_001] = 1.0
    rows = plot(drawn(values))

    assert all(row.strip() for row in rows)


def test_a_single_point_and_a_flat_line_have_one_label() -> None:
    for lines in (draw([Line("x", [(3, 5)])], PLAIN), draw([Line("x", [(3, 5), (3, 5)])], PLAIN)):
        assert [line.partition("┤")[0].strip() for line in lines[:5]] == ["", "", "5", "", ""]
        assert lines[-2].strip() == "3"


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    lines = drawn([0, 3, 1], Look(width=30, height=5, unicode=False), name="für")

    assert "".join(lines).isascii()
    assert any("*" in line for line in lines)


def test_a_name_cannot_control_the_terminal_nor_break_the_legend() -> None:
    legend = drawn([1], name="evil\x1b[2J\nname" + "x" * 100)[-1]

    assert legend.isprintable()
    assert len(legend) <= PLAIN.width


@pytest.mark.parametrize("points", [[], [(0, None)], [(0, "text")]])
def test_nothing_to_draw_is_nothing(points: list[tuple[float, object]]) -> None:
    assert draw([Line("x", points)], PLAIN) == []


@PROPERTY
@given(
    points=st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.one_of(st.floats(), st.none(), st.integers()),
        ),
        max_size=12,
    ),
    width=st.integers(1, 90),
    height=st.integers(1, 9),
    log_y=st.booleans(),
)
def test_any_numbers_can_be_drawn_and_fit(
    points: list[tuple[float, object]], width: int, height: int, log_y: bool
) -> None:
    lines = draw([Line("x", points)], Look(width=width, height=height, log_y=log_y))

    # The narrowest plot with the longest labels.
    assert all(len(line) <= max(width, 16 + 2 + 12) for line in lines[: max(height, 3) + 1])
