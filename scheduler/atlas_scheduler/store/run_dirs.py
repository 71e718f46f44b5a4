"""The directory of a local run: what it says of itself, how it ended, and whether it lives.

The directory is a job's own one; the program makes it (`foundations/local_run_dir.py`) and its
process holds the lock in it, which the kernel lets go whatever ends the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from atlas_scheduler.store.archives import EVENTS
from atlas_scheduler.store.files import open_file_below
from atlas_scheduler.store.work_dirs import RECORDS
from foundations.local_machine import process_start
from foundations.local_run_dir import DESCRIPTION, ENDED, HEARTBEAT, LOCK
from foundations.models import Argument, JobId, ProjectName

STOP_REQUESTED = "stop_requested"
_LONGEST_FILE_BYTES = 64 << 20

T = TypeVar("T", bound=BaseModel)
Seconds = Annotated[float, Field(ge=0, le=253_402_300_799)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Machine(_Written):
    """What identifies a machine, and its boot; None where it cannot be known."""

    host: str
    machine_id: str | None
    boot_id: str | None


class RunDescription(Machine):
    """What a local run says of itself when it begins."""

    job_id: JobId
    project: ProjectName
    command: Annotated[tuple[Argument, ...], Field(max_length=4096)]
    working_dir: str
    python: str
    interpreter: str
    interactive: bool
    started_at: Seconds
    """Since 1970 UTC."""
    user: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    pid: Annotated[int, Field(gt=0)]
    process_start: int | None
    """In the kernel's ticks: with the process id it names a process for good."""
    beats: bool
    """Whether it touches a file to show that it lives, because machines may share the directory."""


class RunEnd(_Written):
    """What a local run says when it ends."""

    exit_code: Annotated[int, Field(ge=0, le=255)] | None
    error: Annotated[str, StringConstraints(max_length=10_000)] | None
    interrupted: bool
    at: Seconds


class Life(Enum):
    """What is known of the process of a local run."""

    ALIVE = auto()
    DEAD = auto()
    RESTARTED = auto()
    """Dead with its machine, which was started again since."""
    ELSEWHERE = auto()
    """It is another machine's; only signs of life can tell."""


def read_description(job_dir: Path) -> RunDescription | None:
    """Read what a run says of itself; None when the directory is not a run's."""
    run = _read(job_dir, DESCRIPTION, RunDescription)
    return run if run is not None and run.job_id == job_dir.name else None


def read_end(job_dir: Path) -> RunEnd | None:
    """Read how a run ended; None when it did not say so."""
    return _read(job_dir, ENDED, RunEnd)


def life(job_dir: Path, run: RunDescription, here: Machine) -> Life:
    """Tell whether the process of a run lives, as far as this machine can know."""
    if run.boot_id == here.boot_id and (run.boot_id is not None or run.host == here.host):
        # Either is enough: a program that closes all its files loses the lock, and a container
        # has process ids of its own.
        is_alive = _is_locked(job_dir) or is_its_process(run)
        return Life.ALIVE if is_alive else Life.DEAD
    if (run.host, run.machine_id) == (here.host, here.machine_id) and run.machine_id is not None:
        return Life.RESTARTED
    return Life.ELSEWHERE


def is_its_process(run: RunDescription) -> bool:
    """Whether the process with the run's id is the run's; on the run's own machine only."""
    return run.process_start is not None and process_start(run.pid) == run.process_start


def signs_of_life(job_dir: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return what changes for as long as a run goes on: its heartbeat, and what it records."""
    return tuple(
        None if found is None else (found.st_mtime_ns, found.st_size)
        for found in (_status(job_dir / HEARTBEAT), _status(job_dir / RECORDS / EVENTS))
    )


def last_sign_ms(job_dir: Path) -> int:
    """When a run showed a sign of life for the last time, in milliseconds since 1970 UTC."""
    times = [sign[0] for sign in signs_of_life(job_dir) if sign is not None]
    return max(times, default=0) // 1_000_000


def request_stop(job_dir: Path) -> None:
    """Let the program's `should_stop` say so, unless the directory is gone."""
    with contextlib.suppress(OSError):
        (job_dir / STOP_REQUESTED).touch()


def _is_locked(job_dir: Path) -> bool:
    try:
        descriptor = os.open(job_dir / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _read(job_dir: Path, name: str, kind: type[T]) -> T | None:
    try:
        descriptor = open_file_below(job_dir, (name,))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        try:
            return kind.model_validate_json(file.read(_LONGEST_FILE_BYTES))
        except (ValidationError, OSError):
            return None


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=False)
    except OSError:
        return None
