"""Runs a command beside a job from Python, and says what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundations.errors import SchedulerError
from foundations.exec_frames import EXIT, STDERR, STDOUT

if TYPE_CHECKING:
    from foundations.client import Client


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command left."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def execute(client: Client, ref: str, command: Sequence[str], *, input: bytes = b"") -> Executed:
    """Run a command beside a job, with pipes, and wait for its end.

    Raises:
        JobConflict: the job does not run.
        SchedulerError: how the command ended is not known.
    """
    exec_id = client.start_exec(ref, command).exec_id
    try:
        client.write_exec(exec_id, input, offset=0, end=True)
        found = {STDOUT: bytearray(), STDERR: bytearray(), EXIT: bytearray()}
        for kind, data in client.exec_output(exec_id):
            found[kind] += data
    finally:
        client.end_exec(exec_id)
    code = exit_code(bytes(found[EXIT]))
    return Executed(code, bytes(found[STDOUT]), bytes(found[STDERR]))


def exit_code(ending: bytes) -> int:
    """Read what the last frame says.

    Raises:
        SchedulerError: it is a sentence, and no number.
    """
    if not ending.isdigit():
        raise SchedulerError(ending.decode("utf-8", "replace"))
    return int(ending)
