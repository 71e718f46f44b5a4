"""How an array of jobs stands, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.models import ArrayView


def states_text(array: ArrayView) -> str:
    """Say how many of its jobs are in which state, such as `97 completed, 3 running of 100`."""
    counted = ", ".join(f"{count} {state}" for state, count in _in_order(array) if count)
    gone = array.size - sum(array.states.values())
    deleted = f", {gone} deleted" if gone else ""
    return f"{counted}{deleted} of {array.size}"


def _in_order(array: ArrayView) -> list[tuple[str, int]]:
    from foundations.models import JobState

    return [(state.value, array.states.get(state, 0)) for state in JobState]
