"""The life of a job: which event leads from which state to which, and what must be done then.

`TRANSITIONS` is the whole of it. `advance` looks an event up, and an event that does not fit raises
`InvalidTransition` and changes nothing. Effects are requests to the shell; they are performed after
the new state is durable, and every one of them may be performed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

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
from atlas_scheduler.core.limits import Cause
from foundations.models import JobState


class InvalidTransition(Exception):
    """An event that the job's state does not allow."""

    def __init__(self, job: Job, event: Event) -> None:
        super().__init__(f"job {job.job_id} is {job.state}: {type(event).__name__} does not fit")
        self.job = job
        self.event = event


class Effect(Enum):
    """What the shell must do after a transition. Each may be repeated without harm."""

    START = "start"
    """Make the work dir, prepare the environment and start the attempt, or adopt it."""
    WATCH = "watch"
    """Collect the output until the end, then report how it ended."""
    STOP = "stop"
    """Ask the process to end, and end it after the grace period."""
    FINISH = "finish"
    """Complete the archive, then remove the container and the work dir."""
    DISCARD = "discard"
    """Remove the container of an attempt that another one follows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where an event leads, and the effects of going there."""

    target: JobState
    effects: tuple[Effect, ...] = ()


Choice = Callable[[Job, Event], Rule]
"""Where an event leads that leads to several places, by what the job and the event say."""

_COMPLETED = Rule(JobState.COMPLETED, (Effect.FINISH,))
_FAILED = Rule(JobState.FAILED, (Effect.FINISH,))
_STOPPED = Rule(JobState.STOPPED, (Effect.FINISH,))
_LOST = Rule(JobState.LOST, (Effect.FINISH,))
_AGAIN = Rule(JobState.QUEUED, (Effect.DISCARD,))


def _end(job: Job, event: Event) -> Rule:
    """How a running attempt ends: finally, or to be followed by another."""
    cause = cause_of(event)
    if cause is not None and job.may_retry(cause):
        return _AGAIN
    return _outcome(event) if isinstance(event, Exited) else _LOST


def _end_when_stopping(job: Job, event: Event) -> Rule:
    """How an attempt ends that was asked to; a retry would be against what was asked for."""
    if not job.timed_out:
        return _STOPPED
    if isinstance(event, Exited) and _was_in_time(job, event):
        return _outcome(event)
    return _FAILED


def _outcome(event: Exited) -> Rule:
    if event.interrupted:
        return _STOPPED
    return _COMPLETED if event.exit_code == 0 else _FAILED


def _was_in_time(job: Job, event: Exited) -> bool:
    """Whether it ended before its time limit, and the word that it was over came later."""
    return job.deadline_ms is not None and event.at_ms < job.deadline_ms


def cause_of(event: Event) -> Cause | None:
    """Why a running attempt ended, where that may be tried again."""
    match event:
        case Gone() | NotStarted():
            return Cause.LOST
        case Exited(exit_code=0) | Exited(interrupted=True):
            return None
        case Exited():
            return Cause.OOM if event.oom_killed else Cause.EXIT
    return None


_S = JobState
TRANSITIONS: dict[tuple[JobState, type[Event]], Rule | Choice] = {
    (_S.QUEUED, Claimed): Rule(_S.STARTING, (Effect.START,)),
    (_S.QUEUED, RunFound): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.QUEUED, StopRequested): _STOPPED,
    (_S.QUEUED, Expired): _STOPPED,
    (_S.QUEUED, Barred): _STOPPED,
    (_S.STARTING, NotStarted): Rule(_S.STARTING, (Effect.START,)),
    (_S.STARTING, StartRefused): _FAILED,
    (_S.STARTING, Started): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.STARTING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.RUNNING, Started): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.RUNNING, Exited): _end,
    (_S.RUNNING, Gone): _end,
    (_S.RUNNING, NotStarted): _end,
    (_S.RUNNING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.RUNNING, TimedOut): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.STOPPING, Started): Rule(_S.STOPPING, (Effect.STOP, Effect.WATCH)),
    (_S.STOPPING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.STOPPING, NotStarted): _end_when_stopping,
    (_S.STOPPING, StartRefused): _end_when_stopping,
    (_S.STOPPING, Exited): _end_when_stopping,
    (_S.STOPPING, Gone): _end_when_stopping,
}


