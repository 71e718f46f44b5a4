"""What the scheduler needs of a command that an engine runs beside a job."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from foundations.beside import frames
from foundations.models import TerminalSize

PIECE_BYTES = 65_536
"""Most output that is read at once."""


class Output(IntEnum):
    """Which of its outputs a command wrote to; a terminal has only the first."""

    STDOUT = frames.STDOUT
    STDERR = frames.STDERR


@dataclass(frozen=True, slots=True)
class ExecPlan:
    """What to run beside a job: with its user, environment and work dir."""

    command: tuple[str, ...]
    terminal: TerminalSize | None = None


def exec_environment(plan: ExecPlan, job: Mapping[str, str]) -> dict[str, str]:
    """The variables that a command has beside those of its job, or in their place.

    What the job installed for itself comes first, as it does for the job.

    Args:
        plan: the command.
        job: the environment that the job was started with.
    """
    own = posixpath.join(job.get("ATLAS_JOB_DIR", "/job"), "environment", "bin")
    terminal = {} if plan.terminal is None else {"TERM": "xterm-256color"}
    return {"PATH": f"{own}:{job.get('PATH', os.defpath)}", **terminal}


class ExecSession(Protocol):
    """A command that runs. Not adopted by a later process of the server: it ends with this one."""

    async def read(self) -> tuple[Output, bytes] | None:
        """Wait for the next piece of output; None when all of it was read."""

    async def write(self, data: bytes) -> None:
        """Pass a piece of input on; one that the command does not want is dropped."""

    async def end_input(self) -> None:
        """Let it read the end of its input."""

    async def resize(self, size: TerminalSize) -> None:
        """Tell it that its terminal has another size."""

    async def wait(self) -> int:
        """Wait for its end, after `read` gave None; its exit code, 128 and more for a signal."""

    async def close(self) -> None:
        """End it, as far as the engine can, and let go of it. May be repeated."""
