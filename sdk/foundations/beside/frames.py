"""How the output of a command beside a job travels: frames of one byte, a length, and the bytes.

The byte says what it is: 1 for standard output (and for a terminal), 2 for standard error, 3 for
the end, whose bytes are the exit code in decimal digits or a sentence that says why there is none.
The length is four bytes, the highest first. All frames together are numbered by byte, so that a
reader can go on where its connection broke.
"""

from __future__ import annotations

from collections.abc import Iterator

STDOUT, STDERR, EXIT = 1, 2, 3
_HEADER_BYTES = 5


def frame(kind: int, data: bytes) -> bytes:
    """Make a frame."""
    return bytes([kind]) + len(data).to_bytes(4, "big") + data


class Frames:
    """Takes the stream in pieces of any size, and gives whole frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Take the next piece, and yield the frames that it completes: what, and its bytes."""
        self._rest += piece
        while len(self._rest) >= _HEADER_BYTES:
            end = _HEADER_BYTES + int.from_bytes(self._rest[1:_HEADER_BYTES], "big")
            if len(self._rest) < end:
                return
            kind, data = self._rest[0], bytes(self._rest[_HEADER_BYTES:end])
            del self._rest[:end]
            yield kind, data
