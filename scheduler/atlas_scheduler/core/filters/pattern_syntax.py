r"""Reads the text of a regular expression: the part of Python's syntax that automata can do.

`. [a-z] [^a-z] \d \w \s ( ) (?: ) | * + ? {m,n} ^ $`, and `(?i)` at the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

_DEEPEST = 30
_MOST_TIMES = 200
_COUNT = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{1,6})?)?\}")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda character: character.isalnum() or character == "_",
    "s": str.isspace,
}


class PatternError(ValueError):
    """A pattern that cannot be used."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        """Where in the pattern, in characters from 0 to its length."""


class Anchor(Enum):
    """A place that takes no character."""

    START = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Characters:
    """A set of characters, one of which is taken."""

    singles: str = ""
    ranges: tuple[tuple[str, str], ...] = ()
    classes: str = ""
    """Letters of classes; a capital is everything outside of its class."""
    is_inverted: bool = False
    ignores_case: bool = False

    def has(self, character: str) -> bool:
        """Say whether a character is in the set."""
        if self.ignores_case:
            forms = {character, character.lower(), character.upper()}
            return any(self._lists(form) for form in forms) is not self.is_inverted
        return self._lists(character) is not self.is_inverted

    def _lists(self, character: str) -> bool:
        return (
            character in self.singles
            or any(first <= character <= last for first, last in self.ranges)
            or any(_is_in_class(character, name) for name in self.classes)
        )


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Any one of several."""

    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times."""

    part: Node
    least: int
    most: int | None


Node = Characters | Anchor | Sequence | Alternatives | Repeat


def read_pattern(text: str) -> Node:
    """Read a whole pattern.

    Raises:
        PatternError: its syntax is wrong, or not offered.
    """
    return _Reader(text).whole()


def _is_in_class(character: str, name: str) -> bool:
    return _CLASSES[name.lower()](character) is name.islower()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._ignores_case = text.startswith("(?i)")
        self._at = 4 if self._ignores_case else 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._alternatives()
        if self._at < len(self._text):
            raise PatternError("a `)` closes nothing", self._at)
        return node

    def _alternatives(self) -> Node:
        choices = [self._sequence()]
        while self._skip("|"):
            choices.append(self._sequence())
        return choices[0] if len(choices) == 1 else Alternatives(tuple(choices))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated())
        return Sequence(tuple(parts))

    def _repeated(self) -> Node:
        began = self._at
        part = self._single()
        times = self._times()
        if times is None:
            return part
        if isinstance(part, Anchor):
            raise PatternError("there is nothing to repeat", began)
        self._skip("?")  # the shortest match is in the text exactly where the longest is
        if self._next() in ("*", "+", "?", "{"):
            raise PatternError("a repetition cannot be repeated: put it in parentheses", self._at)
        return Repeat(part, *times)

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._skip(sign):
                return times
        if self._next() != "{":
            return None
        count = _COUNT.match(self._text, self._at)
        if count is None:
            raise PatternError("a `{` begins a count such as {2,5}; write \\{ for itself", self._at)
        least = int(count[1])
        most = least if count[2] is None else None if count[3] is None else int(count[3])
        if max(least, most or 0) > _MOST_TIMES or (most is not None and most < least):
            raise PatternError(f"a count goes up, to at most {_MOST_TIMES}", self._at)
        self._at = count.end()
        return least, most

    def _single(self) -> Node:
        character = self._text[self._at]
        if character == "(":
            return self._group()
        if character == "[":
            return self._set()
        if character in "*+?{":
            raise PatternError("there is nothing to repeat", self._at)
        self._at += 1
        match character:
            case "^":
                return Anchor.START
            case "$":
                return Anchor.END
            case ".":
                return Characters("\n", is_inverted=True)
            case "\\":
                return self._made(*self._escape())
        return self._made(character, "")

    def _group(self) -> Node:
        began = self._at
        self._at += 1
        if self._skip("?") and not self._skip(":"):
            raise PatternError("only (?:…) is offered of such groups, and (?i) first", began)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PatternError("the groups are nested too deeply", began)
        node = self._alternatives()
        self._depth -= 1
        if not self._skip(")"):
            raise PatternError("this `(` is not closed", began)
        return node

    def _escape(self) -> tuple[str, str]:
        """Read what follows a backslash: a character, or the letter of a class."""
        letter = self._next()
        self._at += 1
        if letter.lower() in _CLASSES and letter:
            return "", letter
        if letter in _CONTROLS:
            return _CONTROLS[letter], ""
        if not letter or letter.isalnum():
            raise PatternError(f"`\\{letter}` is not offered", self._at - 2)
        return letter, ""

    def _set(self) -> Node:
        began = self._at
        self._at += 1
        is_inverted = self._skip("^")
        singles, classes = "", ""
        ranges: list[tuple[str, str]] = []
        is_first = True
        while is_first or self._next() != "]":
            is_first = False
            place = self._at
            single, name = self._member(began)
            if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last, other = self._member(began)
                if name or other or last < single:
                    raise PatternError("this range has no order", place)
                ranges.append((single, last))
            else:
                singles, classes = singles + single, classes + name
        self._at += 1
        return Characters(singles, tuple(ranges), classes, is_inverted, self._ignores_case)

    def _member(self, began: int) -> tuple[str, str]:
        character = self._next()
        if not character:
            raise PatternError("this `[` is not closed", began)
        self._at += 1
        return self._escape() if character == "\\" else (character, "")

    def _made(self, single: str, name: str) -> Characters:
        return Characters(single, classes=name, ignores_case=self._ignores_case)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, character: str) -> bool:
        if self._next() != character:
            return False
        self._at += 1
        return True
