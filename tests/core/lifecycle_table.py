"""The lifecycle written out by hand: what every event does in every state.

Nothing here is derived from `TRANSITIONS`, so that a slip must be made twice to go unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from atlas_scheduler.core.events import (
    Barred,
    Claimed,
    Event,
    Exited,
    Expired,
    Gone,
    NotStarted,
    RunFound,
    Started,
    StartRefused,
    StopRequested,
    TimedOut,
)
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import Effect
from atlas_scheduler.core.limits import Cause, Limits
from foundations.models import JobState

JOB_ID = "0b7c1d2e-0000-4000-8000-00000000000a"
NOW = 5_000

QUEUED = Job(JOB_ID, "iris", JobState.QUEUED, order=7, num_gpus=1, submitted_at_ms=1_000)
STARTING = replace(QUEUED, state=JobState.STARTING, attempt=1, gpus=("gpu-0",))
RUNNING = replace(STARTING, state=JobState.RUNNING, started_at_ms=3_000)
STOPPING_BEFORE_ITS_START = replace(STARTING, state=JobState.STOPPING, reason="stopped by ada")
STOPPING = replace(STOPPING_BEFORE_ITS_START, started_at_ms=3_000)


LIMITED = replace(RUNNING, limits=Limits(time_ms=7_200_000))
DEADLINE = 3_000 + 7_200_000
TIMED_OUT = replace(LIMITED, state=JobState.STOPPING, timed_out=True, reason="time limit of 2h")
PATIENT = replace(QUEUED, limits=Limits(queue_ms=5_400_000))
TRIES = Limits(exit=2, oom=1, lost=1, retry_delay_ms=1_000)
RETRIED = replace(RUNNING, limits=TRIES)

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
    TimedOut: TimedOut(NOW),
    Expired: Expired(NOW),
    Barred: Barred(NOW, "job 1234abcd, which it comes after, failed"),
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
_DISCARD = Effect.DISCARD
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
    Row(
        "a job that waits for its retry is stopped for good, with all that its attempt left",
        replace(QUEUED, attempt=1, not_before_ms=9_000, limits=TRIES, retried=(Cause.EXIT,)),
        StopRequested(NOW, "eve"),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "stopped by eve", "not_before_ms": None},
    ),
    Row(
        "a job that has waited for as long as it may is stopped, and says for how long",
        PATIENT,
        Expired(NOW),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "waited longer than 1h30m"},
    ),
    Row(
        "a held job waits too, and the hold ends with it",
        replace(PATIENT, held_by="ada"),
        Expired(NOW),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "waited longer than 1h30m", "held_by": None},
    ),
    Row(
        "a job whose turn can never come is stopped, and says which other job is the reason",
        replace(QUEUED, held_by="ada"),
        Barred(NOW, "job 1234abcd, which it comes after, failed"),
        JobState.STOPPED,
        (_FINISH,),
        {
            "finished_at_ms": NOW,
            "reason": "job 1234abcd, which it comes after, failed",
            "held_by": None,
        },
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
        "an end that knows better when the job began corrects that",
        RUNNING,
        Exited(NOW, 0, started_at_ms=NOW - 7),
        JobState.COMPLETED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 0, "started_at_ms": NOW - 7},
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
    Row(
        "a running job whose time is over is stopping, and says why",
        LIMITED,
        TimedOut(NOW),
        JobState.STOPPING,
        (_STOP,),
        {"timed_out": True, "reason": "time limit of 2h"},
    ),
    # running, and tried again
    Row(
        "a job that may fail again waits for its retry, and holds no GPU meanwhile",
        RETRIED,
        Exited(NOW, 3),
        JobState.QUEUED,
        (_DISCARD,),
        {
            "gpus": (),
            "started_at_ms": None,
            "not_before_ms": NOW + 1_000,
            "retried": (Cause.EXIT,),
            "reason": "retry 1 of 2 after exit code 3",
        },
    ),
    Row(
        "the pause doubles with every retry, whatever it was for",
        replace(RETRIED, attempt=3, retried=(Cause.EXIT, Cause.OOM)),
        Exited(NOW, 3),
        JobState.QUEUED,
        (_DISCARD,),
        {
            "gpus": (),
            "started_at_ms": None,
            "not_before_ms": NOW + 4_000,
            "retried": (Cause.EXIT, Cause.OOM, Cause.EXIT),
            "reason": "retry 2 of 2 after exit code 3",
        },
    ),
    Row(
        "an exit for want of memory is a cause of its own",
        replace(RETRIED, attempt=3, retried=(Cause.EXIT, Cause.EXIT)),
        Exited(NOW, 137, oom_killed=True),
        JobState.QUEUED,
        (_DISCARD,),
        {
            "gpus": (),
            "started_at_ms": None,
            "not_before_ms": NOW + 4_000,
            "retried": (Cause.EXIT, Cause.EXIT, Cause.OOM),
            "reason": "retry 1 of 1 after out of memory (exit code 137)",
        },
    ),
    Row(
        "a lost job is tried again as another attempt, if it asked for that",
        RETRIED,
        Gone(NOW, "the container was removed"),
        JobState.QUEUED,
        (_DISCARD,),
        {
            "gpus": (),
            "started_at_ms": None,
            "not_before_ms": NOW + 1_000,
            "retried": (Cause.LOST,),
            "reason": "retry 1 of 1 after it was lost (the container was removed)",
        },
    ),
    Row(
        "one that the engine does not know is lost too",
        RETRIED,
        NotStarted(NOW),
        JobState.QUEUED,
        (_DISCARD,),
        {
            "gpus": (),
            "started_at_ms": None,
            "not_before_ms": NOW + 1_000,
            "retried": (Cause.LOST,),
            "reason": "retry 1 of 1 after it was lost (the engine no longer knows the running job)",
        },
    ),
    Row(
        "a job that has used its retries fails with its last exit code",
        replace(RETRIED, attempt=3, retried=(Cause.EXIT, Cause.EXIT)),
        Exited(NOW, 3),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 3, "reason": "exit code 3"},
    ),
    Row(
        "a job that is lost once more than it may be is lost",
        replace(RETRIED, attempt=2, retried=(Cause.LOST,)),
        Gone(NOW, "the container was removed"),
        JobState.LOST,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "the container was removed"},
    ),
    Row(
        "a job that completes is not tried again, whatever it may",
        RETRIED,
        Exited(NOW, 0),
        JobState.COMPLETED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 0},
    ),
    Row(
        "a retry is an attempt of its own, and says nothing of the one before it",
        replace(
            RETRIED,
            state=JobState.QUEUED,
            gpus=(),
            started_at_ms=None,
            not_before_ms=4_000,
            retried=(Cause.EXIT,),
            reason="retry 1 of 2 after exit code 3",
        ),
        Claimed(NOW, ("gpu-1",)),
        JobState.STARTING,
        (_START,),
        {"attempt": 2, "gpus": ("gpu-1",), "not_before_ms": None, "reason": None},
    ),
    Row(
        "a retry whose start is refused fails: what can never start is not tried again",
        replace(STARTING, limits=TRIES),
        StartRefused(NOW, "no such image"),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW, "reason": "no such image"},
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
    Row(
        "a job that is stopped is not tried again",
        replace(STOPPING, limits=TRIES),
        Exited(NOW, 143),
        JobState.STOPPED,
        (_FINISH,),
        {"finished_at_ms": NOW, "exit_code": 143},
    ),
    # stopping, because its time is over
    Row(
        "a job whose time was over has failed, and is not tried again",
        replace(TIMED_OUT, limits=replace(TRIES, time_ms=7_200_000)),
        Exited(DEADLINE, 143),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": DEADLINE, "exit_code": 143},
    ),
    Row(
        "it has failed also when it ends well once it is told",
        TIMED_OUT,
        Exited(DEADLINE + 5, 0),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": DEADLINE + 5, "exit_code": 0},
    ),
    Row(
        "it has completed when it had ended before its time was over",
        TIMED_OUT,
        Exited(DEADLINE - 1, 0),
        JobState.COMPLETED,
        (_FINISH,),
        {"finished_at_ms": DEADLINE - 1, "exit_code": 0, "timed_out": False, "reason": None},
    ),
    Row(
        "so it has failed of itself when it had ended with another code before",
        TIMED_OUT,
        Exited(DEADLINE - 1, 3),
        JobState.FAILED,
        (_FINISH,),
        {
            "finished_at_ms": DEADLINE - 1,
            "exit_code": 3,
            "timed_out": False,
            "reason": "exit code 3",
        },
    ),
    Row(
        "it has failed also when it vanishes",
        TIMED_OUT,
        Gone(NOW, "the container was removed"),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW},
    ),
    Row(
        "it has failed also when the engine does not know it any more",
        TIMED_OUT,
        NotStarted(NOW),
        JobState.FAILED,
        (_FINISH,),
        {"finished_at_ms": NOW},
    ),
    Row(
        "who stops it after that does not change why it ends",
        TIMED_OUT,
        StopRequested(NOW, "eve"),
        JobState.STOPPING,
        (_STOP,),
    ),
    Row(
        "it is stopped again when it still has a process, as after a restart of the scheduler",
        TIMED_OUT,
        Started(NOW),
        JobState.STOPPING,
        (_STOP, _WATCH),
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
