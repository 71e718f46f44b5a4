"""When a job that comes after others may start, and when it never can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from foundations.models import FINAL_STATES, JobState


class Condition(StrEnum):
    """How the other job must end."""

    OK = "ok"
    """It completed."""
    ANY = "any"
    """It ended, however."""
    FAILED = "failed"
    """It failed or was lost; a job that was stopped did neither."""


class Verdict(Enum):
    """What the state of the other job means for the one that comes after it."""

    OPEN = auto()
    """It has not ended."""
    MET = auto()
    NEVER = auto()
    """It ended in another way than it had to."""


_MEETS = {
    Condition.OK: frozenset({JobState.COMPLETED}),
    Condition.ANY: FINAL_STATES,
    Condition.FAILED: frozenset({JobState.FAILED, JobState.LOST}),
}


@dataclass(frozen=True, slots=True)
class Blocker:
    """A job that another one waits for."""

    job_id: str
    state: JobState

    def __str__(self) -> str:
        return f"job {self.job_id[:8]} ({self.state})"


def verdict(condition: Condition, state: JobState) -> Verdict:
    """Judge a dependency by the state of the other job."""
    if state not in FINAL_STATES:
        return Verdict.OPEN
    return Verdict.MET if state in _MEETS[condition] else Verdict.NEVER


def blocked(blockers: Sequence[Blocker]) -> str:
    """Say which jobs have to end first."""
    named = ", ".join(str(one) for one in blockers[:_NAMED])
    if len(blockers) <= _NAMED:
        return f"comes after {named}"
    return f"comes after {len(blockers)} jobs: {named} and {len(blockers) - _NAMED} more"


def barred(other_id: str, state: JobState) -> str:
    """Say why a job can never start: another one ended as it must not have."""
    return f"job {other_id[:8]}, which it comes after, {_ENDED[state]}"


_NAMED = 3
_ENDED = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.STOPPED: "was stopped",
    JobState.LOST: "was lost",
    JobState.PRUNED: "was pruned",
}
