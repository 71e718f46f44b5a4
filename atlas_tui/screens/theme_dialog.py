"""Choosing the colours, which are shown while one chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from atlas_tui.looks import THEME_NAMES
from atlas_tui.screens.list_dialog import ListDialog

if TYPE_CHECKING:
    from atlas_tui.appearance import Appearance

_NOTES = {
    "atlas-dark": "dark",
    "atlas-light": "light",
    "ansi-dark": "the terminal's own colours, half the bytes",
    "ansi-light": "the same on a light background",
}


class ThemeDialog(ListDialog[str]):
    """The arrows show a theme, Enter keeps it, Esc brings back the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "give_up", "Cancel"),
        ("j", "move(1)", "Down"),
        ("k", "move(-1)", "Up"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical(classes="dialog"):
            yield Static("Colours", classes="title")
            yield OptionList(*[Option(f"{name}  {_NOTES[name]}") for name in THEME_NAMES])

    def on_mount(self) -> None:
        """Begin with the one that is worn."""
        self._before = self.app.theme
        options = self.query_one(OptionList)
        if self._before in THEME_NAMES:
            options.highlighted = THEME_NAMES.index(self._before)
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show it."""
        self._wear(THEME_NAMES[event.option_index])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Keep it."""
        self.dismiss(THEME_NAMES[event.option_index])

    def action_give_up(self) -> None:
        """Bring back the one before."""
        self._wear(self._before)
        self.dismiss(None)

    def _wear(self, theme: str) -> None:
        if theme != self.app.theme:
            cast("Appearance", self.app).wear(theme)
