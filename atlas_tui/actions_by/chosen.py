"""Which screens have jobs to choose, and which of the chosen ones an action needs."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_tui.actions import Check, Selection
from foundations.job_states import FINAL_STATES, HOLDING_STATES, JobState

LISTS = ("dashboard", "jobs")
WITH_JOBS = (*LISTS, "job", "logs", "compare")


def _some(states: Iterable[JobState], what: str) -> Check:
    """Ask for at least one job in one of the states."""
    wanted = frozenset(states)

    def check(selection: Selection) -> str | None:
        if any(job.state in wanted for job in selection.jobs):
            return None
        return f"none of the chosen jobs {what}"

    return check


WAITS = _some({JobState.QUEUED}, "waits")
GOES_ON = _some({JobState.QUEUED, *HOLDING_STATES}, "waits or runs")
HAS_ENDED = _some(FINAL_STATES, "has ended")
RUNS = _some({JobState.RUNNING}, "runs")
