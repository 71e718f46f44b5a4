"""The parts of a log that are here: blocks near what is shown and at the end, never all of it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict

from foundations.logs.lines import BLOCK_BYTES, line_starts

KEPT_BLOCKS = 64
"""Four megabytes: with four logs on one screen and two on others 24."""
FIRST_BYTES = 256 * 1024
"""So much of the end is read when a log is opened."""


class Missing(LookupError):
    """A block that must be brought first."""

    def __init__(self, number: int) -> None:
        super().__init__(f"block {number}")
        self.number = number


class LogStore:
    """Bytes of a log by their place, and the lines in them.

    Lines are known by the offset where they begin. Whoever asks for a line that is not here gets
    `Missing`, brings that block and asks again.
    """

    def __init__(self, *, kept_blocks: int = KEPT_BLOCKS) -> None:
        self.size = 0
        """How long the log is, as far as known."""
        self._kept_blocks = kept_blocks
        self._blocks: OrderedDict[int, bytearray] = OrderedDict()
        self._starts: dict[int, tuple[int, array[int]]] = {}

    # -- bytes

    def put(self, offset: int, data: bytes) -> None:
        """Take bytes from any place; a block whose beginning is not here is left out."""
        while data:
            number, inside = divmod(offset, BLOCK_BYTES)
            part, data = data[: BLOCK_BYTES - inside], data[BLOCK_BYTES - inside :]
            block = self._blocks.get(number)
            if block is None and not inside:
                block = self._blocks[number] = bytearray()
            if block is not None and len(block) >= inside:
                block[inside:] = part if len(block) <= inside + len(part) else block[inside:]
                self._blocks.move_to_end(number)
            offset += len(part)
            self.size = max(self.size, offset)
            self._forget()

    def grew(self, size: int) -> None:
        """Learn how long the log is."""
        self.size = max(self.size, size)

    def has(self, number: int) -> bool:
        """Whether all that there is of a block is here."""
        block = self._blocks.get(number)
        wanted = min(BLOCK_BYTES, self.size - number * BLOCK_BYTES)
        return wanted <= 0 or (block is not None and len(block) >= wanted)

    def _block(self, number: int) -> bytearray:
        block = self._blocks.get(number)
        if block is None or not self.has(number):
            raise Missing(number)
        self._blocks.move_to_end(number)
        return block

    def _forget(self) -> None:
        while len(self._blocks) > self._kept_blocks:
            number, _ = self._blocks.popitem(last=False)
            self._starts.pop(number, None)

    # -- lines

    def line_at(self, offset: int) -> int:
        """Where the line begins that an offset is in."""
        number = min(offset, self.size - 1) // BLOCK_BYTES
        while number > 0:
            starts = self._line_starts(number)
            place = bisect_right(starts, offset)
            if place:
                return starts[place - 1]
            number -= 1
        starts = self._line_starts(0)
        return starts[max(bisect_right(starts, offset) - 1, 0)] if starts else 0

    def next_line(self, start: int) -> int | None:
        """Where the line after the one at `start` begins."""
        for number in range(start // BLOCK_BYTES, self._last_block + 1):
            starts = self._line_starts(number)
            place = bisect_right(starts, start)
            if place < len(starts):
                return starts[place]
        return None

    def previous_line(self, start: int) -> int | None:
        """Where the line before the one at `start` begins."""
        return self.line_at(start - 1) if start > 0 else None

    def last_line(self) -> int | None:
        """Where the last line begins; None while there is none."""
        return self.line_at(self.size - 1) if self.size else None

    def line(self, start: int) -> bytes:
        """A line with its end."""
        end = self.next_line(start)
        return self.read(start, self.size if end is None else end)

    def read(self, start: int, end: int) -> bytes:
        """Bytes from one offset to another."""
        parts = []
        while start < end:
            number, inside = divmod(start, BLOCK_BYTES)
            part = bytes(self._block(number)[inside : inside + end - start])
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    @property
    def _last_block(self) -> int:
        return max(self.size - 1, 0) // BLOCK_BYTES

    def _line_starts(self, number: int) -> array[int]:
        if self.size <= number * BLOCK_BYTES:
            return array("Q")
        block = self._block(number)
        length, starts = self._starts.get(number, (-1, array("Q")))
        if length != len(block):
            before = bytes(self._block(number - 1)) if number else b""
            starts = line_starts(number * BLOCK_BYTES, bytes(block), before)
            self._starts[number] = (len(block), starts)
        return starts
