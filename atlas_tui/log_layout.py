"""Which rows of which lines are on the screen, given where the screen begins; no widgets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from atlas_tui.log_store import LogStore
from atlas_tui.log_text import PaintedLine, look_before, paint_line
from atlas_tui.sgr import PLAIN, Look
from foundations.logs.lines import BLOCK_BYTES

if TYPE_CHECKING:
    from foundations.models import LogLine

_KEPT_LINES = 256


class Row(NamedTuple):
    """One row: a line, by where it begins, and which of its rows."""

    start: int
    number: int = 0


class Lines(Protocol):
    """Lines that can be walked through; each may raise `Missing`."""

    def first(self) -> int | None:
        """Where the first line begins."""

    def last(self) -> int | None:
        """Where the last line begins."""

    def at(self, offset: int) -> int | None:
        """The line that an offset is in, or the one before it."""

    def after(self, start: int) -> int | None:
        """The line after another."""

    def before(self, start: int) -> int | None:
        """The line before another."""

    def raw(self, start: int) -> bytes:
        """A line as it is in the log."""

    def look(self, start: int) -> Look:
        """The look that is left on where a line begins."""


class AllLines:
    """Every line of a log."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def first(self) -> int | None:
        """Where the first line begins."""
        return 0 if self._store.size else None

    def last(self) -> int | None:
        """Where the last line begins."""
        return self._store.last_line()

    def at(self, offset: int) -> int | None:
        """The line that an offset is in."""
        return self._store.line_at(offset) if self._store.size else None

    def after(self, start: int) -> int | None:
        """The line after another."""
        return self._store.next_line(start)

    def before(self, start: int) -> int | None:
        """The line before another."""
        return self._store.previous_line(start)

    def raw(self, start: int) -> bytes:
        """A line as it is in the log."""
        return self._store.line(start)

    def look(self, start: int) -> Look:
        """What the lines before it, in the same block, have left on."""
        return look_before(self._store.read(start // BLOCK_BYTES * BLOCK_BYTES, start))


class FoundLines:
    """Only the lines that a search has found, and their context."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        self._lines = lines
        """Grows while the search goes on."""

    def first(self) -> int | None:
        """Where the first line begins."""
        return self._lines[0].offset if self._lines else None

    def last(self) -> int | None:
        """Where the last line begins."""
        return self._lines[-1].offset if self._lines else None

    def at(self, offset: int) -> int | None:
        """The line that an offset is in, or the one before it."""
        return self._lines[max(self._place(offset + 1) - 1, 0)].offset if self._lines else None

    def after(self, start: int) -> int | None:
        """The line after another."""
        place = bisect_right(self._lines, start, key=_offset)
        return self._lines[place].offset if place < len(self._lines) else None

    def before(self, start: int) -> int | None:
        """The line before another."""
        place = self._place(start)
        return self._lines[place - 1].offset if place else None

    def raw(self, start: int) -> bytes:
        """A line as the scheduler answered it."""
        return self._lines[self._place(start)].text.encode("utf-8", "replace")

    def look(self, start: int) -> Look:
        """Nothing: the lines before are not here."""
        return PLAIN

    def is_gap(self, start: int) -> bool:
        """Whether lines before this one are left out."""
        place = self._place(start)
        if not place:
            return False
        before = self._lines[place - 1]
        return before.offset + before.size_bytes != start

    def _place(self, start: int) -> int:
        return bisect_left(self._lines, start, key=_offset)


class Layout:
    """Walks through the rows of lines, and paints each line once as long as it is in sight."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.width = 80
        self.wraps = False
        self._painted: OrderedDict[tuple[bytes, Look], PaintedLine] = OrderedDict()

    def painted(self, start: int, look: Look = PLAIN) -> PaintedLine:
        """A line, ready to be painted."""
        raw = self.lines.raw(start)
        line = self._painted.get((raw, look))
        if line is None:
            line = self._painted[raw, look] = paint_line(raw, look)
            if len(self._painted) > _KEPT_LINES:
                self._painted.popitem(last=False)
        return line

    def height(self, start: int) -> int:
        """How many rows a line takes."""
        return len(self.painted(start).rows(self.width)) if self.wraps else 1

    def rows(self, top: Row, count: int) -> list[Row]:
        """So many rows from one on, fewer when the log ends before."""
        found: list[Row] = []
        start, number = top
        while len(found) < count:
            found += [Row(start, one) for one in range(number, self.height(start))]
            after = self.lines.after(start)
            if after is None:
                break
            start, number = after, 0
        return found[:count]

    def back(self, row: Row, count: int) -> Row:
        """The row so many before another, the first when there are not as many."""
        start, number = row
        while count > number:
            count -= number + 1
            before = self.lines.before(start)
            if before is None:
                return Row(start, 0)
            start, number = before, self.height(before) - 1
        return Row(start, number - count)

    def forward(self, row: Row, count: int) -> Row:
        """The row so many behind another, the last when there are not as many."""
        start, number = row
        while number + count >= (height := self.height(start)):
            after = self.lines.after(start)
            if after is None:
                return Row(start, height - 1)
            count -= height - number
            start, number = after, 0
        return Row(start, number + count)

    def last_page(self, count: int) -> Row | None:
        """The row to begin with so that the last row is at the bottom of so many."""
        last = self.lines.last()
        if last is None:
            return None
        return self.back(Row(last, self.height(last) - 1), count - 1)


def _offset(line: LogLine) -> int:
    return line.offset
