"""Commands that run beside jobs: their output by byte, their input in order, their end.

A command belongs to this process of the server. Its output is kept until a reader has had it, and
a little longer, so that a reader whose connection broke misses nothing; while nobody reads, the
command waits once `BUFFER_BYTES` are full.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from functools import partial

from atlas_scheduler.core.job import Job
from atlas_scheduler.engine.exec_port import ExecSession
from foundations.beside.frames import EXIT, frame
from foundations.errors import AtlasError, InvalidRequest, JobConflict, NotFound, TooLarge
from foundations.models import ExecInput, JobState, TerminalSize

BUFFER_BYTES = 1_048_576
"""Most output that is kept ahead of its reader, and most that is kept behind it."""
ABANDONED_SECONDS = 60.0
"""Without a reader for so long, a command is ended."""


class Running:
    """One command, and what is kept of its output."""

    def __init__(
        self,
        job_id: str,
        session: ExecSession,
        *,
        by: str = "",
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.exec_id = str(uuid.uuid4())
        self.job_id = job_id
        self.by = by
        """Who started it."""
        self._session = session
        self._buffer_bytes = buffer_bytes
        self._kept = bytearray()
        self._begin = 0
        """Where what is kept begins, in all the output."""
        self._read_up_to = 0
        self._input_bytes = 0
        self._writing = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._is_closing = False
        self._ended = False
        self._readers = 0
        self._pump = asyncio.create_task(self._collect(), name=f"exec {self.exec_id}")

    @property
    def has_readers(self) -> bool:
        """Whether somebody reads its output at this moment."""
        return self._readers > 0

    def output(self, offset: int) -> AsyncIterator[bytes]:
        """Give the frames of output from a byte on, to the end.

        Raises:
            InvalidRequest: that part is not kept any more, or never was.
        """
        if not self._begin <= offset <= self._begin + len(self._kept):
            raise InvalidRequest(f"Output is kept from byte {self._begin} on, not from {offset}.")
        return self._follow(offset)

    async def _follow(self, offset: int) -> AsyncIterator[bytes]:
        self._readers += 1
        try:
            while True:
                async with self._changed:
                    self._read_up_to = max(self._read_up_to, offset)
                    self._changed.notify_all()
                    await self._changed.wait_for(partial(self._goes_on, offset))
                if offset < self._begin:
                    return  # another reader was faster; asked again, this one is told so
                piece = bytes(self._kept[offset - self._begin :])
                if not piece:
                    return
                yield piece
                offset += len(piece)
        finally:
            self._readers -= 1

    async def give(self, piece: ExecInput) -> None:
        """Pass input on, except for what came already."""
        async with self._writing:
            if piece.offset > self._input_bytes:
                raise InvalidRequest(f"The input goes on at byte {self._input_bytes}.")
            fresh = piece.data[self._input_bytes - piece.offset :]
            if fresh:
                await self._session.write(fresh)
                self._input_bytes += len(fresh)
            if piece.end:
                await self._session.end_input()

    async def resize(self, size: TerminalSize) -> None:
        """Give its terminal another size."""
        await self._session.resize(size)

    async def close(self) -> None:
        """End it."""
        async with self._changed:
            # What it has written still is little, and need not wait for a reader.
            self._is_closing = True
            self._changed.notify_all()
        await self._session.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(ABANDONED_SECONDS):
                await asyncio.wait([self._pump])
        self._pump.cancel()

    def _goes_on(self, offset: int) -> bool:
        return self._ended or offset < self._begin + len(self._kept)

    async def _collect(self) -> None:
        try:
            while (piece := await self._session.read()) is not None:
                await self._keep(frame(*piece))
            await self._keep(frame(EXIT, str(await self._session.wait()).encode()))
        except AtlasError as error:
            await self._keep(frame(EXIT, error.message.encode()))
        finally:
            async with self._changed:
                self._ended = True
                self._changed.notify_all()

    async def _keep(self, framed: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            behind = self._read_up_to - self._begin - self._buffer_bytes
            if behind > 0:
                del self._kept[:behind]
                self._begin += behind
            self._kept += framed
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return (
            self._is_closing
            or self._begin + len(self._kept) - self._read_up_to < self._buffer_bytes
        )


class Execs:
    """Every command that runs, or ended a moment ago, by its id."""

    most = 64
    """Most at a time."""
    lacking = "commands beside it"
    instead = "use its own terminal"
    too_many = "{most} commands run beside jobs; end one of them first."
    unknown = "No command `{exec_id}` runs beside a job."

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def require_room(self, job: Job) -> None:
        """Refuse one more beside a job.

        Raises:
            JobConflict: the job does not run, or is a local run.
            TooLarge: there are too many.
        """
        if job.state is not JobState.RUNNING:
            raise JobConflict(
                f"Job `{job.job_id}` is {job.state}: only a job that runs has {self.lacking}."
            )
        if job.is_local:
            raise JobConflict(f"Job `{job.job_id}` is a local run; {self.instead}.")
        self.check()

    def check(self) -> None:
        """Refuse one more command when there are too many.

        Raises:
            TooLarge: there are.
        """
        if len(self._running) >= self.most:
            raise TooLarge(self.too_many.format(most=self.most))

    def add(self, running: Running) -> None:
        """Take one in."""
        self._running[running.exec_id] = running
        self._watch(running)

    def find(self, exec_id: str) -> Running:
        """Give one by its id.

        Raises:
            NotFound: there is none, or it ended a while ago.
        """
        running = self._running.get(exec_id)
        if running is None:
            raise NotFound(self.unknown.format(exec_id=exec_id))
        return running

    async def end(self, exec_id: str) -> None:
        """End one, and forget it."""
        running = self.find(exec_id)
        del self._running[exec_id]
        await running.close()

    def end_those_of(self, job_id: str) -> None:
        """End the commands of a job that has ended; what they wrote can still be read."""
        for running in self._running.values():
            if running.job_id == job_id:
                self._begin(running.close())

    def end_unless_on(self, before: Job, now: Job) -> None:
        """End those of a job that ended while one was begun: its end could not know of that."""
        if not now.holds_slot or now.attempt != before.attempt:
            self.end_those_of(now.job_id)

    async def close(self) -> None:
        """End all."""
        for running in self._running.values():
            self._begin(running.close())
        self._running.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _watch(self, running: Running) -> None:
        """Look from time to time whether anybody reads it."""
        loop = asyncio.get_running_loop()

        def look(was_read: bool) -> None:
            if self._running.get(running.exec_id) is not running:
                return
            if not running.has_readers and not was_read:
                self._begin(self.end(running.exec_id))
            else:
                loop.call_later(ABANDONED_SECONDS, look, running.has_readers)

        loop.call_later(ABANDONED_SECONDS, look, True)

    def _begin(self, chore: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(chore)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Tunnels(Execs):
    """Every connection to a port of a job, by its id: what it receives is a command's input."""

    most = 256
    lacking = "ports"
    instead = "its ports are your own"
    too_many = "{most} connections lead to ports of jobs; close one of them first."
    unknown = "No connection `{exec_id}` leads to a job."

    def __init__(self) -> None:
        super().__init__()
        self.told_of: set[tuple[object, ...]] = set()
        """Who connected to which port of which attempt, as far as the history has it."""
