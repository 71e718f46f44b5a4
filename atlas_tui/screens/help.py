"""The keys of a screen, by what they act on, each with the same on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from atlas_tui.action_table import on_screen
from atlas_tui.actions import Scope
from atlas_tui.keys import MOVING, label, moving
from foundations.text.terminal import clean

_TITLES = {
    Scope.JOBS: "The marked jobs, or the one under the cursor",
    Scope.QUEUE: "The queue",
    Scope.LIST: "The list",
    Scope.LOG: "The log",
    Scope.SCREEN: "Screens and the app",
}


class HelpScreen(ModalScreen[None]):
    """Scrolls; Esc, q and ? close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,f1", "leave", "Close"),
        *moving("scroll({})", "scroll_pages({})", ("scroll_edge(0)", "scroll_edge(1)")),
        ("space", "scroll_pages(1)", "Page down"),
    ]

    def __init__(self, screen: str, *, scheduler: str, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._lines = help_lines(screen, scheduler=scheduler, keymap=keymap)
        self._about = screen

    def compose(self) -> ComposeResult:
        """Lay out title and keys."""
        with Vertical(classes="dialog help"):
            yield Static(f"Keys of {self._about.capitalize()}", classes="title")
            with VerticalScroll(can_focus=False):
                yield Static(_table(self._lines))
            yield Static(
                "Esc closes   j k PgDn scroll   docs/tui.md has all of it", classes="faint"
            )

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: float) -> None:
        """Scroll by pages, or by a part of one."""
        self.action_scroll(int(pages * max(self.query_one(VerticalScroll).size.height - 1, 1)))

    def action_scroll_edge(self, bottom: int) -> None:
        """Scroll to the top or the bottom."""
        text = self.query_one(VerticalScroll)
        text.scroll_to(y=text.max_scroll_y if bottom else 0, animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the help; without keys it is the title of those that follow."""

    keys: str
    title: str
    help: str = ""
    command: str = ""


def help_lines(screen: str, *, scheduler: str, keymap: Mapping[str, str]) -> list[Line]:
    """The keys of a screen."""
    lines: list[Line] = []
    offered = on_screen(screen)
    for scope, title in _TITLES.items():
        actions = [one for one in offered if one.scope is scope]
        lines += [Line("", title)] if actions else []
        for one in actions:
            command = one.command(scheduler=clean(scheduler, one_line=True), ids=["ID"])
            lines.append(Line(label(one, keymap) or ":", one.title, one.help, command))
    return [*lines, Line("", "Moving"), *(Line(keys, what) for keys, what in MOVING)]


def _table(lines: Iterable[Line]) -> Table:
    """Lay the lines out so that what is long goes on below itself."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        if not line.keys:
            if table.row_count:
                table.add_row()
            table.add_row("", Text(line.title.upper(), "bold"))
            continue
        text = Text.assemble((line.title, "bold" if line.help else ""), "  ", line.help)
        if line.command:
            text.append(f"\n$ {line.command}", "dim")
        table.add_row(Text(line.keys, "bold"), text)
    return table
