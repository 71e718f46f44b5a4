"""Lines to read and scroll through, painted one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from atlas_tui.keys import moving
from foundations.text.terminal import display_width

PaneLine = str | Text | Strip
_WIDTH_KNOWN_LINES = 2_000
"""So many lines are measured, to know how far the pane goes sideways."""


class TextPane(ScrollView, can_focus=True):
    """Shows lines that were cleaned before; only those in sight cost anything."""

    DEFAULT_CSS = """
    TextPane { height: 1fr; scrollbar-size: 1 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving("scroll_lines({})", "scroll_pages({})", ("go_end(0)", "go_end(1)")),
        ("left,h", "scroll_sideways(-8)", "Left"),
        ("right", "scroll_sideways(8)", "Right"),
    ]

    class Resized(Message):
        """The pane has another size; who fitted its lines may do so again."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[PaneLine] = ()
        self._left = 0
        self._widest = 0

    @property
    def lines(self) -> Sequence[PaneLine]:
        """What is shown."""
        return self._lines

    def show(
        self, lines: Sequence[PaneLine], *, keep_place: bool = False, widest: int | None = None
    ) -> None:
        """Show other lines, from the top unless the place is to be kept.

        Args:
            lines: what to show; only those in sight are looked at when `widest` is known.
            keep_place: whether to stay where the pane is scrolled to.
            widest: how wide the widest line is.
        """
        if keep_place and len(lines) == len(self._lines):
            if widest is not None:
                self._widest = widest
            self._change(lines)
            return
        self._lines = lines
        if widest is None:
            widest = max(map(_width, lines[:_WIDTH_KNOWN_LINES]), default=0)
        self._widest = widest
        self.virtual_size = Size(self.size.width, len(lines))
        if not keep_place:
            self._left = 0
            self.scroll_to(y=0, animate=False, immediate=True)
        self.refresh()

    def _change(self, lines: Sequence[PaneLine]) -> None:
        """Take over as many lines as there were, and paint those in sight that differ."""
        before, self._lines = self._lines, lines
        top = self.scroll_offset.y
        for number in range(top, min(top + self.size.height, len(lines))):
            if before[number] != lines[number]:
                self.refresh(Region(0, number - top, self.size.width, 1))

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self._go(self.scroll_offset.y + lines)

    def action_scroll_pages(self, pages: float) -> None:
        """Scroll by pages, or by a part of one."""
        self._go(self.scroll_offset.y + int(pages * max(self.size.height - 1, 1)))

    def action_go_end(self, bottom: int) -> None:
        """Scroll to the top or the bottom."""
        self._go(len(self._lines) if bottom else 0)

    def action_scroll_sideways(self, cells: int) -> None:
        """Move long lines sideways."""
        most = max(self._widest - self.size.width, 0)
        self._left = max(0, min(self._left + cells, most))
        self.refresh()

    def _go(self, line: int) -> None:
        most = max(len(self._lines) - self.size.height, 0)
        self.scroll_to(y=max(0, min(line, most)), animate=False, immediate=True)

    def on_resize(self) -> None:
        """Fit the scroll bar."""
        self.virtual_size = Size(self.size.width, len(self._lines))
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, base = self.size.width, self.rich_style
        number = self.scroll_offset.y + y
        if number >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[number]
        if isinstance(line, str):
            strip = Strip([Segment(line, base)])
        elif isinstance(line, Text):
            strip = painted(line, self.app.console).apply_style(base)
        else:
            strip = line.apply_style(base)
        return strip.crop(self._left, self._left + width).adjust_cell_length(width, base)


def painted(text: Text, console: Console) -> Strip:
    """A text as a strip, with the style of the whole, which rich forgets when there is no other."""
    strip = Strip(text.render(console))
    return strip.apply_style(console.get_style(text.style)) if text.style else strip


def _width(line: PaneLine) -> int:
    if isinstance(line, str):
        return display_width(line)
    return line.cell_len if isinstance(line, Text) else line.cell_length
