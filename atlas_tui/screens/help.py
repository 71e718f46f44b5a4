"""The keys of a screen, by what they act on, each with the same on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from atlas_tui.action_table import on_screen
from atlas_tui.actions import Scope
from atlas_tui.keys import label
from foundations.terminal import clean

_TITLES = {
    Scope.JOBS: "The marked jobs, or the one under the cursor",
    Scope.QUEUE: "The queue",
    Scope.LIST: "The list",
    Scope.LOG: "The log",
    Scope.SCREEN: "Screens and the app",
}
_MOVING = (
    ("↑ ↓ j k", "up and down"),
    ("PgUp PgDn ^u ^d", "by pages, by half pages"),
    ("g G Home End", "first, last"),
    ("← →", "columns that do not fit"),
    ("Enter", "open"),
    ("Tab", "next pane"),
)
_KEYS_WIDTH = 12


class HelpScreen(ModalScreen[None]):
    """Scrolls; Esc, q and ? close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,f1", "leave", "Close"),
        ("down,j", "scroll(1)", "Down"),
        ("up,k", "scroll(-1)", "Up"),
        ("pagedown,ctrl+d,space", "scroll(15)", "Page down"),
        ("pageup,ctrl+u", "scroll(-15)", "Page up"),
        ("g,home", "scroll(-10000)", "Top"),
        ("G,end", "scroll(10000)", "Bottom"),
    ]

    def __init__(self, screen: str, *, scheduler: str, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._text = help_text(screen, scheduler=scheduler, keymap=keymap)
        self._about = screen

    def compose(self) -> ComposeResult:
        """Lay out title and keys."""
        with Vertical(classes="dialog help"):
            yield Static(f"Keys of {self._about.capitalize()}", classes="title")
            with VerticalScroll(can_focus=False):
                yield Static(self._text)
            yield Static(
                "Esc closes   j k PgDn scroll   docs/tui.md has all of it", classes="faint"
            )

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


def help_text(screen: str, *, scheduler: str, keymap: Mapping[str, str]) -> Text:
    """Write the keys of a screen."""
    text = Text()
    text.append("Moving\n", "bold")
    for keys, what in _MOVING:
        text.append(f"  {keys:{_KEYS_WIDTH + 5}}", "bold")
        text.append(f"{what}\n")
    offered = on_screen(screen)
    for scope, title in _TITLES.items():
        actions = [one for one in offered if one.scope is scope]
        if not actions:
            continue
        text.append(f"\n{title}\n", "bold")
        for one in actions:
            keys = label(one, keymap) or "(:)"
            text.append(f"  {keys:{_KEYS_WIDTH}}", "bold")
            text.append(f"{one.title:16} {one.help}\n")
            if one.cli:
                command = one.command(scheduler=clean(scheduler, one_line=True), ids=["ID"])
                text.append(f"  {'':{_KEYS_WIDTH}}{'':16} $ {command}\n", "dim")
    return text
