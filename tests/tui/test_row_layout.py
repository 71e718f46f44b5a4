"""Columns fit into every width."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.columns import DEFAULT, Column, column, names, told_apart
from atlas_tui.row_layout import GAP, fit, place
from foundations.models import JobView
from foundations.text.terminal import display_width

columns_ = st.lists(st.sampled_from(names()).map(column), min_size=1, max_size=12)


@given(columns_, st.integers(1, 300), st.integers(0, 12))
def test_columns_never_take_more_than_there_is_unless_it_is_one(
    chosen: list[Column], width: int, skip: int
) -> None:
    placed = place(chosen, width, skip=skip)
    used = sum(one.width for one in placed) + GAP * (len(placed) - 1)
    assert used <= width or len(placed) == 1
    assert [one.column for one in placed][:1] == chosen[:1]


@given(columns_, st.integers(200, 400))
def test_a_column_that_grows_takes_the_rest(chosen: list[Column], width: int) -> None:
    placed = place(chosen, width)
    if len(placed) == len(chosen) and any(one.grows for one in chosen):
        assert sum(one.width for one in placed) + GAP * (len(placed) - 1) == width


@given(st.text(max_size=60), st.integers(1, 40), st.booleans())
def test_a_fitted_text_is_exactly_as_wide_and_harmless(text: str, width: int, right: bool) -> None:
    shown = fit(text, width, right=right)
    assert display_width(shown) == width
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_the_command_takes_what_the_reason_does_not_need() -> None:
    widths = {one.column.name: one.width for one in place([*map(column, DEFAULT)], 200)}
    assert widths["reason"] == 38
    assert widths["command"] > 80
    narrow = {one.column.name: one.width for one in place([*map(column, DEFAULT)], 76)}
    assert "reason" not in narrow
    assert narrow["command"] == 25
    alone = place([column("id"), column("reason")], 200)
    assert alone[-1].width == 200 - 8 - GAP


def test_jobs_of_one_command_are_told_apart_by_index_and_parameters() -> None:
    one = SimpleNamespace(
        command=["train.py"], array=SimpleNamespace(index=7), parameters={"lr": 0.1, "seed": 3}
    )
    assert told_apart(cast(JobView, one)) == "[7] train.py lr=0.1 seed=3"
    plain = SimpleNamespace(command=["main.py", "-v"], array=None, parameters={})
    assert told_apart(cast(JobView, plain)) == "main.py -v"
