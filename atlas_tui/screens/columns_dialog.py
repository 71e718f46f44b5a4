"""Choosing the columns of the list, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from atlas_tui.columns import column, names
from atlas_tui.screens.list_dialog import ListDialog
from atlas_tui.widgets.text_entry import EntryLine
from foundations.text.terminal import clean


class ColumnsDialog(ListDialog[tuple[str, ...]]):
    """Enter puts a column in or out; typing finds one, also one that no job in sight has."""

    ROWS_AROUND: ClassVar[int] = 11
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "give_up", "Cancel"),
        ("down", "move(1)", "Down"),
        ("up", "move(-1)", "Up"),
        ("shift+up,ctrl+up", "shift(-1)", "Further left"),
        ("shift+down,ctrl+down", "shift(1)", "Further right"),
        ("ctrl+o", "accept", "Use these"),
    ]

    def __init__(self, chosen: Sequence[str], recorded: Sequence[str]) -> None:
        super().__init__()
        self._chosen = list(chosen)
        self._known = [*dict.fromkeys([*names(), *recorded])]
        self._shown: list[str] = []

    def compose(self) -> ComposeResult:
        """Lay out the list below a line to type into."""
        with Vertical(classes="dialog"):
            yield Static("Columns", classes="title")
            yield Static(
                "Enter puts one in or out, Shift+arrows move it, Ctrl+O uses these", classes="faint"
            )
            yield EntryLine(placeholder="type to find, such as metric.loss, param.lr, tag.best")
            yield OptionList()

    def on_mount(self) -> None:
        """Show the chosen ones first."""
        self.query_one(OptionList).can_focus = False
        self._list(0)

    def on_input_changed(self) -> None:
        """Show those that match."""
        self._list(0)

    def on_input_submitted(self) -> None:
        """Put the highlighted column in or out."""
        name = self._highlighted
        if name is None:
            return
        place = self.query_one(OptionList).highlighted or 0
        if name in self._chosen:
            self._chosen.remove(name)
        else:
            self._chosen.append(name)
        self.query_one(Input).value = ""
        self._list(place)

    def action_shift(self, by: int) -> None:
        """Move a chosen column among the others."""
        name = self._highlighted
        if name not in self._chosen:
            return
        place = self._chosen.index(name)
        other = max(0, min(place + by, len(self._chosen) - 1))
        self._chosen.insert(other, self._chosen.pop(place))
        self._list(other)

    def action_accept(self) -> None:
        """Close with the columns."""
        self.dismiss(tuple(self._chosen) or None)

    @property
    def _highlighted(self) -> str | None:
        place = self.query_one(OptionList).highlighted
        return None if place is None or not self._shown else self._shown[place]

    def _list(self, highlighted: int) -> None:
        typed = self.query_one(Input).value.strip()
        rest = [name for name in self._known if name not in self._chosen]
        self._shown = [name for name in [*self._chosen, *rest] if typed.lower() in name.lower()]
        if typed and typed not in self._shown and _exists(typed):
            self._shown.append(typed)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._entry(name)) for name in self._shown])
        if self._shown:
            options.highlighted = min(highlighted, len(self._shown) - 1)

    def _entry(self, name: str) -> Text:
        sign = "[x] " if name in self._chosen else "[ ] "
        text = Text(f"{sign}{clean(name, one_line=True):14}")
        title = clean(column(name).title, one_line=True)
        return text if title.casefold() == name.casefold() else text.append(f"  {title}", "dim")


def _exists(name: str) -> bool:
    try:
        column(name)
    except ValueError:
        return False
    return True
