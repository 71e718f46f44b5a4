"""A line of tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget


class TabLine(Widget):
    """Shows which tab is open; a click opens another."""

    DEFAULT_CSS = """
    TabLine { height: 1; background: $surface; }
    TabLine > .tabs--open { background: $primary 40%; text-style: bold; }
    TabLine > .tabs--closed { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--open", "tabs--closed"}

    @dataclass
    class Opened(Message):
        """The user wants to see a tab."""

        tab: str

    def __init__(self, tabs: Sequence[str], open: str) -> None:
        super().__init__()
        self._tabs = tuple(tabs)
        self.open = open
        """The tab that is open."""

    def show(self, tab: str) -> None:
        """Show another tab as open."""
        self.open = tab
        self.refresh()

    def beside(self, by: int) -> str:
        """The tab so many further to the right, around the end."""
        return self._tabs[(self._tabs.index(self.open) + by) % len(self._tabs)]

    def render(self) -> Text:
        """Write the names."""
        text = Text(no_wrap=True)
        for tab in self._tabs:
            name = "tabs--open" if tab == self.open else "tabs--closed"
            text.append(f" {tab} ", self.get_component_rich_style(name, partial=True))
            text.append(" ")
        return text

    def on_click(self, event: events.Click) -> None:
        """Open the tab under the mouse."""
        left = 0
        for tab in self._tabs:
            if left <= event.x < left + len(tab) + 2:
                self.post_message(self.Opened(tab))
                return
            left += len(tab) + 3
