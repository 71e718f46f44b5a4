"""Cuts the text of a filter into words. What ends a word depends on what it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from atlas_scheduler.core.filters.errors import FilterError

LONGEST_FILTER = 4_000
"""Most characters of a filter."""

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"""[^\s()"',=<>!:~]+""")
_VALUE = re.compile(r"""[^\s()"',]+""")
_OPERATOR = re.compile(r"!=|<=|>=|==|[=<>:~]")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_ESCAPE = re.compile(r"""\\(["'\\])""")
_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text, and where it begins."""

    text: str
    """Without the quotes."""
    column: int
    is_quoted: bool = False
    bare_end: str = ""
    """Of a name: what of its end is not in quotes."""


class Scanner:
    """Reads a filter from left to right. Nothing is taken by looking at what comes next."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        if len(text) > LONGEST_FILTER:
            self.fail(f"A filter has at most {LONGEST_FILTER} characters.", LONGEST_FILTER + 1)
        impossible = _IMPOSSIBLE.search(text)
        if impossible:
            self.fail("This is not a character that a text can have.", impossible.start() + 1)

    def fail(self, message: str, column: int) -> NoReturn:
        """Refuse the filter."""
        raise FilterError(message, text=self._text, column=column)

    @property
    def column(self) -> int:
        """Where the next word begins."""
        self._skip_space()
        return self._at + 1

    @property
    def is_at_end(self) -> bool:
        """Whether there is nothing more."""
        self._skip_space()
        return self._at >= len(self._text)

    def next_is(self, sign: str) -> bool:
        """Whether a sign comes next."""
        self._skip_space()
        return self._text.startswith(sign, self._at)

    def take(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        found = self.next_is(sign)
        self._at += len(sign) if found else 0
        return found

    def next_word(self) -> str:
        """The unquoted word that comes next, in lower case; empty when there is none."""
        self._skip_space()
        match = _NAME.match(self._text, self._at)
        return match[0].lower() if match else ""

    def begins_with(self, word: str, sign: str) -> bool:
        """Whether a word that a sign follows comes next."""
        return self.next_word() == word and self._text.startswith(sign, self._at + len(word))

    def take_word(self, word: str) -> bool:
        """Take an unquoted word if it comes next."""
        found = self.next_word() == word
        self._at += len(word) if found else 0
        return found

    def operator(self) -> Word | None:
        """Take an operator if one comes next."""
        self._skip_space()
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            return None
        word = Word(match[0], self._at + 1)
        self._at = match.end()
        return word

    def name(self, what: str) -> tuple[Word, Word | None]:
        """Take the name of a field: its first part, and what follows the first dot.

        Args:
            what: what is asked for, for the message.
        """
        self._skip_space()
        column = self._at + 1
        match = _NAME.match(self._text, self._at)
        if match is None:
            self.fail(f"Here should be {what}{self._found()}.", column)
        self._at = match.end()
        head, dot, rest = match[0].partition(".")
        if not dot:
            return Word(head, column), None
        start = column + len(head) + 1
        bare_end = rest
        while True:
            piece = self._quoted()
            if piece is not None:
                rest += piece.text
                bare_end = ""
            elif more := _NAME.match(self._text, self._at):
                rest += more[0]
                bare_end = more[0]
                self._at = more.end()
            else:
                break
        if not rest:
            self.fail(f"A name is missing after `{head}.`.", start)
        return Word(head, column), Word(rest, start, bare_end=bare_end)

    def value(self) -> Word:
        """Take a value, quoted or not."""
        self._skip_space()
        column = self._at + 1
        word = self._quoted()
        if word is None:
            match = _VALUE.match(self._text, self._at)
            if match is None:
                self.fail(f"Here should be a value{self._found()}.", column)
            self._at = match.end()
            word = Word(match[0], column)
        if self._text[self._at : self._at + 1] in ("(", '"', "'"):
            self.fail("Put a value with parentheses or quotes in it into quotes.", column)
        return word

    def _quoted(self) -> Word | None:
        if self._text[self._at : self._at + 1] not in ('"', "'"):
            return None
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            self.fail("This quote is not closed.", self._at + 1)
        word = Word(_ESCAPE.sub(r"\1", match[1] or match[2] or ""), self._at + 1, is_quoted=True)
        self._at = match.end()
        return word

    def _found(self) -> str:
        """What is there instead of what should be."""
        if self._at >= len(self._text):
            return ", and the filter ends"
        return f", not `{self._text[self._at]}`"

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
