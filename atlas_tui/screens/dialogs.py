"""Small questions in the middle of the screen: be sure, type a line."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from atlas_tui.messages import NUMBER_ASKED_ABOVE, Prompt, Question
from atlas_tui.screens.dialog_size import dialog_width
from atlas_tui.widgets.text_entry import EntryLine
from foundations.text.terminal import clean

_ANSWERS = (
    "\n[@click=screen.answer(True)][b]y[/b] Yes[/]   "
    "[@click=screen.answer(False)][b reverse] n No [/b reverse][/]"
)


class ConfirmDialog(ModalScreen[bool]):
    """Asks for a Yes; Enter and Esc are No. Many things want their number typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "Yes"),
        ("n,escape,q", "answer(False)", "No"),
        ("enter", "answer(False)", "No"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    @property
    def _wants_number(self) -> bool:
        return self._question.count > NUMBER_ASKED_ABOVE

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        question = self._question
        with Vertical(classes="dialog danger") as dialog:
            dialog.styles.width = dialog_width(max(map(cell_len, question.rows), default=0))
            yield Static(_plain(question.title), classes="title")
            if question.lines:
                yield Static(_plain("\n".join(question.lines)))
            if question.rows:
                yield Static(_plain("\n".join(question.rows)), classes="rows")
            if question.command:
                yield Static(_plain(f"$ {question.command}"), classes="faint")
            if self._wants_number:
                yield EntryLine(placeholder=f"type {question.count} to go on, Esc for No")
            else:
                yield Static(_ANSWERS, classes="answers")

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        if not (answer and self._wants_number):
            self.dismiss(answer)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the number as a Yes when it is the right one."""
        self.dismiss(event.value.strip() == str(self._question.count))


class PromptDialog(ModalScreen[str | None]):
    """Asks for a line of text."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up", "Cancel")]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self._prompt = prompt

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        prompt = self._prompt
        suggester = SuggestFromList(prompt.suggestions) if prompt.suggestions else None
        with Vertical(classes="dialog"):
            yield Static(_plain(prompt.title), classes="title")
            if prompt.hint:
                yield Static(_plain(prompt.hint), classes="faint")
            yield EntryLine(
                prompt.value,
                placeholder=prompt.placeholder,
                suggester=suggester,
                is_replaced=True,
            )
            yield Static("", classes="problem")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text, or say what is wrong with it."""
        problem = self._prompt.problem(event.value)
        if problem is None:
            self.dismiss(event.value)
        else:
            self.query_one(".problem", Static).update(_plain(problem))

    def action_give_up(self) -> None:
        """Close without a text."""
        self.dismiss(None)


def _plain(text: str) -> Text:
    return Text(clean(text))
