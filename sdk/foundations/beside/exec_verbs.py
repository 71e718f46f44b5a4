"""Running commands beside jobs: what the clients can do with one, blocking and for asyncio."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing
from functools import partial

import anyio

from foundations.beside.frames import EXIT, Frames
from foundations.calls import Call
from foundations.calls import execs as calls
from foundations.errors import Unreachable
from foundations.lazy_models import models
from foundations.transport.followers import AsyncFollowers, Followers
from foundations.transport.reconnection import Backoff, Patience
from foundations.transport.repetition import pause_seconds


class OutputPlace:
    """How far one reader of a command's output has come, and when it asks again."""

    def __init__(self, ask: Callable[[int], Call[None]], patience: Patience) -> None:
        """Begin at the first byte; `ask` makes the request for what comes from a byte on."""
        self.finished = False
        self._ask = ask
        self._offset = 0
        self._frames = Frames()
        self._backoff = Backoff(patience)

    def call(self) -> Call[None]:
        """What asks for the rest."""
        return self._ask(self._offset)

    def read(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Take the next piece, and yield the frames that it completes."""
        self._backoff.answered()
        self._offset += len(piece)
        for kind, data in self._frames.feed(piece):
            self.finished = kind == EXIT
            yield kind, data

    def ended(self) -> None:
        """Note that the server ended its answer in good order.

        Raises:
            Unreachable: that was not the end of the output.
        """
        if not self.finished:
            raise Unreachable("The scheduler ended the output before the command had ended.")

    def delay_seconds(self, error: Unreachable) -> float:
        """Return how long to wait before asking again, or raise `error` to give up."""
        return pause_seconds(self._backoff, error)


def _rest_of(exec_id: str, offset: int) -> Call[None]:
    return calls.exec_output(exec_id, offset=offset)


class ExecVerbs(Followers):
    """Blocking; see `Client`."""

    def start_exec(
        self, ref: str, command: Sequence[str], *, terminal: models.TerminalSize | None = None
    ) -> models.ExecView:
        """Run a command beside a job that runs: as its user, with its environment and work dir.

        With `terminal` it gets a terminal of that size, otherwise pipes.
        """
        return self.send(calls.start_exec(ref, command, terminal=terminal))

    def exec_output(self, exec_id: str) -> Generator[tuple[int, bytes]]:
        """Yield what a command writes, as pairs of what (`foundations.beside.frames`) and bytes.

        The last is the end, with the exit code in digits, or with why there is none. A connection
        that breaks is made again.
        """
        yield from self._frames(partial(_rest_of, exec_id))

    def _frames(self, ask: Callable[[int], Call[None]]) -> Generator[tuple[int, bytes]]:
        place = OutputPlace(ask, self.patience)
        while not place.finished:
            try:
                with self.open(place.call(), silence_seconds=None) as answer:
                    for piece in answer.iter_raw():
                        yield from place.read(piece)
                place.ended()
            except Unreachable as error:
                time.sleep(place.delay_seconds(error))

    def write_exec(self, exec_id: str, data: bytes, *, offset: int, end: bool = False) -> None:
        """Pass input on; `offset` is where it lies in all that is sent. May be repeated."""
        self.send(calls.write_exec(exec_id, data, offset=offset, end=end))

    def resize_exec(self, exec_id: str, size: models.TerminalSize) -> None:
        """Give the terminal of a command another size."""
        self.send(calls.resize_exec(exec_id, size))

    def end_exec(self, exec_id: str) -> None:
        """End a command, and forget it."""
        self.send(calls.end_exec(exec_id))


class AsyncExecVerbs(AsyncFollowers):
    """For asyncio; see `AsyncClient`."""

    async def start_exec(
        self, ref: str, command: Sequence[str], *, terminal: models.TerminalSize | None = None
    ) -> models.ExecView:
        """Run a command beside a job that runs: as its user, with its environment and work dir."""
        return await self.send(calls.start_exec(ref, command, terminal=terminal))

    async def exec_output(self, exec_id: str) -> AsyncGenerator[tuple[int, bytes]]:
        """Yield what a command writes, as pairs of what (`foundations.beside.frames`) and bytes."""
        async with aclosing(self._frames(partial(_rest_of, exec_id))) as frames:
            async for found in frames:
                yield found

    async def _frames(self, ask: Callable[[int], Call[None]]) -> AsyncGenerator[tuple[int, bytes]]:
        place = OutputPlace(ask, self.patience)
        while not place.finished:
            try:
                async with self.open(place.call(), silence_seconds=None) as answer:
                    async for piece in answer.aiter_raw():
                        for found in place.read(piece):
                            yield found
                place.ended()
            except Unreachable as error:
                await anyio.sleep(place.delay_seconds(error))

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
