"""The right side of the tabs with files: what the one under the cursor looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from rich.style import Style
from rich.text import Text
from textual import work

from atlas_tui import downloads, previews
from atlas_tui.looks import Palette
from atlas_tui.widgets.text_pane import PaneLine, TextPane
from foundations.errors import AtlasError
from foundations.terminal import clean

_PAUSE_SECONDS = 0.12
"""The cursor must rest for so long on a file before it is asked for."""
_FAINT = Style(dim=True)


class PreviewPane(TextPane):
    """Reads the beginning of a file, and shows it as what it seems to be."""

    def __init__(self, *, palette: Palette, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._shown: tuple[str, ...] = ()

    def show_lines(self, key: Sequence[str], lines: Sequence[PaneLine]) -> None:
        """Show lines that are here already."""
        if self._shown != tuple(key):
            self.workers.cancel_group(self, "preview")
            self._shown = tuple(key)
            self.show(lines)

    def preview(
        self, key: Sequence[str], name: str, pieces: Callable[[], AsyncIterator[bytes]]
    ) -> None:
        """Show the beginning of a file, unless it is what is shown.

        Args:
            key: tells the file, in its version, from all others.
            name: of the file.
            pieces: asks the scheduler for it.
        """
        if self._shown != tuple(key):
            self._shown = tuple(key)
            self._load(name, pieces)

    @work(exclusive=True, group="preview")
    async def _load(self, name: str, pieces: Callable[[], AsyncIterator[bytes]]) -> None:
        await asyncio.sleep(_PAUSE_SECONDS)
        title = Text(f" {clean(name, one_line=True)}", Style(bold=True))
        try:
            data, is_whole = await downloads.beginning(pieces(), previews.MOST_BYTES)
        except AtlasError as error:
            self._shown = ()
            self.show([title, Text(f" {clean(error.message, one_line=True)}", _FAINT)])
            return
        make = partial(
            previews.preview,
            name,
            data,
            is_whole=is_whole,
            width=max(self.size.width - 2, 10),
            height=max(self.size.height - 2, 4),
            unicode=self._palette.unicode,
        )
        self.show([title, *await asyncio.to_thread(make)])
