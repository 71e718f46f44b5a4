"""Saves what the scheduler sends to a file, complete or not at all, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import IO, cast

from foundations.cli.output_file import written_whole

REPORT_BYTES = 4_000_000
"""Progress is told each time so much more is there."""


async def save(pieces: AsyncIterator[bytes], path: Path, *, progress: Callable[[int], None]) -> int:
    """Write pieces to a file, which appears when all of them are there.

    Args:
        pieces: what to write; closed at the end, also early.
        path: the file; one that is there is replaced.
        progress: told how many bytes are there, now and then.

    Returns:
        How many bytes it has.

    Raises:
        OSError: the file cannot be written.
        AtlasError: the scheduler refuses, or the connection breaks.
    """
    with written_whole(path) as file:
        return await write(pieces, file, progress=progress)


async def write(
    pieces: AsyncIterator[bytes], file: IO[bytes], *, progress: Callable[[int], None]
) -> int:
    """Write pieces to an open file; as `save`, apart from the file's name.

    Returns:
        How many bytes were written.
    """
    saved = told = 0
    async with aclosing(cast("AsyncGenerator[bytes]", pieces)) as stream:
        async for piece in stream:
            await asyncio.to_thread(file.write, piece)
            saved += len(piece)
            if saved - told >= REPORT_BYTES:
                told = saved
                progress(saved)
    return saved


async def peeked(
    pieces: AsyncGenerator[bytes], least_bytes: int
) -> tuple[bytes, AsyncGenerator[bytes]]:
    """Look at the first bytes of a stream. Returns them, fewer when it has no more, and all of it.

    The stream that is given stays the caller's to close.
    """
    head = bytearray()
    async for piece in pieces:
        head += piece
        if len(head) >= least_bytes:
            break

    async def whole() -> AsyncGenerator[bytes]:
        yield bytes(head)
        async for piece in pieces:
            yield piece

    return bytes(head[:least_bytes]), whole()


async def beginning(pieces: AsyncIterator[bytes], most_bytes: int) -> tuple[bytes, bool]:
    """Read the first bytes of a stream, and hang up. Returns whether that was all of it."""
    data = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", pieces)) as stream:
        async for piece in stream:
            data += piece
            if len(data) > most_bytes:
                return bytes(data[:most_bytes]), False
    return bytes(data), True
