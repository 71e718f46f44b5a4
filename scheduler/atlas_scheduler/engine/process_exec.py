"""Commands beside a job of the process engine: processes of the server, with what the job has."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from atlas_scheduler.engine.exec_port import PIECE_BYTES, ExecPlan, Output
from atlas_scheduler.engine.threads import in_thread
from foundations.models import TerminalSize

_HANGUP_SECONDS = 2.0
_END_OF_TEXT = b"\x04"
"""What the user of a terminal types to end the input."""
# In a program of its own: code between fork and exec is not safe where there are threads.
_BEGIN = """
import fcntl, os, sys, termios
command = sys.argv[2:]
if sys.argv[1] == "terminal":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
try:
    os.execvp(command[0], command)
except OSError as error:
    print(command[0] + ": " + error.strerror, file=sys.stderr)
    sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
"""


class ProcessExec:
    """One command, in a session of its own; `exec_port.ExecSession`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        outputs: Mapping[Output, asyncio.StreamReader],
        input_: int,
        *,
        has_terminal: bool,
    ) -> None:
        self._process = process
        self._outputs = outputs
        self._reading: dict[asyncio.Task[bytes], Output] = {}
        self._input: int | None = input_
        self._has_terminal = has_terminal
        for output in outputs:
            self._read_on(output)

    @classmethod
    async def start(
        cls, plan: ExecPlan, *, environment: Mapping[str, str], directory: str
    ) -> ProcessExec:
        """Start a command.

        Raises:
            OSError: no process can be started.
        """
        if plan.terminal is not None:
            ours, theirs = os.openpty()
            with _closed_on_failure(ours):
                _set_size(ours, plan.terminal)
                process = _spawn(plan, (theirs, theirs, theirs), environment, directory)
            outputs = {Output.STDOUT: await _reader(os.dup(ours))}
            return cls(process, outputs, ours, has_terminal=True)
        input_, ours = os.pipe()
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        with _closed_on_failure(ours, stdout, stderr):
            process = _spawn(plan, (input_, stdout_end, stderr_end), environment, directory)
        outputs = {Output.STDOUT: await _reader(stdout), Output.STDERR: await _reader(stderr)}
        return cls(process, outputs, ours, has_terminal=False)

    async def read(self) -> tuple[Output, bytes] | None:
        """Wait for the next piece of output; None when all of it was read."""
        while self._reading:
            done, _ = await asyncio.wait(self._reading, return_when=asyncio.FIRST_COMPLETED)
            task = done.pop()
            output = self._reading.pop(task)
            # A terminal that nobody has open any more answers with an error, not with an end.
            is_over = task.cancelled() or task.exception() is not None
            piece = b"" if is_over else task.result()
            if piece:
                self._read_on(output)
                return output, piece
        return None

    async def write(self, data: bytes) -> None:
        """Pass a piece of input on."""
        if self._input is not None:
            with suppress(BrokenPipeError, OSError):
                await in_thread(partial(_write, self._input, data), name="exec-input")

    async def end_input(self) -> None:
        """Let it read the end of its input."""
        if self._has_terminal:
            await self.write(_END_OF_TEXT)
        else:
            self._close_input()

    async def resize(self, size: TerminalSize) -> None:
        """Tell it that its terminal has another size."""
        if self._has_terminal and self._input is not None:
            _set_size(self._input, size)

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        code = await in_thread(self._process.wait, name="exec-wait")
        return code if code >= 0 else 128 - code

    async def close(self) -> None:
        """Hang up, then kill it and what it started."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(_HANGUP_SECONDS):
                    await self.wait()
                break
        self._close_input()
        # What it wrote last is read still, unless something that it started holds its output.
        if self._reading:
            await asyncio.wait(set(self._reading), timeout=_HANGUP_SECONDS)
        for task in self._reading:
            task.cancel()

    def _read_on(self, output: Output) -> None:
        task = asyncio.create_task(self._outputs[output].read(PIECE_BYTES))
        self._reading[task] = output

    def _close_input(self) -> None:
        if self._input is not None:
            os.close(self._input)
            self._input = None


@contextmanager
def _closed_on_failure(*descriptors: int) -> Iterator[None]:
    try:
        yield
    except OSError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _spawn(
    plan: ExecPlan, ends: tuple[int, int, int], environment: Mapping[str, str], directory: str
) -> subprocess.Popen[bytes]:
    """Start the command on its ends of the pipes or the terminal, which are then its alone."""
    kind = "pipes" if plan.terminal is None else "terminal"
    stdin, stdout, stderr = ends
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BEGIN, kind, *plan.command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=directory,
            env=environment,
            start_new_session=True,
        )
    finally:
        for end in set(ends):
            os.close(end)


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=PIECE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _set_size(descriptor: int, size: TerminalSize) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
