"""Small questions in the middle of the screen: be sure, type a line, pick one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from atlas_tui.messages import NUMBER_ASKED_ABOVE, Choice, Prompt, Question
from atlas_tui.screens.list_dialog import ListDialog
from atlas_tui.widgets.text_entry import EntryLine
from foundations.terminal import clean

LONGEST_COLUMN = 32


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
        with Vertical(classes="dialog danger"):
            yield Static(_plain(question.title), classes="title")
            yield Static(_plain("\n".join(question.lines)))
            if question.command:
                yield Static(_plain(f"$ {question.command}"), classes="faint")
            if self._wants_number:
                yield EntryLine(placeholder=f"type {question.count} to go on, Esc for No")
            else:
                yield Static(Text.from_markup("\n[b]y[/] Yes   [b reverse] n No [/]"))

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


class PickDialog(ListDialog[str]):
    """Asks for one of several; typing narrows them down."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-usual"), (150, "-wide")]  # noqa: RUF012 - as Textual has it

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
        longest = max((cell_len(clean(one.text, one_line=True)) for one in choices), default=0)
        self._column = min(longest, LONGEST_COLUMN)
        """How wide what can be picked is, so that all notes begin below each other."""

    def compose(self) -> ComposeResult:
        """Lay out the list below a line to type into."""
        with Vertical(classes="dialog"):
            yield Static(_plain(self._title), classes="title")
            yield EntryLine(placeholder="type to narrow down")
            yield OptionList()

    def on_mount(self) -> None:
        """Show all."""
        self.query_one(OptionList).can_focus = False
        self._narrow("")

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
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            [
                Option(_entry(one, self._column), disabled=one.disabled is not None)
                for one in self._shown
            ]
        )
        if self._shown:
            options.highlighted = 0


def _entry(choice: Choice, width: int) -> Text:
    text = _plain(choice.text)
    note = choice.disabled or choice.note
    if note or choice.key_label:
        text.append(" " * max(0, width - text.cell_len))
    if choice.key_label:
        text.append(f"  {choice.key_label}", "bold")
    if note:
        text.append("  " + clean(note, one_line=True), "dim")
    return text


def _plain(text: str) -> Text:
    return Text(clean(text))