def advance(job: Job, event: Event) -> tuple[Job, tuple[Effect, ...]]:
    """Apply `event` to `job`.

    Returns:
        The job after it, and what must be done now, in order.

    Raises:
        InvalidTransition: the event does not fit the job's state.
    """
    entry = TRANSITIONS.get((job.state, type(event)))
    if entry is None:
        raise InvalidTransition(job, event)
    rule = entry if isinstance(entry, Rule) else entry(job, event)
    if rule is _AGAIN:
        return _again(job, event), rule.effects
    moved = _record(replace(job, state=rule.target), event)
    if rule.target is not JobState.QUEUED:
        moved = replace(moved, held_by=None, not_before_ms=None)
    if moved.is_final:
        moved = replace(moved, finished_at_ms=event.at_ms)
    return moved, rule.effects


def _again(job: Job, event: Event) -> Job:
    """The job after an attempt that another one follows: it waits, and holds nothing."""
    cause = cause_of(event)
    assert cause is not None
    number, most = job.retried.count(cause) + 1, job.limits.retries(cause)
    return replace(
        job,
        state=JobState.QUEUED,
        gpus=(),
        started_at_ms=None,
        not_before_ms=event.at_ms + job.limits.pause_ms(retries_before=len(job.retried)),
        retried=(*job.retried, cause),
        reason=f"retry {number} of {most} after {_end_in_words(event)}",
    )


def _end_in_words(event: Event) -> str:
    match event:
        case Exited(exit_code=None):
            return "an unknown exit code"
        case Exited():
            return _exit_words(event)
        case Gone():
            return f"it was lost ({event.reason})"
    return f"it was lost ({_UNKNOWN_TO_ENGINE})"


_UNKNOWN_TO_ENGINE = "the engine no longer knows the running job"


def _record(job: Job, event: Event) -> Job:
    """Keep what the event says beside the state."""
    match event:
        case Claimed():
            return replace(job, attempt=job.attempt + 1, gpus=event.gpus, reason=None)
        case RunFound():
            return replace(job, attempt=1, started_at_ms=event.at_ms)
        case Started() if job.started_at_ms is None:
            return replace(job, started_at_ms=event.at_ms)
        case StopRequested() if not job.timed_out:
            return replace(job, reason=f"stopped by {event.by}")
        case TimedOut():
            reason = f"time limit of {job.limits.time_words}"
            return replace(job, timed_out=True, reason=reason)
        case Barred():
            return replace(job, reason=event.reason)
        case Expired():
            return replace(job, reason=f"waited longer than {job.limits.queue_words}")
    return _record_end(job, event)


def _record_end(job: Job, event: Event) -> Job:
    match event:
        case Exited():
            started_at_ms = event.started_at_ms or job.started_at_ms
            ended = replace(job, exit_code=event.exit_code, started_at_ms=started_at_ms)
            return _record_exit(ended, event)
        case StartRefused() | Gone() if job.state is not JobState.STOPPED and not job.timed_out:
            return replace(job, reason=event.reason)
        case NotStarted() if job.state is JobState.LOST:
            return replace(job, reason=_UNKNOWN_TO_ENGINE)
    return job


def _record_exit(job: Job, event: Exited) -> Job:
    if job.timed_out and not _was_in_time(job, event):
        return job
    return replace(job, timed_out=False, reason=_exit_reason(job, event))


def _exit_reason(job: Job, event: Exited) -> str | None:
    if job.state is JobState.STOPPED:
        return job.reason or "stopped by Ctrl-C"
    if event.error is not None and event.exit_code != 0:
        return event.error
    return _exit_words(event) if event.exit_code else None


def _exit_words(event: Exited) -> str:
    code = f"exit code {event.exit_code}"
    return f"out of memory ({code})" if event.oom_killed else code
