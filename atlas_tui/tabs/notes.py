"""Notes: what people wrote about the job, as Markdown looks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.strip import Strip

from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.text_pane import PaneLine, TextPane
from foundations.models import JobDetail, NoteView
from foundations.text.terminal import clean

_WIDEST = 100
"""Longer lines are hard to read."""


class NotesTab(JobTab):
    """All notes below each other, the newest last."""

    NAME = "notes"
    TITLE = "Notes"
    KEY = "N"

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        self._shown: tuple[int, Sequence[NoteView]] | None = None
        yield TextPane()

    def count(self, detail: JobDetail) -> int | None:
        """How many notes it has."""
        return len(detail.notes)

    def on_resize(self) -> None:
        """Write for the new width."""
        if self.job is not None and self.display:
            self.show(self.job)

    def show(self, detail: JobDetail) -> None:
        """Write the notes, when they are not the same as before."""
        width = min(max(self.size.width - 4, 20), _WIDEST)
        if self._shown == (width, detail.notes):
            return
        self._shown = width, detail.notes
        lines: list[PaneLine] = []
        for note in detail.notes:
            at = note.at.astimezone().strftime("%d %b %Y %H:%M")
            author = clean(note.author, one_line=True)
            lines.append(
                Text.assemble(" ", (author, Style(bold=True)), (f"  {at}", Style(dim=True)))
            )
            lines += self._rendered(note.text, width)
            lines.append("")
        if not lines:
            lines = [Text(" No notes. Press a to write one.", Style(dim=True))]
        self.query_one(TextPane).show(lines, keep_place=True)

    def _rendered(self, text: str, width: int) -> list[PaneLine]:
        # Late: it brings a Markdown parser, which the other tabs do without.
        from rich.markdown import Markdown

        console = self.app.console
        # Without hyperlinks: what they lead to would not be seen.
        written = Markdown(clean(text), hyperlinks=False)
        options = console.options.update(width=width, highlight=False)
        indent = Strip.blank(2)
        return [
            Strip.join([indent, Strip(line)]) for line in console.render_lines(written, options)
        ]
