"""A pane of ready lines that scrolls; only those in sight are painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LinePane(ScrollView, can_focus=True):
    """Shows lines of text, each already cleaned."""

    DEFAULT_CSS = """
    LinePane { height: 1fr; scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,j", "scroll_lines(1)", "Down"),
        ("up,k", "scroll_lines(-1)", "Up"),
        ("pagedown", "scroll_pages(1)", "Page down"),
        ("pageup", "scroll_pages(-1)", "Page up"),
        ("ctrl+d", "scroll_pages(0.5)", "Half page down"),
        ("ctrl+u", "scroll_pages(-0.5)", "Half page up"),
        ("home,g", "scroll_lines(-1000000000)", "Top"),
        ("end,G", "scroll_lines(1000000000)", "Bottom"),
        ("left", "scroll_columns(-8)", "Left"),
        ("right", "scroll_columns(8)", "Right"),
    ]

    def __init__(self, lines: Sequence[Text] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = lines

    def show(self, lines: Sequence[Text], *, keep_place: bool = False) -> None:
        """Show other lines, from their top unless the place is to be kept."""
        if keep_place and lines == self._lines:
            return
        self._lines = lines
        width = max((line.cell_len for line in lines), default=0)
        self.virtual_size = Size(width, len(lines))
        if not keep_place:
            self.scroll_to(0, 0, animate=False, immediate=True)
        self.refresh()

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: float) -> None:
        """Scroll by pages, or by a part of one."""
        self.action_scroll_lines(int(pages * max(self.size.height - 1, 1)))

    def action_scroll_columns(self, columns: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + columns, animate=False, immediate=True)

    def on_mount(self) -> None:
        """Measure the lines that it began with."""
        self.show(self._lines)

    def render_line(self, y: int) -> Strip:
        """Paint the line that is scrolled there."""
        left, top = self.scroll_offset
        style, width = self.rich_style, self.size.width
        if top + y >= len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[top + y]
        # A text without spans renders without its own style.
        segments = line.render(self.app.console)
        own = self.app.console.get_style(line.style)
        strip = Strip(Segment.apply_style(segments, own), line.cell_len).apply_style(style)
        return strip.crop(left, left + width).adjust_cell_length(width, style)
