"""The lines at the bottom: what was said last, and the keys that matter here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from atlas_tui.action_table import on_screen
from atlas_tui.actions import Action, Selection
from atlas_tui.keys import keys_of, sign
from atlas_tui.messages import Said
from atlas_tui.row_layout import wrapped
from atlas_tui.widgets.action_asked import ActionAsked
from foundations.text.terminal import clean

READING_SECONDS = 5.0
"""How long what came of one's own action stays before news take its place."""
_MOST_LINES = 4
"""What is longer than so many lines is cut."""
_LAST = ("help", "quit")


class StatusLine(Widget):
    """Tells how the last action went, and the same as a command."""

    DEFAULT_CSS = """
    StatusLine { height: 1; }
    StatusLine > .status--good { color: $success; }
    StatusLine > .status--bad { color: $error; text-style: bold; }
    StatusLine > .status--faint { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--good", "status--bad", "status--faint"}

    def __init__(self) -> None:
        super().__init__()
        self.said = Said("")
        self._read_at = 0.0
        self._news: Said | None = None

    def say(self, said: Said) -> None:
        """Show a text until the next one; of news not before it could be read."""
        self._read_at = time.monotonic() + READING_SECONDS if said.text else 0.0
        self._show(said)

    def tell(self, news: Said) -> None:
        """Show what nobody asked for, once what was said before could be read."""
        left = self._read_at - time.monotonic()
        if left <= 0:
            self._show(news)
            return
        if self._news is None:
            self.set_timer(left, self._tell_news)
        self._news = news

    def _tell_news(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            self.tell(news)

    def _show(self, said: Said) -> None:
        if said != self.said:
            self.said = said
            self._fit()
            self.refresh()

    def on_resize(self) -> None:
        """Take as many lines as the text needs now."""
        self._fit()

    def _fit(self) -> None:
        """What went wrong, and what to do about it, is read whole."""
        wanted = min(len(self._lines()), _MOST_LINES)
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def _lines(self) -> list[str]:
        return wrapped(clean(self.said.text, one_line=True), max(self.size.width - 2, 8))

    def render(self) -> Text:
        """Put the text at the left and the command at the right, when both fit."""
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("\n".join(f" {line}" for line in self._lines()), self._tone())
        if len(self._lines()) > 1:
            return text
        command = clean(self.said.command, one_line=True)
        if command and text.cell_len + len(command) + 4 <= self.size.width:
            gap = self.size.width - text.cell_len - len(command) - 3
            text.append(" " * gap + f"$ {command}", self._style("faint"))
        return text

    def _tone(self) -> Style:
        return Style() if self.said.tone == "plain" else self._style(self.said.tone)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}", partial=True)


class KeyBar(Widget):
    """The keys of this screen; those that are not possible now are faint."""

    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; }
    KeyBar > .keys--key { color: $accent; text-style: bold; }
    KeyBar > .keys--faint { color: $text-disabled; }
    KeyBar:ansi > .keys--faint { text-style: dim; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key", "keys--faint"}

    def __init__(self, screen: str, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap
        self._selection = Selection(screen=screen)
        self.impossible: frozenset[str] = frozenset()
        """Names of the actions that are shown faintly."""

    def show(self, selection: Selection) -> None:
        """Paint anew when something became possible or impossible."""
        is_other_tab = selection.tab != self._selection.tab
        self._selection = selection
        impossible = frozenset(one.name for one in self._offered() if one.refusal(selection))
        if impossible != self.impossible or is_other_tab:
            self.impossible = impossible
            self.refresh()

    def _offered(self) -> list[Action]:
        selection = self._selection
        return [one for one in on_screen(selection.screen) if one.is_in_bar(selection.tab)]

    def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        right = 0
        for name, entry in self._fitting().items():
            right += entry.cell_len
            if event.x < right:
                self.post_message(ActionAsked(name))
                return

    def render(self) -> Text:
        """Write as many keys as fit."""
        return Text(no_wrap=True).join(self._fitting().values())

    def _fitting(self) -> dict[str, Text]:
        """Help and quit always, then the keys of the tab, then others, as long as there is room."""
        entries = {one.name: self._entry(one) for one in self._offered()}
        room, fitting = self.size.width, set()
        for one in sorted(self._offered(), key=_rank):
            if entries[one.name].cell_len <= room:
                fitting.add(one.name)
                room -= entries[one.name].cell_len
        return {name: entry for name, entry in entries.items() if name in fitting}

    def _entry(self, action: Action) -> Text:
        keys = keys_of(action, self._keymap)
        if not keys:
            return Text()
        faint = self.get_component_rich_style("keys--faint", partial=True)
        strong = self.get_component_rich_style("keys--key", partial=True)
        impossible = action.name in self.impossible
        # The digits of screens stand at the top already.
        key = sign(keys[-1] if keys[0].isdigit() else keys[0])
        text = Text(no_wrap=True).append(f" {key}", faint if impossible else strong)
        return text.append(f" {action.title} ", faint if impossible else Style())


def _rank(action: Action) -> int:
    """What has its place in the bar before others: ways out, ways between tabs, keys of the tab."""
    if action.name in _LAST:
        return 0
    return 1 if action.name == "tab_next" else 2 if action.tabs else 3
