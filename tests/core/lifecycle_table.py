"""The lifecycle written out by hand: what every event does in every state.

Nothing here is derived from `TRANSITIONS`, so that a slip must be made twice to go unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import (
    Claimed,
    Effect,
    Event,
    Exited,
    Gone,
    NotStarted,
    RunFound,
    Started,
    StartRefused,
    StopRequested,
)
from foundations.models import JobState

JOB_ID = "0b7c1d2e-0000-4000-8000-00000000000a"
NOW = 5_000

QUEUED = Job(JOB_ID, "iris", JobState.QUEUED, order=7, num_gpus=1, submitted_at_ms=1_000)
STARTING = replace(QUEUED, state=JobState.STARTING, attempt=1, gpus=("gpu-0",))
RUNNING = replace(STARTING, state=JobState.RUNNING, started_at_ms=3_000)
STOPPING_BEFORE_ITS_START = replace(STARTING, state=JobState.STOPPING, reason="stopped by ada")
STOPPING = replace(STOPPING_BEFORE_ITS_START, started_at_ms=3_000)


LOCAL = Job(JOB_ID, "iris", JobState.QUEUED, order=7, submitted_at_ms=900, is_local=True)


def ended(state: JobState) -> Job:
    """A job in a final state."""
    return replace(RUNNING, state=state, finished_at_ms=4_000)


EVENTS: dict[type[Event], Event] = {
    Claimed: Claimed(NOW, ("gpu-1",)),
    RunFound: RunFound(NOW),
    NotStarted: NotStarted(NOW),
    StartRefused: StartRefused(NOW, "no such image"),
    Started: Started(NOW),
    Exited: Exited(NOW, 0),
    Gone: Gone(NOW, "the container was removed"),
    StopRequested: StopRequested(NOW, "eve"),
}
"""One of each kind; a new kind of event must be added here and below."""

JOBS: dict[JobState, Job] = {
    JobState.QUEUED: QUEUED,
    JobState.STARTING: STARTING,
    JobState.RUNNING: RUNNING,
    JobState.STOPPING: STOPPING,
    JobState.COMPLETED: ended(JobState.COMPLETED),
    JobState.FAILED: ended(JobState.FAILED),
    JobState.STOPPED: ended(JobState.STOPPED),
    JobState.LOST: ended(JobState.LOST),
    JobState.PRUNED: ended(JobState.PRUNED),
}


@dataclass(frozen=True)
class Row:
    """What one event does to one job."""

    name: str
    before: Job
    event: Event
    state: JobState
    effects: tuple[Effect, ...]
    recorded: dict[str, Any] = field(default_factory=dict)
    """Every field besides the state that is different afterwards."""


_START, _WATCH, _STOP, _FINISH = Effect.START, Effect.WATCH, Effect.STOP, Effect.FINISH
_OLD_REASON = Job(JOB_ID, "iris", JobState.QUEUED, order=7, attempt=2, reason="of an earlier try")

ROWS: tuple[Row, ...] = (
    # queued
    Row(
        "a queued job that is claimed starts, as attempt 1, with its GPUs",
        QUEUED,
        Claimed(NOW, ("gpu-3",)),
        JobState.STARTING,
        (_START,),
        {"attempt": 1, "gpus": ("gpu-3",)},
    ),
    Row(
        "a claim counts the attempt and clears the reason of an earlier one",
        _OLD_REASON,
        Claimed(NOW),
        JobState.STARTING,
        (_START,),
        {"attempt": 3, "reason": None},
    ),
    Row(
        "a job that waited for a time no longer does once it is claimed",
        replace(QUEUED, not_before_ms=4_000),
        Claimed(NOW),
        JobState.STARTING,
        (_START,),
        {"attempt": 1, "not_before_ms": None},
    ),
    Row(
        "a local run that is found runs, since it began, and takes no GPU",
        LOCAL,
        RunFound(900),
        JobState.RUNNING,
        (_WATCH,),
        {"attempt": 1, "started_at_ms": 900},
    ),
    Row(
        "a queued job that is stopped is final at once",
        QUEUED,
        StopRequested(NOW, "eve"),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "stopped by eve"},
    ),
    # starting
    Row(
        "a start that left no process is made again, as the same attempt",
        STARTING,
        NotStarted(NOW),
        JobState.STARTING,
        (_START,),
    ),
    Row(
        "a start that can never succeed fails the job with the engine's reason",
        STARTING,
        StartRefused(NOW, "no such image"),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "no such image"},
    ),
    Row(
        "a started job runs, and its output is collected",
        STARTING,
        Started(NOW),
        JobState.RUNNING,
        (_WATCH,),
        {"started_at_ms": NOW},
    ),
    Row(
        "a job can be stopped while it starts, and keeps its slot until it is known to be gone",
        STARTING,
        StopRequested(NOW, "eve"),
        JobState.STOPPING,
        (_STOP,),
        {"reason": "stopped by eve"},
    ),
    # running
    Row(
        "a running job that is found again is watched again, and keeps its first start",
        RUNNING,
        Started(NOW),
        JobState.RUNNING,
        (_WATCH,),
    ),
    Row(
        "exit code 0 completes a job",
        RUNNING,
        Exited(NOW, 0),
        JobState.COMPLETED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 0},
    ),
    Row(
        "another exit code fails it",
        RUNNING,
        Exited(NOW, 3),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 3, "reason": "exit code 3"},
    ),
    Row(
        "an exit for want of memory says so",
        RUNNING,
        Exited(NOW, 137, oom_killed=True),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 137, "reason": "out of memory (exit code 137)"},
    ),
    Row(
        "a job that completes although a child of it ran out of memory has completed",
        RUNNING,
        Exited(NOW, 0, oom_killed=True),
        JobState.COMPLETED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 0},
    ),
    Row(
        "a running job whose process left no exit code is lost",
        RUNNING,
        Gone(NOW, "the container was removed"),
        JobState.LOST,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "the container was removed"},
    ),
    Row(
        "a running job that the engine does not know is lost, not started again",
        RUNNING,
        NotStarted(NOW),
        JobState.LOST,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "the engine no longer knows the running job"},
    ),
    Row(
        "a running job that is stopped is stopping, and keeps its slot",
        RUNNING,
        StopRequested(NOW, "eve"),
        JobState.STOPPING,
        (_STOP,),
        {"reason": "stopped by eve"},
    ),
    # stopping
    Row(
        "a stopping job that still has a process is stopped again, and watched to its end",
        STOPPING,
        Started(NOW),
        JobState.STOPPING,
        (_STOP, _WATCH),
    ),
    Row(
        "a start that was under way when the stop came is recorded, then ended",
        STOPPING_BEFORE_ITS_START,
        Started(NOW),
        JobState.STOPPING,
        (_STOP, _WATCH),
        {"started_at_ms": NOW},
    ),
    Row(
        "a stop can be asked for again",
        STOPPING,
        StopRequested(NOW, "ada"),
        JobState.STOPPING,
        (_STOP,),
    ),
    Row(
        "a stopping job that never began is stopped",
        STOPPING_BEFORE_ITS_START,
        NotStarted(NOW),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW},
    ),
    Row(
        "a stopping job whose start is refused is stopped, not failed",
        STOPPING_BEFORE_ITS_START,
        StartRefused(NOW, "no such image"),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW},
    ),
    Row(
        "a stopping job whose process was killed is stopped, not failed",
        STOPPING,
        Exited(NOW, 137),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 137},
    ),
    Row(
        "a stopping job that ends well on its own is still stopped",
        STOPPING,
        Exited(NOW, 0),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 0},
    ),
    Row(
        "a stopping job keeps who stopped it, also when it ran out of memory",
        STOPPING,
        Exited(NOW, 137, oom_killed=True),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 137},
    ),
    Row(
        "a stopping job that vanishes is stopped, not lost",
        STOPPING,
        Gone(NOW, "the container was removed"),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW},
    ),
)

ALLOWED: dict[tuple[JobState, type[Event]], frozenset[JobState]] = {
    (row.before.state, type(row.event)): frozenset(
        other.state
        for other in ROWS
        if (other.before.state, type(other.event)) == (row.before.state, type(row.event))
    )
    for row in ROWS
}
"""Where each pair of the table may lead; every other pair does not exist."""
