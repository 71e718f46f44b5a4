"""Asks the terminal whether its background is light, while the app is still being loaded.

The question for the colour is followed by one that every terminal answers, so that one that does
not know of colours is not waited for. What people typed meanwhile is kept for the app, and answers
that come late are kept from it.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
ANSWER_SECONDS = 0.1
"""So long after the question an answer is waited for; loading the app takes longer anyway."""
_COLOUR = re.compile(
    r"\x1b\]11;(?:rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4}))?"
    r"[^\x07\x1b]{0,40}(?:\x07|\x1b\\)"
)
_KIND = re.compile(r"\x1b\[\?[\d;]{0,60}c")
_BEGUN = re.compile(r"\x1b(?:\]1(?:1(?:;[^\x07\x1b]{0,60}\x1b?)?)?|\[\?[\d;]{0,60})\Z")
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_PLAIN_TERMINALS = ("linux", "eterm", "dumb")
"""Those that would print the question."""


@dataclass(slots=True)
class Answers:
    """What the terminal has answered, out of what comes in."""

    light: bool | None = None
    """Whether the background is light; None as long as that is not known."""
    has_colour: bool = False
    """Whether the first question was answered, in whatever way."""
    has_kind: bool = False
    """Whether the second was."""
    _begun: str = ""

    @property
    def are_complete(self) -> bool:
        """Whether nothing more will come."""
        return self.has_colour and self.has_kind

    def without(self, text: str) -> str:
        """Take the answers out of what came in; one that has only begun is held back."""
        text = self._begun + text
        for match in _COLOUR.finditer(text):
            self.has_colour = True
            if match[1]:
                self.light = _is_light(match.groups())
        self.has_kind = self.has_kind or _KIND.search(text) is not None
        text = _KIND.sub("", _COLOUR.sub("", text))
        begun = _BEGUN.search(text)
        self._begun = begun[0] if begun else ""
        return text[: len(text) - len(self._begun)]


def _is_light(parts: Iterable[str]) -> bool:
    red, green, blue = (int(part, 16) / (16.0 ** len(part) - 1) for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5


@dataclass(slots=True)
class Heard:
    """What came of the question."""

    answers: Answers
    typed: str = ""
    """What was typed meanwhile."""


def is_light_by(environ: Mapping[str, str]) -> bool:
    """Tell by `COLORFGBG`, which some terminals set, whether the background is light."""
    return environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")


def can_be_asked(environ: Mapping[str, str]) -> bool:
    """Tell whether there is a terminal that can be asked."""
    streams = (sys.__stdin__, sys.__stdout__)
    is_plain = environ.get("TERM", "dumb").startswith(_PLAIN_TERMINALS)
    return not is_plain and all(one is not None and one.isatty() for one in streams)


@contextmanager
def asked() -> Iterator[Callable[[], Heard]]:
    """Ask, and give a function that waits for the answer. Afterwards the terminal is as before.

    Signals that end the process do so in an orderly way meanwhile, after the terminal is restored.
    """
    assert sys.__stdin__ is not None
    assert sys.__stdout__ is not None
    source, target = sys.__stdin__.fileno(), sys.__stdout__.fileno()
    with _quiet(source), _orderly():
        until = time.monotonic() + ANSWER_SECONDS
        os.write(target, QUESTION)
        yield lambda: _hear(source, until)


@contextmanager
def _quiet(descriptor: int) -> Iterator[None]:
    """Let the terminal neither show what comes in nor wait for the end of a line."""
    before = termios.tcgetattr(descriptor)
    quiet = termios.tcgetattr(descriptor)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
        yield
    finally:
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


@contextmanager
def _orderly() -> Iterator[None]:
    """Let signals that end the process unwind it."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {one: signal.getsignal(one) for one in _SIGNALS}
    for one, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(one, leave)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _hear(descriptor: int, until: float) -> Heard:
    """Read until the last answer is there, or the time is over."""
    heard = Heard(Answers())
    while not heard.answers.has_kind:
        left = max(until - time.monotonic(), 0.0)
        if not select.select([descriptor], [], [], left)[0]:
            break
        try:
            # What is no text was typed on a terminal of another encoding; no key would know it.
            piece = os.read(descriptor, 4096).decode(errors="ignore")
        except OSError:  # the terminal is gone, which the app finds as well
            break
        if not piece:
            break
        heard.typed += heard.answers.without(piece)
    return heard
