"""A job as the scheduler's rules see it."""

from __future__ import annotations

from dataclasses import dataclass

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
    attempt: int = 0
    """How often it was chosen to run; names its container."""
    gpus: tuple[str, ...] = ()
    """GPUs given to the latest attempt."""
    submitted_at_ms: int = 0
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    is_local: bool = False
    """Whether a program that no scheduler started records it: it takes nothing of what there is."""
    array: int | None = None
    """Number of the array that it is part of."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL_STATES

    @property
    def turn(self) -> tuple[int, int]:
        """What queued jobs are sorted by: the smallest has the first turn."""
        return -self.priority, self.order

    @property
    def holds_slot(self) -> bool:
        """Whether it occupies a slot and its GPUs."""
        return self.state in HOLDING_STATES and not self.is_local
