"""What comes from the terminal into the app, without answers that come late."""

from __future__ import annotations

from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

from atlas_tui.terminal_background import Heard


def hand_over(heard: Heard) -> None:
    """Let the app begin with what was typed before it, and never take an answer for keys."""
    if heard.typed or not heard.answers.are_complete:
        # The driver makes its parser by this name; the app's version of Textual is exact.
        vars(linux_driver)["XTermParser"] = lambda debug=False: _Input(heard, debug)


class _Input(XTermParser):
    """Makes keys of what comes in."""

    def __init__(self, heard: Heard, debug: bool = False) -> None:
        self._heard = heard
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """Take the answers out; nothing at all means the end."""
        if not data:
            return super().feed(data)
        typed, self._heard.typed = self._heard.typed, ""
        rest = typed + self._heard.answers.without(data)
        return super().feed(rest) if rest else ()

    def tick(self) -> Iterable[Message]:
        """Called now and then, also when nothing comes in."""
        if self._heard.typed:
            typed, self._heard.typed = self._heard.typed, ""
            yield from super().feed(typed)
        yield from super().tick()
