"""Numbers at the limits of JSON and of floats."""

from __future__ import annotations

from typing import Any

EXACT_IN_FLOATS = 2**53
"""Integers up to here are the same as floats."""
NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""Values of metrics that JSON cannot say, by the text that stands for them."""


def measured(value: Any) -> Any:
    """Return a metric's value with real NaN and infinities in the place of their texts."""
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value
