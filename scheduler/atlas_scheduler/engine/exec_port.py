"""What the scheduler needs of a command that an engine runs beside a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from foundations.models import TerminalSize

PIECE_BYTES = 65_536
"""Most output that is read at once."""


class Output(IntEnum):
    """Which of its outputs a command wrote to; a terminal has only the first."""

    STDOUT = 1
    STDERR = 2


@dataclass(frozen=True, slots=True)
class ExecPlan:
    """What to run beside a job: with its user, environment and work dir."""

    command: tuple[str, ...]
    terminal: TerminalSize | None = None


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
