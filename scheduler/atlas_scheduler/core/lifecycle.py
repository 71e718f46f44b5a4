"""The life of a job: which event leads from which state to which, and what must be done then.

`TRANSITIONS` is the whole of it. `advance` looks an event up, and an event that does not fit raises
`InvalidTransition` and changes nothing. Effects are requests to the shell; they are performed after
the new state is durable, and every one of them may be performed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from atlas_scheduler.core.job import Job
from foundations.models import JobState


class InvalidTransition(Exception):
    """An event that the job's state does not allow."""

    def __init__(self, job: Job, event: Event) -> None:
        super().__init__(f"job {job.job_id} is {job.state}: {type(event).__name__} does not fit")
        self.job = job
        self.event = event


@dataclass(frozen=True, slots=True)
class Claimed:
    """The queue chose the job to run now."""

    at_ms: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFound:
    """A local run was found: a program records that no scheduler started."""

    at_ms: int
    """When it began."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The engine knows no process of this attempt, or one that never began."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class StartRefused:
    """The attempt can never start: bad image, bad requirements, no such command."""

    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """The engine has the attempt's process: running, or ended and not yet collected."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended and its output is collected."""

    at_ms: int
    exit_code: int | None
    """None when it is known that it ended, and not how."""
    oom_killed: bool = False
    error: str | None = None
    """What ended it, as far as a local run says."""
    interrupted: bool = False
    """Whether its user ended it with Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The process ended without leaving an exit code: removed, or its engine died under it."""

    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Someone wants the job to end."""

    at_ms: int
    by: str


Event = Claimed | RunFound | NotStarted | StartRefused | Started | Exited | Gone | StopRequested


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


@dataclass(frozen=True, slots=True)
class Rule:
    """Where an event leads, and the effects of going there."""

    target: JobState | Callable[[Exited], JobState]
    effects: tuple[Effect, ...] = ()


def _outcome(event: Exited) -> JobState:
    if event.interrupted:
        return JobState.STOPPED
    return JobState.COMPLETED if event.exit_code == 0 else JobState.FAILED


_S = JobState
TRANSITIONS: dict[tuple[JobState, type[Event]], Rule] = {
    (_S.QUEUED, Claimed): Rule(_S.STARTING, (Effect.START,)),
    (_S.QUEUED, RunFound): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.QUEUED, StopRequested): Rule(_S.STOPPED, (Effect.FINISH,)),
    (_S.STARTING, NotStarted): Rule(_S.STARTING, (Effect.START,)),
    (_S.STARTING, StartRefused): Rule(_S.FAILED, (Effect.FINISH,)),
    (_S.STARTING, Started): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.STARTING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.RUNNING, Started): Rule(_S.RUNNING, (Effect.WATCH,)),
    (_S.RUNNING, Exited): Rule(_outcome, (Effect.FINISH,)),
    (_S.RUNNING, Gone): Rule(_S.LOST, (Effect.FINISH,)),
    (_S.RUNNING, NotStarted): Rule(_S.LOST, (Effect.FINISH,)),
    (_S.RUNNING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.STOPPING, Started): Rule(_S.STOPPING, (Effect.STOP, Effect.WATCH)),
    (_S.STOPPING, StopRequested): Rule(_S.STOPPING, (Effect.STOP,)),
    (_S.STOPPING, NotStarted): Rule(_S.STOPPED, (Effect.FINISH,)),
    (_S.STOPPING, StartRefused): Rule(_S.STOPPED, (Effect.FINISH,)),
    (_S.STOPPING, Exited): Rule(_S.STOPPED, (Effect.FINISH,)),
    (_S.STOPPING, Gone): Rule(_S.STOPPED, (Effect.FINISH,)),
}


def advance(job: Job, event: Event) -> tuple[Job, tuple[Effect, ...]]:
    """Apply `event` to `job`.

    Returns:
        The job after it, and what must be done now, in order.

    Raises:
        InvalidTransition: the event does not fit the job's state.
    """
    rule = TRANSITIONS.get((job.state, type(event)))
    if rule is None:
        raise InvalidTransition(job, event)
    if isinstance(rule.target, JobState):
        state = rule.target
    else:
        assert isinstance(event, Exited)
        state = rule.target(event)
    moved = _record(replace(job, state=state), event)
    if state is not JobState.QUEUED:
        moved = replace(moved, held_by=None, not_before_ms=None)
    if moved.is_final:
        moved = replace(moved, finished_at_ms=event.at_ms)
    return moved, rule.effects


def _record(job: Job, event: Event) -> Job:
    """Keep what the event says beside the state."""
    match event:
        case Claimed():
            return replace(job, attempt=job.attempt + 1, gpus=event.gpus, reason=None)
        case RunFound():
            return replace(job, attempt=1, started_at_ms=event.at_ms)
        case Started() if job.started_at_ms is None:
            return replace(job, started_at_ms=event.at_ms)
        case StopRequested():
            return replace(job, reason=f"stopped by {event.by}")
        case Exited():
            return replace(job, exit_code=event.exit_code, reason=_exit_reason(job, event))
        case StartRefused() | Gone() if job.state is not JobState.STOPPED:
            return replace(job, reason=event.reason)
        case NotStarted() if job.state is JobState.LOST:
            return replace(job, reason="the engine no longer knows the running job")
    return job


def _exit_reason(job: Job, event: Exited) -> str | None:
    if job.state is JobState.STOPPED:
        return job.reason or "stopped by Ctrl-C"
    if event.error is not None and event.exit_code != 0:
        return event.error
    if event.oom_killed and event.exit_code:
        return f"out of memory (exit code {event.exit_code})"
    return f"exit code {event.exit_code}" if event.exit_code else None
