"""One line of a log as it is painted: cleaned, coloured, cut into rows by cells."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style

from atlas_tui import sgr
from atlas_tui.sgr import PLAIN, Look
from foundations.logs.lines import shown
from foundations.text.terminal import LogText

TAB_CELLS = 8
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PaintedLine:
    """The text of a line, and from which character on it has which look."""

    text: str
    changes: tuple[tuple[int, Look], ...]
    """Where the look changes, in order; the first is at 0."""
    is_narrow: bool
    """Whether every character takes one cell."""

    @property
    def last_look(self) -> Look:
        """The look that goes on behind it."""
        return self.changes[-1][1]

    def cells(self) -> int:
        """How wide it is."""
        return len(self.text) if self.is_narrow else cell_len(self.text)

    def rows(self, width: int) -> Sequence[int]:
        """Where the rows begin when it is broken into rows of so many cells."""
        if self.is_narrow:
            return range(0, max(len(self.text), 1), width)
        return _rows(self.text, width)

    def cut(self, first_cell: int, cells: int) -> tuple[int, int]:
        """The characters between two places, counted in cells."""
        if self.is_narrow:
            return first_cell, first_cell + cells
        used, begin = 0, None
        for place, character in enumerate(self.text):
            size = get_character_cell_size(character)
            if begin is None and used >= first_cell:
                begin = place
            used += size
            if used > first_cell + cells:
                return (place if begin is None else begin), place
        return (len(self.text) if begin is None else begin), len(self.text)

    def segments(
        self,
        begin: int,
        end: int,
        base: Style,
        spans: Sequence[Span],
        mark: Style,
        *,
        in_colour: bool = True,
    ) -> list[Segment]:
        """Paint the characters from `begin` to `end`, with those in `spans` marked.

        Without colours only bold and the like are left of what the job wrote.
        """
        end = min(end, len(self.text))
        near = self.changes[self._change_at(begin) : self._change_at(end) + 1]
        edges = {begin, end, *(place for place, _ in near)}
        edges.update(place for span in spans for place in span)
        places = sorted(place for place in edges if begin <= place <= end)
        segments = []
        for first, last in pairwise(places):
            look = self.changes[self._change_at(first)][1]
            style = base + look.style(in_colour=in_colour) if look is not PLAIN else base
            if any(a <= first < b for a, b in spans):
                style += mark
            segments.append(Segment(self.text[first:last], style))
        return segments

    def _change_at(self, place: int) -> int:
        """The number of the look that a character has."""
        return bisect_right(self.changes, place, key=_place_of) - 1


def _place_of(change: tuple[int, Look]) -> int:
    return change[0]


@lru_cache(maxsize=32)
def _rows(text: str, width: int) -> tuple[int, ...]:
    begins, used = [0], 0
    for place, character in enumerate(text):
        size = get_character_cell_size(character)
        used += size
        if used > width and size <= width:
            begins.append(place)
            used = size
    return tuple(begins)


def paint_line(raw: bytes, look: Look = PLAIN) -> PaintedLine:
    """Make a line of a log fit to be painted.

    Args:
        raw: as it is in the log.
        look: what the lines before have left on.
    """
    # With a newline behind it nothing is held back as unfinished.
    text = LogText(colour=True).feed(shown(raw) + b"\n")[:-1]
    if "\x1b" not in text and "\t" not in text:
        return PaintedLine(text, ((0, look),), is_narrow=_is_narrow(text))
    written: list[str] = []
    changes = [(0, look)]
    length = cells = 0
    for number, part in enumerate(sgr.SEQUENCE.split(text)):
        if number % 2:
            look = sgr.after(look, part)
            changes.append((length, look))
            continue
        expanded = _expanded(part, cells)
        written.append(expanded)
        length += len(expanded)
        cells += cell_len(expanded)
    whole = "".join(written)
    return PaintedLine(whole, tuple(changes), is_narrow=_is_narrow(whole))


def _is_narrow(text: str) -> bool:
    return text.isascii()


def _expanded(text: str, cells: int) -> str:
    """Put spaces in the place of tabs, in a line that has so many cells already."""
    if "\t" not in text:
        return text
    parts: list[str] = []
    for part in text.split("\t"):
        if parts:
            gap = TAB_CELLS - cells % TAB_CELLS
            parts.append(" " * gap)
            cells += gap
        parts.append(part)
        cells += cell_len(part)
    return "".join(parts)


def look_before(data: bytes) -> Look:
    """What the colours in some bytes amount to, from the last one that puts all back."""
    if b"\x1b[" not in data:
        return PLAIN
    begin = max(data.rfind(b"\x1b[0m"), data.rfind(b"\x1b[m"), 0)
    look = PLAIN
    for match in sgr.SEQUENCE.finditer(data[begin:].decode("latin-1")):
        look = sgr.after(look, match[1])
    return look
