"""One field of a form: its name, a line or a few to type into, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input, Static, TextArea

from atlas_tui.widgets.text_entry import EntryLine, harmless
from foundations.text.terminal import clean


class Lines(TextArea):
    """A few lines, which do not blink or control the terminal; Tab goes to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next field", show=False),
        Binding("shift+tab", "app.focus_previous", "Field before", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, tab_behavior="focus", highlight_cursor_line=False)
        self.cursor_blink = False

    def render_line(self, y: int) -> Strip:
        """Paint without what would control the terminal."""
        return harmless(super().render_line(y))


class FormField(Vertical):
    """A label at the left, the text at the right, a complaint below when there is one."""

    DEFAULT_CSS = """
    FormField { height: auto; }
    FormField > Horizontal { height: auto; }
    FormField .label { width: 13; color: $text-muted; }
    FormField:focus-within .label { color: $accent; text-style: bold; }
    FormField Input { background: $panel; width: 1fr; }
    FormField Lines { background: $panel; width: 1fr; height: 4; padding: 0; }
    FormField .problem { color: $error; display: none; padding-left: 13; height: auto; }
    FormField.wrong .problem { display: block; }
    """

    @dataclass
    class Changed(Message):
        """The text is another one."""

        name: str

    @dataclass
    class Finished(Message):
        """Enter was pressed."""

        name: str

    def __init__(self, name: str, label: str, value: str, *, lines: bool = False) -> None:
        super().__init__(id=f"field-{name}", name=name)
        self._label = label
        self._value = value
        self._has_lines = lines

    def compose(self) -> ComposeResult:
        """Lay out label, text and complaint."""
        with Horizontal():
            yield Static(self._label, classes="label")
            if self._has_lines:
                yield Lines(self._value)
            else:
                yield EntryLine(self._value)
        yield Static(classes="problem")

    @property
    def text(self) -> str:
        """What was typed."""
        return self.query_one(Lines).text if self._has_lines else self.query_one(Input).value

    @text.setter
    def text(self, text: str) -> None:
        if self._has_lines:
            self.query_one(Lines).text = text
        else:
            self.query_one(Input).value = text

    def hint(self, text: str) -> None:
        """Show faintly what an empty field means."""
        if self._has_lines:
            self.query_one(Lines).placeholder = clean(text)
        else:
            self.query_one(Input).placeholder = clean(text, one_line=True)

    def complain(self, problem: str | None) -> None:
        """Show what is wrong, or nothing."""
        self.set_class(problem is not None, "wrong")
        if problem is not None:
            self.query_one(".problem", Static).update(Text(clean(problem)))

    def enter(self) -> None:
        """Put the cursor here."""
        (self.query_one(Lines) if self._has_lines else self.query_one(Input)).focus()

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _typed(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed(self.name or ""))

    @on(Input.Submitted)
    def _submitted(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Finished(self.name or ""))
