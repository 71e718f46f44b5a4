"""A picture as half blocks: read by a process of its own, then fitted and painted here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from atlas_tui.picture_reader import Picture, Unreadable

READ_SECONDS = 20.0
"""A picture that is not read so long after it came is given up."""
MOST_ZOOM = 3
"""Each step shows it twice as large."""
HALF_BLOCK_SHAPE = 1.0
"""Height of half a cell for its width, where the terminal does not tell how large its cells are."""

Colour = tuple[int, int, int]
Line = Text | Strip
_OWN_COLOURS: Sequence[Colour] = (
    *((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)),
    *((0, 0, 128), (128, 0, 128), (0, 128, 128), (192, 192, 192)),
    *((128, 128, 128), (255, 0, 0), (0, 255, 0), (255, 255, 0)),
    *((0, 0, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255)),
)
"""What a terminal of sixteen colours most likely shows for each."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a picture is painted on."""

    columns: int
    lines: int
    background: Colour = (0, 0, 0)
    """Seen where the picture lets something through."""
    half_block_shape: float = HALF_BLOCK_SHAPE
    """Height of half a cell for its width."""
    own_colours: bool = False
    """Whether to use the terminal's own sixteen only: a fifth of the bytes, or all that it has."""
    zoom: int = 0
    """How many times it is doubled from the size at which all of it is seen."""


class Painting(Sequence[Line]):
    """The lines of a picture below a heading; each is painted when it comes in sight."""

    def __init__(self, heading: Sequence[Line], pixels: bytes, width: int, step: int) -> None:
        """Prepare.

        Args:
            heading: the lines above.
            pixels: the colours, row by row; an even number of rows.
            width: pixels in a row.
            step: bytes of a pixel: three, or one of the terminal's own colours.
        """
        self.width = width
        self._heading = heading
        self._pixels = pixels
        self._step = step
        self._stride = width * step

    def __len__(self) -> int:
        return len(self._heading) + len(self._pixels) // (2 * self._stride)

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        if number < len(self._heading):
            return self._heading[number]
        start = (number - len(self._heading)) * 2 * self._stride
        middle, end = start + self._stride, start + 2 * self._stride
        return _line(self._pixels[start:middle], self._pixels[middle:end], self._step)


async def read(pieces: AsyncIterator[bytes]) -> Picture:
    """Read a picture while it comes in.

    Raises:
        Unreadable: it cannot be shown; the text says why.
        AtlasError: what the pieces raise.
    """
    words = (sys.executable, "-P", "-m", "atlas_tui.picture_reader")
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        reader = await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=pipe, stderr=nowhere
        )
    except OSError as error:
        raise Unreadable(f"its reader cannot be started: {error}") from error
    try:
        return await _answer(reader, pieces)
    finally:
        if reader.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                reader.kill()
        await reader.wait()


async def _answer(reader: asyncio.subprocess.Process, pieces: AsyncIterator[bytes]) -> Picture:
    assert reader.stdin is not None
    assert reader.stdout is not None
    # It may answer before it has read all: the file is too large.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for piece in pieces:
            reader.stdin.write(piece)
            await reader.stdin.drain()
    reader.stdin.close()
    try:
        async with asyncio.timeout(READ_SECONDS):
            answer = await reader.stdout.read()
    except TimeoutError as error:
        raise Unreadable("reading it takes too long") from error
    line, _, pixels = answer.partition(b"\n")
    if not line:
        raise Unreadable("it needs too much memory or time, or its reader failed")
    facts = json.loads(line)
    if "error" in facts:
        raise Unreadable(facts["error"])
    picture = Picture(**facts, pixels=pixels)
    if len(pixels) != picture.columns * picture.rows * 4:
        raise Unreadable("its reader was ended before it was done")
    return picture


def fitted(picture: Picture, canvas: Canvas) -> tuple[int, int]:
    """How many columns and half lines a picture takes, in its own proportions."""
    shape = canvas.half_block_shape
    scale = min(
        canvas.columns / picture.columns,
        2 * canvas.lines * shape / picture.rows,
        1.0,
    ) * (1 << canvas.zoom)
    return (
        max(round(picture.columns * scale), 1),
        max(round(picture.rows * scale / shape), 1),
    )


def painted(picture: Picture, canvas: Canvas, heading: Sequence[Line] = ()) -> Painting:
    """Paint a picture below a heading, two of its rows in each line."""
    from PIL import Image

    width, height = fitted(picture, canvas)
    small = Image.frombytes("RGBA", (picture.columns, picture.rows), picture.pixels)
    is_larger = width > picture.columns or height > picture.rows
    how = Image.Resampling.NEAREST if is_larger else Image.Resampling.LANCZOS
    small = small.resize((width, height), how)
    # An odd number of rows ends with one of the background.
    flat = Image.new("RGB", (width, height + height % 2), canvas.background)
    flat.paste(small, (0, 0), small)
    if canvas.own_colours:
        own = Image.new("P", (1, 1))
        own.putpalette([part for colour in _OWN_COLOURS for part in colour])
        flat = flat.quantize(palette=own)
    return Painting(heading, flat.tobytes(), width, 1 if canvas.own_colours else 3)


def _line(upper: bytes, lower: bytes, step: int) -> Strip:
    segments: list[Segment] = []
    begin = 0
    while begin < len(upper):
        top, bottom = upper[begin : begin + step], lower[begin : begin + step]
        end = begin + step
        while upper[end : end + step] == top and lower[end : end + step] == bottom:
            end += step
        text = " " if top == bottom else "▀"
        segments.append(Segment(text * ((end - begin) // step), _style(top, bottom)))
        begin = end
    return Strip(segments, len(upper) // step)


@lru_cache(maxsize=4_096)
def _style(top: bytes, bottom: bytes) -> Style:
    return Style.from_color(None if top == bottom else _colour(top), _colour(bottom))


def _colour(pixel: bytes) -> Color:
    return Color.from_ansi(pixel[0]) if len(pixel) == 1 else Color.from_rgb(*pixel)
