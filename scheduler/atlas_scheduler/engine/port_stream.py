"""A connection to a port of a job, in the form of a command beside it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from atlas_scheduler.engine.exec_port import PIECE_BYTES, Output
from foundations.errors import JobConflict
from foundations.models import TerminalSize

CONNECT_SECONDS = 3.0
"""Longest wait for a job to take a connection."""


class PortStream:
    """A TCP connection; `exec_port.ExecSession`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, host: str, port: int) -> PortStream:
        """Connect to a port.

        Raises:
            OSError: nothing answers there; `TimeoutError` when not even that is said.
        """
        async with asyncio.timeout(CONNECT_SECONDS):
            return cls(*await asyncio.open_connection(host, port, limit=PIECE_BYTES))

    async def read(self) -> tuple[Output, bytes] | None:
        """Wait for the next piece; None when the job has closed its direction."""
        with suppress(OSError):
            piece = await self._reader.read(PIECE_BYTES)
            return (Output.STDOUT, piece) if piece else None
        return None

    async def write(self, data: bytes) -> None:
        """Pass a piece on, as soon as the job takes it.

        Raises:
            JobConflict: the job has closed the connection.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise JobConflict("The job has closed the connection.") from error

    async def end_input(self) -> None:
        """Close this direction; the other stays open."""
        with suppress(OSError):
            self._writer.write_eof()

    async def resize(self, size: TerminalSize) -> None:
        """Do nothing: it is no terminal."""

    async def wait(self) -> int:
        """Say 0: a connection has no exit code."""
        return 0

    async def close(self) -> None:
        """Cut it."""
        self._writer.transport.abort()
