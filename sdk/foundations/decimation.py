"""Chooses the points of a long series that draw the same line as all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any


def decimate(values: Sequence[Any], stretches: int) -> list[int]:
    """Choose the positions that show what a series does.

    The series is cut into stretches of equal length. Of each stays the lowest and the highest
    finite number and, so that a gap stays a gap, the first value that is no finite number. The
    first and the last value of all stay too.

    Args:
        values: the series; None, NaN, infinities and whatever is no number are gaps.
        stretches: how many to cut it into, 1 or more.

    Returns:
        Positions in rising order: all of them when there are no more than two a stretch, else at
        most three a stretch and two.
    """

    def look(start: int, end: int) -> Iterable[int]:
        return (start + place for place in telling(values[start:end]))

    return decimate_by(len(values), stretches, look)


def decimate_by(count: int, stretches: int, look: Callable[[int, int], Iterable[int]]) -> list[int]:
    """Do what `decimate` does with a series that is somewhere else.

    Args:
        count: how long it is.
        stretches: how many to cut it into, 1 or more.
        look: gives, for a stretch from one position to before another, the positions that
            `telling` would choose there.
    """
    if count <= 2 * stretches:
        return list(range(count))
    kept = {0, count - 1}
    for number in range(stretches):
        kept.update(look(number * count // stretches, (number + 1) * count // stretches))
    return sorted(kept)


def telling(part: Sequence[Any]) -> Iterable[int]:
    """Choose the places in one stretch: its lowest and highest number, and its first gap."""
    try:
        all_finite = math.isfinite(sum(part))
    except (TypeError, OverflowError):
        all_finite = False
    if all_finite:
        return part.index(min(part)), part.index(max(part))
    numbers = [(value, place) for place, value in enumerate(part) if is_drawable(value)]
    gaps = (place for place, value in enumerate(part) if not is_drawable(value))
    found = [place for _, place in (min(numbers), max(numbers))] if numbers else []
    return [*found, *islice(gaps, 1)]


def is_drawable(value: object) -> bool:
    """Whether a value is a number that has a place on an axis."""
    return isinstance(value, int | float) and abs(value) != math.inf and value == value
