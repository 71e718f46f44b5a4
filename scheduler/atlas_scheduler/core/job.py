"""A job as the scheduler's rules see it."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_scheduler.core.dependencies import Blocker
from atlas_scheduler.core.limits import NO_LIMITS, Cause, Limits
from foundations.models import FINAL_STATES, HOLDING_STATES, JobState


@dataclass(frozen=True, slots=True)
class Job:
    """The part of a job that decisions depend on; what it runs is in its `JobSpec`."""

    job_id: str
    project: str
    state: JobState
    order: int
    """Place among the queued jobs of its priority: smaller goes first."""
    num_gpus: int = 0
    priority: int = 0
    """From -100 to 100; larger goes first."""
    held_by: str | None = None
    """Who keeps it from being chosen while it waits; None lets it have its turn."""
    not_before_ms: int | None = None
    """When it may have its turn while it waits; None is at once."""
    attempt: int = 0
    """How often it was chosen to run; names its container."""
    gpus: tuple[str, ...] = ()
    """GPUs given to the latest attempt."""
    submitted_at_ms: int = 0
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    limits: Limits = NO_LIMITS
    """How long it may take, and how often it is tried again."""
    retried: tuple[Cause, ...] = ()
    """Why its earlier attempts were followed by another, in order."""
    timed_out: bool = False
    """Whether its end was asked for because its time was over, and by nobody."""
    is_local: bool = False
    """Whether a program that no scheduler started records it: it takes nothing of what there is."""
    blockers: tuple[Blocker, ...] = ()
    """Jobs that have to end before it may have its turn."""
    array: int | None = None
    """Number of the array that it is part of."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL_STATES

    @property
    def deadline_ms(self) -> int | None:
        """When its latest attempt is over its time limit."""
        if self.limits.time_ms is None or self.started_at_ms is None:
            return None
        return self.started_at_ms + self.limits.time_ms

    @property
    def expires_at_ms(self) -> int | None:
        """When it has waited for as long as it may: counted from when it could have its turn."""
        if self.limits.queue_ms is None:
            return None
        return max(self.submitted_at_ms, self.not_before_ms or 0) + self.limits.queue_ms

    def may_retry(self, cause: Cause) -> bool:
        """Whether an attempt that ends for this cause is followed by another."""
        return self.retried.count(cause) < self.limits.retries(cause)

    @property
    def retry_words(self) -> str:
        """What its latest attempt is, for the log."""
        if not self.retried:
            return f"Attempt {self.attempt}"
        cause = self.retried[-1]
        number, most = self.retried.count(cause), self.limits.retries(cause)
        return f"Attempt {self.attempt}: retry {number} of {most}, because {cause.words}"

    @property
    def turn(self) -> tuple[int, int]:
        """What queued jobs are sorted by: the smallest has the first turn."""
        return -self.priority, self.order

    @property
    def holds_slot(self) -> bool:
        """Whether it occupies a slot and its GPUs."""
        return self.state in HOLDING_STATES and not self.is_local
