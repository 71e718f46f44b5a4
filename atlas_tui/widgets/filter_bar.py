"""The line that a filter is typed into, with completion and a mark under what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input, Static

from atlas_tui.filter_words import Trouble, Vocabulary
from atlas_tui.widgets.text_entry import EntryLine
from foundations.text.terminal import clean

_ROOM_FOR_TEXT = 20
"""A mark further to the right leaves no room to say what is wrong."""
TYPING_PAUSE_SECONDS = 0.25
"""A filter is asked for once the user has not typed for so long."""


class FilterBar(Vertical):
    """Tells of each filter that is typed; what is wrong with it is shown below."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; }
    FilterBar.open { display: block; }
    FilterBar Input { background: $panel; }
    FilterBar .trouble { height: auto; max-height: 2; color: $error; display: none; }
    FilterBar .trouble.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back to the list", show=False),
        Binding("down", "leave", "Back to the list", show=False),
        Binding("up", "recall", "Filter before", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]

    @dataclass
    class Changed(Message):
        """The user wants another filter."""

        filter: str

    @dataclass
    class Left(Message):
        """The user has finished typing."""

        filter: str
        is_meant: bool = False
        """Whether Enter was pressed: what is wrong with the filter is not passed over then."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._pause: Timer | None = None
        self.recent: list[str] = []
        """Filters of before, the latest last."""
        self._recalled = 0
        self._refused: str | None = None
        """The filter in which something is wrong."""

    def compose(self) -> ComposeResult:
        """Lay out the line, and the place for what is wrong."""
        suggester = _Completion(self._vocabulary)
        placeholder = "state:failed or metric.val_acc > 0.9  sort:-metric.val_acc"
        yield EntryLine(placeholder=placeholder, suggester=suggester)
        yield Static(classes="trouble")

    @property
    def value(self) -> str:
        """The filter as it is typed."""
        return self.query_one(Input).value.strip()

    def open(self, filter: str) -> None:
        """Let the user type, beginning with a filter."""
        self.add_class("open")
        line = self.query_one(Input)
        with line.prevent(Input.Changed):
            line.value = filter
        line.cursor_position = len(filter)
        self._recalled = 0
        line.focus()

    def close(self) -> None:
        """Go out of sight."""
        self.remove_class("open")
        self.show_trouble(None)

    @property
    def has_trouble(self) -> bool:
        """Whether the filter as it stands there was refused."""
        return self._refused == self.value

    def show_trouble(self, trouble: Trouble | None) -> None:
        """Show what is wrong, with a mark under the place."""
        line = self.query_one(".trouble", Static)
        line.set_class(trouble is not None, "shown")
        self._refused = None if trouble is None else self.value
        if trouble is not None:
            mark = "" if trouble.column is None else " " * (trouble.column - 1) + "^ "
            if len(mark) + _ROOM_FOR_TEXT > self.size.width:
                mark = f"Column {trouble.column}: "  # which is out of sight
            line.update(Text(f"{mark}{clean(trouble.text, one_line=True)}", overflow="fold"))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(TYPING_PAUSE_SECONDS, self._tell)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave(is_meant=True)

    def _tell(self) -> None:
        self._pause = None
        self.post_message(self.Changed(self.value))

    def action_leave(self) -> None:
        """Apply the filter when it can be, and go back to the list."""
        self._leave(is_meant=False)

    def _leave(self, *, is_meant: bool) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._tell()
        if self.value and not self.has_trouble and self.value not in self.recent[-1:]:
            self.recent = [*[one for one in self.recent if one != self.value][-20:], self.value]
        self.post_message(self.Left(self.value, is_meant=is_meant))

    def action_recall(self) -> None:
        """Type a filter of before."""
        if self._recalled < len(self.recent):
            self._recalled += 1
            line = self.query_one(Input)
            line.value = self.recent[-self._recalled]
            line.cursor_position = len(line.value)

    def action_complete(self) -> None:
        """Take the completion that is shown faintly."""
        line = self.query_one(Input)
        completed = self._vocabulary.completion(line.value)
        if completed is not None:
            line.value = completed
            line.cursor_position = len(completed)


class _Completion(Suggester):
    """Shows how the last word may go on."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._vocabulary = vocabulary

    async def get_suggestion(self, value: str) -> str | None:
        """Complete the whole line."""
        return self._vocabulary.completion(value)
