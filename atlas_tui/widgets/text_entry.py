"""Where people type a line that sends no control character to the terminal.

What stands there may come from a job, such as the command that is to run again.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.suggester import Suggester
from textual.widgets import Input

from foundations.text.terminal import clean


class EntryLine(Input):
    """One line. Its cursor does not blink: each blink is sent over the line to the terminal."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        suggester: Suggester | None = None,
        is_replaced: bool = False,
        id: str | None = None,
    ) -> None:
        """Begin with a value; with `is_replaced` what is typed takes its place."""
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=suggester,
            select_on_focus=is_replaced,
            compact=True,
            id=id,
        )
        self.cursor_blink = False

    def render_line(self, y: int) -> Strip:
        """Paint without what would control the terminal."""
        return harmless(super().render_line(y))


def harmless(strip: Strip) -> Strip:
    """Replace what would control the terminal by visible symbols; the width stays."""
    if all(clean(segment.text, one_line=True) == segment.text for segment in strip):
        return strip
    cleaned = [
        Segment(clean(segment.text, one_line=True), segment.style, segment.control)
        for segment in strip
    ]
    return Strip(cleaned).adjust_cell_length(strip.cell_length)
