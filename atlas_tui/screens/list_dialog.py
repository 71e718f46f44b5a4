"""What dialogs around a list of options have in common."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.screen import ModalScreen
from textual.widgets import OptionList

from atlas_tui.screens.dialog_size import list_height

T = TypeVar("T")


class ListDialog(ModalScreen[T | None]):
    """A dialog around one `OptionList`, which may be left without a choice."""

    ROWS_AROUND: ClassVar[int] = 10
    """The border, the space within it, the title, the line to type into, and what is between."""

    def on_resize(self) -> None:
        """Give the list the room that there is: what it highlights must be in sight."""
        self.query_one(OptionList).styles.max_height = list_height(
            self.size.height, around=self.ROWS_AROUND
        )

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
