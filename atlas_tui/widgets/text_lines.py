"""Where people type a few lines, which send no control character to the terminal."""

from __future__ import annotations

from textual.strip import Strip
from textual.widgets import TextArea

from atlas_tui.widgets.text_entry import harmless


class EntryLines(TextArea):
    """A few lines, which do not blink."""

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, tab_behavior="focus", highlight_cursor_line=False)
        self.cursor_blink = False

    def render_line(self, y: int) -> Strip:
        """Paint without what would control the terminal."""
        return harmless(super().render_line(y))
