"""The states of a job, and what is said of them; no model, so that it loads at once."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    """Accepted and durable; waits for its turn."""
    STARTING = "starting"
    """Chosen to run; its work dir, environment and container are being made."""
    RUNNING = "running"
    """Its process runs."""
    STOPPING = "stopping"
    """Someone asked it to stop; its process is being ended."""
    COMPLETED = "completed"
    """Ended by itself with exit code 0."""
    FAILED = "failed"
    """Ended by itself with another exit code, or could not be started."""
    STOPPED = "stopped"
    """Ended because someone asked for it."""
    LOST = "lost"
    """The infrastructure lost it: container removed, engine or machine restarted."""
    PRUNED = "pruned"
    """A sweep's trial that was ended early because others do better."""


FINAL_STATES = frozenset(
    {JobState.COMPLETED, JobState.FAILED, JobState.STOPPED, JobState.LOST, JobState.PRUNED}
)
STOPPABLE_STATES = (JobState.QUEUED, JobState.STARTING, JobState.RUNNING)
"""States in which a job can be asked to end, and was not yet."""
HOLDING_STATES = frozenset({JobState.STARTING, JobState.RUNNING, JobState.STOPPING})
"""States in which a job holds its slot, GPUs and memory."""
