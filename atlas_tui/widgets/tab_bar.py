"""The names of tabs in one line; the letter that leads to each is in another colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class TabTitle:
    """One tab."""

    name: str
    title: str
    key: str
    """The letter that leads to it; empty for none."""
    count: int | None = None
    """How many things are in it."""


class TabBar(Widget):
    """Painted anew only when something in it has changed."""

    DEFAULT_CSS = """
    TabBar { height: 1; background: $surface; }
    TabBar > .tabs--here { background: $primary 40%; text-style: bold; }
    TabBar:ansi > .tabs--here { background: $background; text-style: bold reverse; }
    TabBar > .tabs--key { color: $accent; text-style: underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--here", "tabs--key"}

    @dataclass
    class Picked(Message):
        """The user clicked a tab."""

        name: str

    def __init__(self, titles: Sequence[TabTitle], here: str) -> None:
        super().__init__()
        self._titles = list(titles)
        self._here = here

    def show(self, titles: Sequence[TabTitle], here: str) -> None:
        """Show other tabs, or another one as the one in front."""
        if (list(titles), here) != (self._titles, self._here):
            self._titles, self._here = list(titles), here
            self.refresh()

    def render(self) -> Text:
        """Write the names."""
        text = Text(no_wrap=True, overflow="ellipsis")
        for one in self._titles:
            text.append_text(self._entry(one))
        return text

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the mouse."""
        right = 0
        for one in self._titles:
            right += self._entry(one).cell_len
            if event.x < right:
                self.post_message(self.Picked(one.name))
                return

    def _entry(self, one: TabTitle) -> Text:
        wide = self.size.width >= 100
        count = f" {one.count}" if one.count and wide else ""
        base = self._style("here") if one.name == self._here else Style()
        text = Text(f" {one.title}{count} ", base, no_wrap=True)
        place = one.title.lower().find(one.key.lower()) if one.key else -1
        if place >= 0:
            text.stylize(self._style("key"), place + 1, place + 2)
        if count:
            text.stylize(Style(dim=True), len(one.title) + 1, len(text) - 1)
        return text

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"tabs--{name}", partial=name != "here")
