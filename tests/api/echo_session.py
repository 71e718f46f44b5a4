"""A command beside a job that says back what it is told, and exits with how much that was."""

from __future__ import annotations

import asyncio

from atlas_scheduler.engine.exec_port import Output
from foundations.models import TerminalSize


class EchoSession:
    """`engine.exec_port.ExecSession` in memory."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._size = 0
        self.sizes: list[TerminalSize] = []
        self.is_closed = False

    async def read(self) -> tuple[Output, bytes] | None:
        piece = await self._pieces.get()
        return None if piece is None else (Output.STDOUT, piece)

    async def write(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.put_nowait(data)

    async def end_input(self) -> None:
        self._pieces.put_nowait(None)

    async def resize(self, size: TerminalSize) -> None:
        self.sizes.append(size)

    async def wait(self) -> int:
        return self._size % 256

    async def close(self) -> None:
        self.is_closed = True
        self._pieces.put_nowait(None)
