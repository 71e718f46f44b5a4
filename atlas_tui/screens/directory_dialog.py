"""Choosing the directory that a job is made of: those used lately, or one by its path."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from atlas_tui.directories import Found, completion, look
from atlas_tui.screens.list_dialog import ListDialog
from atlas_tui.widgets.text_entry import EntryLine
from foundations.text.terminal import clean


class DirectoryDialog(ListDialog[str]):
    """Tab goes on with the path, Enter takes it; the arrows choose one of the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "give_up", "Cancel"),
        ("down", "move(1)", "Down"),
        ("up", "move(-1)", "Up"),
        ("tab", "complete", "Complete"),
    ]

    def __init__(self, path: str, recent: Sequence[str]) -> None:
        super().__init__()
        self._path = path
        self._recent = [Found(one, "used lately") for one in recent]
        self._shown: list[Found] = []

    def compose(self) -> ComposeResult:
        """Lay out the list below a line to type into."""
        with Vertical(classes="dialog"):
            yield Static("Directory to copy", classes="title")
            yield Static("Tab goes on with the path, Enter takes what stands here", classes="faint")
            yield EntryLine(self._path, placeholder="~/code/my_project")
            yield OptionList()

    def on_mount(self) -> None:
        """Show what is there."""
        line = self.query_one(Input)
        line.cursor_position = len(line.value)
        self.query_one(OptionList).can_focus = False
        self._look(line.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what the path may become."""
        self._look(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the highlighted one or, when none is, the path."""
        place = self.query_one(OptionList).highlighted
        self.dismiss(event.value if place is None else self._shown[place].path)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the one that was clicked."""
        self.dismiss(self._shown[event.option_index].path)

    def action_move(self, rows: int) -> None:
        """Move the highlight; above the first one is the path itself."""
        options = self.query_one(OptionList)
        if rows < 0 and options.highlighted == 0:
            options.highlighted = None
        else:
            super().action_move(rows)

    def action_complete(self) -> None:
        """Go on with the path as far as there is no choice, or with the highlighted one."""
        line, options = self.query_one(Input), self.query_one(OptionList)
        if options.highlighted is not None:
            longer: str | None = self._shown[options.highlighted].path
        else:
            longer = completion(line.value, self._shown)
        if longer is not None:
            line.value = longer
            line.cursor_position = len(longer)

    @work(exclusive=True, group="look")
    async def _look(self, typed: str) -> None:
        found = await asyncio.to_thread(look, typed)
        recent = [one for one in self._recent if typed in one.path]
        self._shown = [*recent, *found]
        options = self.query_one(OptionList)
        options.clear_options()
        entries = [_entry(one.path, one.note) for one in recent]
        entries += [_entry(one.name, one.note) for one in found]
        options.add_options([Option(entry) for entry in entries])
        options.highlighted = None


def _entry(shown: str, note: str) -> Text:
    text = Text(clean(shown, one_line=True))
    if note:
        text.append(f"  {clean(note, one_line=True)}", "dim")
    return text
