"""Lays out what can be picked: its name, its keys, and beside or below them what it does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

from atlas_tui.messages import Choice
from atlas_tui.row_layout import wrapped
from foundations.text.terminal import clean

_LONGEST_NAME = 32
_LEAST_NOTE = 24
"""A narrower column of notes is none: they stand below the names then."""
_INDENT = 4
_GAP = 2


class ChoiceLines:
    """The columns of a list of choices, wide enough for all of them."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._name = min(_longest(one.text for one in choices), _LONGEST_NAME)
        self._keys = _longest(one.key_label for one in choices)
        self._note = _longest(_note(one) for one in choices)

    @property
    def natural_width(self) -> int:
        """How wide they are when nothing wraps."""
        return self._begin + self._note

    @property
    def _begin(self) -> int:
        """Where notes begin."""
        return self._name + _GAP + (self._keys + _GAP if self._keys else 0)

    def entry(self, choice: Choice, width: int) -> Text:
        """Lay out a choice within a width; what is too long for a line goes on below itself."""
        text = Text(clean(choice.text, one_line=True))
        note = _note(choice)
        if choice.key_label:
            text.append(" " * max(0, self._name - text.cell_len))
            text.append(" " * _GAP + clean(choice.key_label, one_line=True), "bold")
        if not note:
            return text
        begin = max(self._begin, text.cell_len + _GAP)
        if begin + min(_LEAST_NOTE, cell_len(note)) <= width:
            text.append(" " * (begin - text.cell_len))
            lines = wrapped(note, width - begin)
        else:
            begin = _INDENT
            text.append("\n" + " " * begin)
            lines = wrapped(note, width - begin)
        text.append(("\n" + " " * begin).join(lines), "dim")
        return text


def _note(choice: Choice) -> str:
    return clean(choice.disabled or choice.note, one_line=True)


def _longest(texts: Iterable[str]) -> int:
    return max((cell_len(clean(one, one_line=True)) for one in texts), default=0)
