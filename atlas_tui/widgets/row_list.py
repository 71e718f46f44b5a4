"""A list of rows with a cursor, painted one by one; what a row looks like is up to its owner."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from atlas_tui.keys import moving
from atlas_tui.widgets.text_pane import painted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drawing(Generic[T]):
    """How rows are told apart and look."""

    key: Callable[[T], str]
    draw: Callable[[T, int], Text]
    """The text of a row, given the width, and cleaned."""
    header: Callable[[int], str] | None = None
    """The line above, given the width."""


class RowList(ScrollView, Generic[T], can_focus=True):
    """Keeps its cursor on a row while rows come and go around it."""

    DEFAULT_CSS = """
    RowList { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    RowList > .rows--header { color: $text-muted; text-style: bold; background: $panel; }
    RowList > .rows--cursor { background: $primary 30%; text-style: bold; }
    RowList:ansi > .rows--cursor { background: $background; text-style: bold reverse; }
    RowList > .rows--resting { background: $panel; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--header", "rows--cursor", "rows--resting"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving(),
        ("enter", "open", "Open"),
        ("space", "choose", "Choose"),
    ]

    class Highlighted(Message):
        """The cursor is on another row, or on none."""

    class Opened(Message):
        """The user pressed Enter on a row, or clicked it twice."""

    class Toggled(Message):
        """The user pressed the space bar on a row."""

    def __init__(
        self,
        drawing: Drawing[T],
        *,
        empty: str = "Nothing here.",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty = empty
        """What stands there when there is no row."""
        self._drawing = drawing
        self._rows: Sequence[T] = ()
        self.cursor = 0
        """Place of the row that is highlighted."""

    @property
    def row(self) -> T | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def rows(self) -> Sequence[T]:
        """All rows."""
        return self._rows

    def show(self, rows: Sequence[T]) -> None:
        """Show other rows; the cursor stays on the row it is on when that is still there."""
        before = None if self.row is None else self._drawing.key(self.row)
        self._rows = rows
        places = (n for n, one in enumerate(rows) if self._drawing.key(one) == before)
        self.cursor = next(places, max(0, min(self.cursor, len(rows) - 1)))
        self._fit()
        self.refresh()
        if before is None or self.row is None or self._drawing.key(self.row) != before:
            self.post_message(self.Highlighted())

    # -- moving

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._go(self.cursor + rows)

    def action_move_pages(self, pages: float) -> None:
        """Move the cursor by pages, or by a part of one."""
        self._go(self.cursor + int(pages * max(self._height - 1, 1)))

    def action_go(self, place: int) -> None:
        """Move the cursor to a place; -1 is the last."""
        self._go(len(self._rows) - 1 if place < 0 else place)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.row is not None:
            self.post_message(self.Opened())

    def action_choose(self) -> None:
        """Choose the row under the cursor, or no longer."""
        if self.row is not None:
            self.post_message(self.Toggled())

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self._rows) - 1))
        if place == self.cursor:
            return
        before, self.cursor = self.cursor, place
        top = self.scroll_offset.y
        wanted = min(place, max(top, place - self._height + 1))
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)
            self.refresh()
        else:
            self._paint(before)
            self._paint(place)
        self.post_message(self.Highlighted())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click opens."""
        place = self.scroll_offset.y + event.y - self._header_lines
        if event.y >= self._header_lines and place < len(self._rows):
            self._go(place)
            if event.chain == 2:
                self.action_open()

    # -- painting

    @property
    def _header_lines(self) -> int:
        return 0 if self._drawing.header is None else 1

    @property
    def _height(self) -> int:
        return max(self.size.height - self._header_lines, 1)

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + self._header_lines)

    def on_resize(self) -> None:
        """Fit the scroll bar."""
        self._fit()

    def on_focus(self) -> None:
        """Show that the cursor is here."""
        self._paint(self.cursor)

    def on_blur(self) -> None:
        """Show that the cursor is elsewhere."""
        self._paint(self.cursor)

    def _paint(self, place: int) -> None:
        line = place - self.scroll_offset.y + self._header_lines
        if self._header_lines <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, base = self.size.width, self.rich_style
        if self._drawing.header is not None and y == 0:
            style = self.get_component_rich_style("rows--header")
            return self._strip(Text(self._drawing.header(width)), width, style)
        place = self.scroll_offset.y + y - self._header_lines
        if place >= len(self._rows):
            lines = [] if self._rows else textwrap.wrap(self.empty, max(width - 2, 8))
            shown = dict(enumerate(lines)).get(y - self._header_lines, "")
            return self._strip(Text(f" {shown}"), width, base)
        style = base
        if place == self.cursor:
            name = "cursor" if self.has_focus else "resting"
            style = self.get_component_rich_style(f"rows--{name}")
        return self._strip(self._drawing.draw(self._rows[place], width), width, style)

    def _strip(self, text: Text, width: int, style: Style) -> Strip:
        strip = painted(text, self.app.console).apply_style(style)
        return strip.crop(0, width).adjust_cell_length(width, style)
