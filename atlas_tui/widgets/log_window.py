"""A place in a log: moving about in it, also where it must be read first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from atlas_tui.action_table import ACTIONS
from atlas_tui.actions import Scope
from atlas_tui.keys import moving
from atlas_tui.log_layout import AllLines, Layout, Lines, Row
from atlas_tui.log_matches import Matches
from atlas_tui.log_store import LogStore, Missing
from atlas_tui.log_times import LogTimes
from atlas_tui.looks import Palette
from atlas_tui.sgr import PLAIN, Look

TIME_CELLS = 9
_SIDEWAYS_CELLS = 16
MARGIN_CELLS = 1
BAR_CELLS = 1
_OF_SEARCH = (("next_match",), ("previous_match",), ("case",))
"""What keys ask for that mean something else where nothing is searched."""


class LogWindow(Widget, can_focus=True):
    """Knows which rows of a log are on the screen, and stays there while more comes in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *moving(ends=("top", "end")),
        ("left", "sideways(-1)", "Left"),
        ("right", "sideways(1)", "Right"),
        *(
            Binding(one.keys, f"ask('{one.name}')", one.title, id=one.name, show=False)
            for one in ACTIONS
            if one.scope is Scope.LOG
        ),
    ]

    @dataclass
    class Wanted(Message):
        """Blocks that are not here."""

        first: int
        last: int

    @dataclass
    class Moved(Message):
        """The view shows another place, or follows or does not any more."""

    @dataclass
    class Asked(Message):
        """The user wants one of the log's actions."""

        name: str

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a search its keys are those of the screen, such as the letters of tabs."""
        is_of_search = action == "ask" and parameters[:1] in _OF_SEARCH
        return self.matches is not None or not is_of_search

    def __init__(self, *, palette: Palette) -> None:
        super().__init__()
        self.store = LogStore()
        self.times = LogTimes()
        self.matches: Matches | None = None
        self.current: int | None = None
        """The match that `n` went to last."""
        self.follows = True
        self.shows_times = False
        self.empty = ""
        """What stands there while there is no line."""
        self._palette = palette
        self._layout_of = Layout(AllLines(self.store))
        self._top = Row(0)
        self._skip = 0
        self._rows: list[tuple[Row, Look]] | None = None
        self._intent: Callable[[], None] | None = None

    # -- what is shown

    def show(self, store: LogStore, times: LogTimes) -> None:
        """Show another log, at its end."""
        self.store, self.times = store, times
        self.matches, self.current, self.follows = None, None, True
        self._top, self._skip, self._intent = Row(0), 0, None
        self.walk(AllLines(store))

    def walk(self, lines: Lines) -> None:
        """Show other lines of the log, at about the same place."""
        layout = Layout(lines)
        layout.wraps = self._layout_of.wraps
        self._layout_of = layout
        if self.follows:
            self.update()
        else:
            self.go_to(self._top.start)

    def update(self) -> None:
        """Lay out anew and paint: the log grew, or what is shown of it changed."""
        self._rows = None
        self.refresh()

    @property
    def wraps(self) -> bool:
        """Whether long lines are broken."""
        return self._layout_of.wraps

    @property
    def top(self) -> int:
        """Where the first line on the screen begins."""
        return self._top.start

    @property
    def bottom(self) -> int:
        """Where the last line on the screen begins."""
        return self._rows[-1][0].start if self._rows else self._top.start

    @property
    def is_filled(self) -> bool:
        """Whether the lines reach to the end of the screen."""
        return len(self._rows or ()) >= self.size.height

    @property
    def percent(self) -> int:
        """How much of the log is before the end of the screen."""
        if self.follows or not self.store.size:
            return 100
        return min(100, 100 * self.bottom // max(self.store.size - 1, 1))

    def visible_text(self) -> str:
        """The rows on the screen as plain text, a line of the log in one."""
        starts = dict.fromkeys(row.start for row, _ in self._rows or ())
        return "\n".join(self._layout_of.painted(start).text for start in starts)

    # -- moving

    def action_move(self, rows: int) -> None:
        """Scroll by some rows."""
        self._do(lambda: self._scroll(rows))

    def action_move_pages(self, pages: float) -> None:
        """Scroll by pages, or by a part of one."""
        self.action_move(int(pages * max(self.size.height - 1, 1)))

    def action_top(self) -> None:
        """Go to the first line."""
        self._do(lambda: self._put(Row(self._layout_of.lines.first() or 0)))

    def action_end(self) -> None:
        """Go to the last line, and along with it."""
        self.follow(on=True)

    def action_sideways(self, steps: int) -> None:
        """Scroll long lines sideways."""
        if not self.wraps:
            self._skip = max(0, self._skip + steps * _SIDEWAYS_CELLS)
            self.update()

    def action_ask(self, name: str) -> None:
        """Pass on an action of the log."""
        self.post_message(self.Asked(name))

    def follow(self, *, on: bool) -> None:
        """Go along with the end of the log, or stay here."""
        self._intent = None
        self.follows = on
        self.update()
        self.post_message(self.Moved())

    def wrap(self, *, on: bool) -> None:
        """Break long lines or cut them."""
        self._layout_of.wraps, self._skip = on, 0
        self._top = Row(self._top.start)
        self.update()

    def go_to(self, offset: int, *, rows_above: int = 0) -> None:
        """Show the line at an offset, with some rows above it."""

        def go() -> None:
            start = self._layout_of.lines.at(offset)
            if start is not None:
                self._put(self._layout_of.back(Row(start), rows_above))

        self._do(go)

    def arrived(self) -> None:
        """Go on with what waited for blocks that are here now."""
        if self._intent is not None:
            self._do(self._intent)
        else:
            self.update()

    def _scroll(self, rows: int) -> None:
        layout, height = self._layout_of, self.size.height
        top = layout.last_page(height) if self.follows else self._kept_top()
        if top is None or (self.follows and rows > 0):
            return
        if rows < 0:
            self._put(layout.back(top, -rows))
            return
        top = layout.forward(top, rows)
        if len(layout.rows(top, height + 1)) > height:
            self._put(top)
        else:
            self.follow(on=True)

    def _put(self, top: Row) -> None:
        self._top, self.follows = top, False
        self.update()
        self.post_message(self.Moved())

    def _do(self, intent: Callable[[], None]) -> None:
        """Do it now, or as soon as the blocks that it needs are here."""
        self._intent = None
        try:
            intent()
        except Missing as missing:
            self._intent = intent
            self.post_message(self.Wanted(missing.number - 1, missing.number + 1))

    def on_resize(self) -> None:
        """Lay out anew."""
        self.update()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll with the wheel."""
        self.action_move(-3)
        event.stop()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll with the wheel."""
        self.action_move(3)
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """Go to a place by the bar at the right."""
        if event.x >= self.size.width - BAR_CELLS and self.store.size:
            self.go_to(self.store.size * event.y // max(self.size.height, 1))

    # -- which rows

    @property
    def _text_cells(self) -> int:
        times = TIME_CELLS if self.shows_times else 0
        return max(self.size.width - MARGIN_CELLS - BAR_CELLS - times, 1)

    def _lay_out(self) -> list[tuple[Row, Look]]:
        """The rows that are on the screen; none when a block is missing for them."""
        layout = self._layout_of
        layout.width = self._text_cells
        try:
            if self.follows:
                self._top = layout.last_page(self.size.height) or Row(0)
            top = self._kept_top()
            rows = [] if top is None else layout.rows(top, self.size.height)
            if top is not None and len(rows) < self.size.height:
                rows = layout.rows(layout.back(top, self.size.height - len(rows)), self.size.height)
            return self._with_looks(rows)
        except Missing as missing:
            self.post_message(self.Wanted(missing.number - 1, missing.number + 1))
            return []

    def _kept_top(self) -> Row | None:
        """Where the screen begins: other lines may be shown now than those that it began with."""
        start = self._layout_of.lines.at(self._top.start)
        if start is None or start == self._top.start:
            return None if start is None else self._top
        return Row(start)

    def _with_looks(self, rows: list[Row]) -> list[tuple[Row, Look]]:
        """Let colours that a line leaves on go on in the next."""
        found: list[tuple[Row, Look]] = []
        look = self._layout_of.lines.look(rows[0].start) if rows else PLAIN
        for row in rows:
            if found and row.start != found[-1][0].start:
                look = self._layout_of.painted(found[-1][0].start, look).last_look
            found.append((row, look))
        return found
