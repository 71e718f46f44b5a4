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
    """Place in the queue: smaller goes first."""
    num_gpus: int = 0
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

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL_STATES

    @property
    def holds_slot(self) -> bool:
        """Whether it occupies a slot and its GPUs."""
        return self.state in HOLDING_STATES and not self.is_local
