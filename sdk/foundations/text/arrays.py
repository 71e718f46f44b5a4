"""How an array of jobs stands, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundations.job_states import JobState

if TYPE_CHECKING:
    from foundations.models import ArrayView


def states_text(array: ArrayView) -> str:
    """Say how many of its jobs are in which state, such as `97 completed, 3 running of 100`."""
    counted = ", ".join(f"{array.states[one]} {one}" for one in JobState if array.states.get(one))
    gone = array.size - sum(array.states.values())
    deleted = f", {gone} deleted" if gone else ""
    return f"{counted}{deleted} of {array.size}"
