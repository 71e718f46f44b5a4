"""Asks for one of several; typing narrows them down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from atlas_tui.choice_lines import ChoiceLines
from atlas_tui.messages import Choice
from atlas_tui.screens.dialog_size import dialog_width
from atlas_tui.screens.list_dialog import ListDialog
from atlas_tui.widgets.text_entry import EntryLine
from foundations.text.terminal import clean

_MARGIN = 2
"""What is left and right of an entry."""
_SCROLLBAR = 2


class PickDialog(ListDialog[str]):
    """Asks for one of several; typing narrows them down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "give_up", "Cancel"),
        ("down", "move(1)", "Down"),
        ("up", "move(-1)", "Up"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._shown: list[Choice] = []
        self._lines = ChoiceLines(choices)
        self._width = 0
        """How wide the list is that the entries were made for."""

    def compose(self) -> ComposeResult:
        """Lay out the list below a line to type into."""
        with Vertical(classes="dialog") as dialog:
            dialog.styles.width = dialog_width(self._lines.natural_width + _MARGIN + _SCROLLBAR)
            yield Static(Text(clean(self._title)), classes="title")
            yield EntryLine(placeholder="type to narrow down")
            yield OptionList()

    def on_mount(self) -> None:
        """Show all."""
        self.query_one(OptionList).can_focus = False
        self._narrow("")

    def on_resize(self) -> None:
        """Break the lines anew."""
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        options = self.query_one(OptionList)
        if options.scrollable_content_region.width != self._width:
            place = options.highlighted
            self._show()
            options.highlighted = place

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those that match, the best first."""
        self._narrow(event.value)

    def on_input_submitted(self) -> None:
        """Take the one that is highlighted."""
        place = self.query_one(OptionList).highlighted
        if place is not None and self._shown[place].disabled is None:
            self.dismiss(self._shown[place].key)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the one that was clicked."""
        self.dismiss(self._shown[event.option_index].key)

    def _narrow(self, typed: str) -> None:
        matcher = Matcher(typed)
        scored = [
            (matcher.match(f"{one.text} {one.note}") if typed else 1.0, one)
            for one in self._choices
        ]
        scored = [pair for pair in scored if pair[0] > 0]
        scored.sort(key=lambda pair: -pair[0])
        self._shown = [one for _, one in scored]
        self._show()
        if self._shown:
            self.query_one(OptionList).highlighted = 0

    def _show(self) -> None:
        options = self.query_one(OptionList)
        self._width = options.scrollable_content_region.width
        width = self._width - _MARGIN
        options.clear_options()
        options.add_options(
            [
                Option(self._lines.entry(one, width), disabled=one.disabled is not None)
                for one in self._shown
            ]
        )
        if not self._shown:
            options.add_option(Option("nothing is called like that", disabled=True))
