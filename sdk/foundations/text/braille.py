"""A canvas of dots for the terminal: two by four of them in each character cell."""

from __future__ import annotations

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bit of each dot in a cell, by column and row (Unicode's braille patterns)."""
_BLANK = 0x2800
_MARK_SHIFTS = 4
PENS = ("36", "33", "35", "32", "34", "31")
"""Colours of the pens, as ANSI codes; later pens begin again with the first."""


class Canvas:
    """Dots of several pens; where they meet in one cell, the last pen colours it."""

    def __init__(self, *, columns: int, rows: int) -> None:
        self.width = 2 * columns
        """In dots, counted from the left."""
        self.height = 4 * rows
        """In dots, counted from the top."""
        self._bits = [[0] * columns for _ in range(rows)]
        self._pens = [[0] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, *, pen: int) -> None:
        """Draw one dot; it must be on the canvas."""
        row, column = y // 4, x // 2
        self._bits[row][column] |= _DOTS[x % 2][y % 4]
        self._pens[row][column] = pen

    def line(self, start: tuple[int, int], end: tuple[int, int], *, pen: int) -> None:
        """Draw a straight line between two dots that are on the canvas."""
        (x, y), width, height = start, end[0] - start[0], end[1] - start[1]
        steps = max(abs(width), abs(height), 1)
        for step in range(steps + 1):
            self.dot(x + round(step * width / steps), y + round(step * height / steps), pen=pen)

    def mark(self, x: int, y: int, character: str, *, pen: int) -> None:
        """Put a character into a dot's cell, or a little left of it when one is there already."""
        row, column = y // 4, x // 2
        for place in range(column, max(column - _MARK_SHIFTS, -1), -1):
            if (row, place) not in self._marks:
                self._marks[row, place] = character
                self._pens[row][place] = pen
                return

    def row(self, number: int, *, braille: bool = True) -> list[tuple[str, int]]:
        """Return the character and the pen of each cell of a row."""
        return [
            (self._glyph(number, column, braille=braille), pen)
            for column, pen in enumerate(self._pens[number])
        ]

    def lines(self, *, colour: bool, braille: bool = True) -> list[str]:
        """Return the rows as text, with ANSI colours or without.

        Without `braille` each cell that has a dot is an asterisk, for terminals that cannot more.
        """
        return [self._line(row, colour=colour, braille=braille) for row in range(len(self._bits))]

    def _line(self, row: int, *, colour: bool, braille: bool) -> str:
        text, current = "", None
        for glyph, pen in self.row(row, braille=braille):
            wanted = pen if colour and glyph != " " else current
            if wanted != current:
                text += f"\x1b[{PENS[pen % len(PENS)]}m"
                current = wanted
            text += glyph
        text = text.rstrip()
        return text if current is None else f"{text}\x1b[0m"

    def _glyph(self, row: int, column: int, *, braille: bool) -> str:
        bits = self._bits[row][column]
        mark = self._marks.get((row, column))
        if mark is not None:
            return mark
        if not bits:
            return " "
        return chr(_BLANK + bits) if braille else "*"
