"""What is left of a long series still shows its course."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from foundations.decimation import decimate, is_drawable
from tests.core.profiles import PROPERTY

ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.floats(), st.integers(), st.none(), st.sampled_from(["NaN", "best", [1]])
)


@PROPERTY
@given(values=st.lists(ANYTHING, max_size=60), stretches=st.integers(1, 12))
def test_extremes_ends_and_gaps_of_every_stretch_are_kept(
    values: list[Any], stretches: int
) -> None:
    kept = decimate(values, stretches)

    assert kept == sorted(set(kept))
    assert len(kept) <= 3 * stretches + 2
    if len(values) <= 2 * stretches:
        assert kept == list(range(len(values)))
        return
    assert {0, len(values) - 1} <= set(kept)
    for number in range(stretches):
        span = range(number * len(values) // stretches, (number + 1) * len(values) // stretches)
        all_of_it, left = ([values[at] for at in places] for places in (span, _in(kept, span)))
        assert _extremes(all_of_it) == _extremes(left)
        assert _has_gap(all_of_it) == _has_gap(left)


@PROPERTY
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80))
def test_the_extremes_of_the_whole_series_are_kept(values: list[float]) -> None:
    left = [values[at] for at in decimate(values, 3)]

    assert (min(left), max(left)) == (min(values), max(values))


def _in(kept: list[int], span: range) -> list[int]:
    return [at for at in kept if at in span]


def _extremes(values: list[Any]) -> tuple[Any, Any]:
    numbers = [value for value in values if is_drawable(value)]
    return min(numbers, default=None), max(numbers, default=None)


def _has_gap(values: list[Any]) -> bool:
    return not all(is_drawable(value) for value in values)


def test_only_finite_numbers_can_be_drawn() -> None:
    assert all(map(is_drawable, (0, -1.5, True, 10**400)))
    assert not any(map(is_drawable, (None, math.nan, math.inf, -math.inf, "1", [1])))
