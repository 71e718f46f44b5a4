"""Runs a command beside a job from Python, and says what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from foundations.beside.frames import EXIT, STDERR, STDOUT
from foundations.errors import AtlasError, SchedulerError
from foundations.transport.repetition import patiently

if TYPE_CHECKING:
    from foundations.client import Client


PIECE_BYTES = 65_536
"""Most input that is sent at once."""


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
        # Beside the reading: a command that is not read from stops reading itself.
        begin_input(client, exec_id, BytesIO(input).read)
        found = {STDOUT: bytearray(), STDERR: bytearray(), EXIT: bytearray()}
        for kind, data in client.exec_output(exec_id):
            found[kind] += data
    finally:
        client.end_exec(exec_id)
    code = exit_code(bytes(found[EXIT]))
    return Executed(code, bytes(found[STDOUT]), bytes(found[STDERR]))


def begin_input(client: Client, exec_id: str, read: Callable[[int], bytes]) -> None:
    """Send what `read` gives to a command, to its end, in a thread that ends with the process.

    What is not taken in time, because the command reads slowly or the connection broke, is sent
    again.
    """
    threading.Thread(target=_send_input, args=(client, exec_id, read), daemon=True).start()


def _send_input(client: Client, exec_id: str, read: Callable[[int], bytes]) -> None:
    offset, data = 0, b"some"
    # The command has ended, and its client may be closed, for which httpx has a RuntimeError: who
    # reads the output hears of it.
    with suppress(AtlasError, RuntimeError):
        while data:
            data = read(PIECE_BYTES)
            write = partial(client.write_exec, exec_id, data, offset=offset, end=not data)
            patiently(write, client.patience)
            offset += len(data)


def exit_code(ending: bytes) -> int:
    """Read what the last frame says.

    Raises:
        SchedulerError: it is a sentence, and no number.
    """
    if not ending.isdigit():
        raise SchedulerError(ending.decode("utf-8", "replace"))
    return int(ending)
