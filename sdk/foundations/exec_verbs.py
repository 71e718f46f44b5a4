"""Running commands beside jobs: what the clients can do with one, blocking and for asyncio."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

import anyio

from foundations import exec_calls as calls
from foundations.calls import Call
from foundations.errors import Unreachable
from foundations.exec_frames import EXIT, Frames
from foundations.lazy_models import models
from foundations.reconnection import PATIENCE, Backoff, Patience

if TYPE_CHECKING:
    from foundations.followers import Opened

T = TypeVar("T")


class ExecVerbs:
    """Blocking; see `Client`."""

    patience: Patience = PATIENCE

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Send any call, and read its answer."""

    @abstractmethod
    def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AbstractContextManager[Opened]:
        """Send a call, and give its answer as soon as that begins."""

    def start_exec(
        self, ref: str, command: Sequence[str], *, terminal: models.TerminalSize | None = None
    ) -> models.ExecView:
        """Run a command beside a job that runs: as its user, with its environment and work dir.

        With `terminal` it gets a terminal of that size, otherwise pipes.
        """
        return self.send(calls.start_exec(ref, command, terminal=terminal))

    def exec_output(self, exec_id: str) -> Generator[tuple[int, bytes]]:
        """Yield what a command writes, as pairs of what (`foundations.exec_frames`) and bytes.

        The last is the end, with the exit code in digits, or with why there is none. A connection
        that breaks is made again.
        """
        offset, frames, backoff = 0, Frames(), Backoff(self.patience)
        while True:
            try:
                call = calls.exec_output(exec_id, offset=offset)
                with self.open(call, silence_seconds=None) as answer:
                    for piece in answer.iter_raw():
                        backoff.answered()
                        offset += len(piece)
                        for kind, data in frames.feed(piece):
                            yield kind, data
                            if kind == EXIT:
                                return
                raise Unreachable("The scheduler ended the output before the command had ended.")
            except Unreachable:
                delay = backoff.lost(time.monotonic())
                if delay is None:
                    raise
                time.sleep(delay)

    def write_exec(self, exec_id: str, data: bytes, *, offset: int, end: bool = False) -> None:
        """Pass input on; `offset` is where it lies in all that is sent. May be repeated."""
        self.send(calls.write_exec(exec_id, data, offset=offset, end=end))

    def resize_exec(self, exec_id: str, size: models.TerminalSize) -> None:
        """Give the terminal of a command another size."""
        self.send(calls.resize_exec(exec_id, size))

    def end_exec(self, exec_id: str) -> None:
        """End a command, and forget it."""
        self.send(calls.end_exec(exec_id))


class AsyncExecVerbs:
    """For asyncio; see `AsyncClient`."""

    patience: Patience = PATIENCE

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Send any call, and read its answer."""

    @abstractmethod
    def open(
        self, call: Call[None], *, silence_seconds: float | None
    ) -> AbstractAsyncContextManager[Opened]:
        """Send a call, and give its answer as soon as that begins."""

    async def start_exec(
        self, ref: str, command: Sequence[str], *, terminal: models.TerminalSize | None = None
    ) -> models.ExecView:
        """Run a command beside a job that runs: as its user, with its environment and work dir."""
        return await self.send(calls.start_exec(ref, command, terminal=terminal))

    async def exec_output(self, exec_id: str) -> AsyncGenerator[tuple[int, bytes]]:
        """Yield what a command writes, as pairs of what (`foundations.exec_frames`) and bytes."""
        offset, frames, backoff = 0, Frames(), Backoff(self.patience)
        while True:
            try:
                call = calls.exec_output(exec_id, offset=offset)
                async with self.open(call, silence_seconds=None) as answer:
                    async for piece in answer.aiter_raw():
                        backoff.answered()
                        offset += len(piece)
                        for kind, data in frames.feed(piece):
                            yield kind, data
                            if kind == EXIT:
                                return
                raise Unreachable("The scheduler ended the output before the command had ended.")
            except Unreachable:
                delay = backoff.lost(time.monotonic())
                if delay is None:
                    raise
                await anyio.sleep(delay)

    async def write_exec(
        self, exec_id: str, data: bytes, *, offset: int, end: bool = False
    ) -> None:
        """Pass input on; `offset` is where it lies in all that is sent. May be repeated."""
        await self.send(calls.write_exec(exec_id, data, offset=offset, end=end))

    async def resize_exec(self, exec_id: str, size: models.TerminalSize) -> None:
        """Give the terminal of a command another size."""
        await self.send(calls.resize_exec(exec_id, size))

    async def end_exec(self, exec_id: str) -> None:
        """End a command, and forget it."""
        await self.send(calls.end_exec(exec_id))
