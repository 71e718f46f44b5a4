"""Runs a program at the end of a job, with the job as JSON on its input."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress

from atlas_scheduler.hook_settings import CommandHook
from atlas_scheduler.hooks.hook import Ended, HookFailed

MOST_OUTPUT_BYTES = 2000
"""So much of what a program that failed wrote is told."""


class CommandRunner:
    """One command."""

    kind = "command"

    def __init__(self, settings: CommandHook) -> None:
        """Prepare to run it, with the server's environment."""
        self.states = settings.states
        self.target = settings.run[0]
        self._settings = settings

    async def tell(self, ended: Ended) -> None:
        """Run the program to its end.

        Raises:
            HookFailed: it cannot be run, did not end in time, or its exit code is not 0.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._settings.run,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **ended.environment()},
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise HookFailed(f"it cannot be run: {error}") from error
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                output = await _converse(process, json.dumps(ended.document()).encode())
                code = await process.wait()
        except TimeoutError:
            seconds = self._settings.timeout_seconds
            raise HookFailed(f"it was killed after {seconds:.0f} s") from None
        finally:
            await _end(process)
        if code:
            said = output.decode(errors="replace").strip()
            raise HookFailed(f"exit code {code}" + (f": {said}" if said else ""))


async def _converse(process: asyncio.subprocess.Process, told: bytes) -> bytes:
    """Write to a program and read from it, of which only the beginning is kept."""
    assert process.stdin is not None
    assert process.stdout is not None
    writing = asyncio.create_task(_write(process.stdin, told))
    ending = asyncio.create_task(process.wait())
    kept = b""
    try:
        while piece := await process.stdout.read(1 << 16):
            kept += piece[: MOST_OUTPUT_BYTES - len(kept)]
        # It may read on without an output; or have ended, and children of it hold the pipe.
        await asyncio.wait([writing, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (writing, ending):
            task.cancel()
        await asyncio.gather(writing, ending, return_exceptions=True)
    return kept


async def _write(stdin: asyncio.StreamWriter, told: bytes) -> None:
    # A program that does not read its input may end before it was written.
    with suppress(ConnectionError):
        stdin.write(told)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what the program left, and the program itself if it still runs."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
