"""Reads PNG pictures and makes them small enough for a terminal, with nothing but the standard
library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 24_000_000
"""Largest picture, unpacked, that is looked at."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels of each colour type."""
_PAPER = (255, 255, 255)
"""What is behind a picture that lets something through."""

Colour = tuple[int, int, int]


class Unreadable(ValueError):
    """The picture cannot be shown; the text says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as rows of colours."""

    width: int
    """Of the original."""
    height: int
    rows: list[list[Colour]]
    """Of the picture made small."""


def read(data: bytes, *, columns: int, lines: int) -> Picture:
    """Read a picture and make it fit.

    Args:
        data: the file, whole.
        columns: most colours of a row.
        lines: most rows.

    Raises:
        Unreadable: it is no PNG file, broken, cut off, or of a kind that is not read.
    """
    try:
        return _Reader(data).picture(columns, lines)
    except (struct.error, zlib.error, IndexError) as error:
        raise Unreadable(f"the picture is broken: {error}") from error


class _Reader:
    """One file."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(SIGNATURE):
            raise Unreadable("this is no PNG file")
        self._palette: list[Colour] = []
        self._packed = bytearray()
        header = b""
        for kind, body in _chunks(data):
            if kind == b"IHDR":
                header = body
            elif kind == b"PLTE":
                triples = zip(body[::3], body[1::3], body[2::3], strict=True)
                self._palette = [(red, green, blue) for red, green, blue in triples]
            elif kind == b"IDAT":
                self._packed += body
        self.width, self.height, depth, self._type, _, _, interlaced = struct.unpack(
            ">IIBBBBB", header
        )
        if depth != 8 or interlaced or self._type not in _CHANNELS:
            raise Unreadable("only those with 8 bits a channel, not interlaced, are shown")
        self._channels = _CHANNELS[self._type]
        self._stride = self.width * self._channels
        if not 0 < (self._stride + 1) * self.height <= MOST_BYTES:
            raise Unreadable(f"{self.width} by {self.height} is too large to be shown here")

    def picture(self, columns: int, lines: int) -> Picture:
        shrink = max(self.width / max(columns, 1), self.height / max(lines, 1), 1.0)
        width, height = max(int(self.width / shrink), 1), max(int(self.height / shrink), 1)
        wanted = [
            min(int((row + 0.5) * self.height / height), self.height - 1) for row in range(height)
        ]
        places = [
            min(int((column + 0.5) * self.width / width), self.width - 1) for column in range(width)
        ]
        rows: list[list[Colour]] = []
        for number, row in enumerate(self._rows()):
            while len(rows) < height and wanted[len(rows)] == number:
                rows.append([self._colour(row, place) for place in places])
        return Picture(self.width, self.height, rows)

    def _rows(self) -> Iterator[bytes]:
        most = (self._stride + 1) * self.height
        raw = zlib.decompressobj().decompress(bytes(self._packed), most)
        if len(raw) < most:
            raise Unreadable("the picture is cut off")
        before = bytes(self._stride)
        for start in range(0, most, self._stride + 1):
            body = raw[start + 1 : start + 1 + self._stride]
            before = _restored(raw[start], body, before, self._channels)
            yield before

    def _colour(self, row: bytes, place: int) -> Colour:
        pixel = row[place * self._channels : (place + 1) * self._channels]
        if self._type == 3:
            return self._palette[pixel[0]]
        grey = self._type in (0, 4)
        colour = (pixel[0],) * 3 if grey else (pixel[0], pixel[1], pixel[2])
        if self._type in (0, 2):
            return colour
        alpha = pixel[-1]
        red, green, blue = (
            (one * alpha + paper * (255 - alpha)) // 255
            for one, paper in zip(colour, _PAPER, strict=True)
        )
        return red, green, blue


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, data[place + 8 : place + 8 + length]
        place += 12 + length


def _restored(filter_: int, body: bytes, above: bytes, step: int) -> bytes:
    """Undo the filter of a row; each byte was told by those to the left and above."""
    if filter_ == 0:
        return body
    if filter_ == 2:
        return bytes((one + up) & 255 for one, up in zip(body, above, strict=True))
    row = bytearray(body)
    if filter_ == 1:
        for place in range(step, len(row)):
            row[place] = (row[place] + row[place - step]) & 255
    elif filter_ == 3:
        for place in range(len(row)):
            left = row[place - step] if place >= step else 0
            row[place] = (row[place] + (left + above[place]) // 2) & 255
    elif filter_ == 4:
        _undo_paeth(row, above, step)
    else:
        raise Unreadable(f"the picture is broken: a row has filter {filter_}")
    return bytes(row)


def _undo_paeth(row: bytearray, above: bytes, step: int) -> None:
    for place in range(len(row)):
        left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
        up = above[place]
        by_left, by_up, by_corner = (
            abs(up - corner),
            abs(left - corner),
            abs(left + up - 2 * corner),
        )
        if by_left <= by_up and by_left <= by_corner:
            guess = left
        else:
            guess = up if by_up <= by_corner else corner
        row[place] = (row[place] + guess) & 255
