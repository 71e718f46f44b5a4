"""What dialogs around a list of options have in common."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen
from textual.widgets import OptionList

T = TypeVar("T")


class ListDialog(ModalScreen[T | None]):
    """A dialog around one `OptionList`, which may be left without a choice."""

    def action_move(self, rows: int) -> None:
        """Move the highlight."""
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_give_up(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
