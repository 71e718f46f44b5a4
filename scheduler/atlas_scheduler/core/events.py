"""What can happen to a job, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


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
    started_at_ms: int | None = None
    """When it began, where that is known better now than when its start was noted."""


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


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The attempt has run for as long as the job's time limit allows."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Expired:
    """The job has waited for as long as its submitter allows."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Barred:
    """A job that this one comes after ended in another way than it had to."""

    at_ms: int
    reason: str


Event = (
    Claimed
    | RunFound
    | NotStarted
    | StartRefused
    | Started
    | Exited
    | Gone
    | StopRequested
    | TimedOut
    | Expired
    | Barred
)
