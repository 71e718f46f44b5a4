"""The right side of the tabs with files: what the one under the cursor looks like."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from rich.style import Style
from rich.text import Text
from textual import work

from atlas_tui import downloads, picture_reader, pictures, previews
from atlas_tui.looks import Palette
from atlas_tui.picture_reader import Picture, Unreadable
from atlas_tui.pictures import Canvas, Painting
from atlas_tui.widgets.text_pane import PaneLine, TextPane
from foundations.errors import AtlasError
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from atlas_tui.appearance import Appearance

_PAUSE_SECONDS = 0.12
"""The cursor must rest for so long on a file before it is asked for."""
_FAINT, _STRONG = Style(dim=True), Style(bold=True)
_HEADING_LINES = 2


class PreviewPane(TextPane):
    """Reads a file or the beginning of it, and shows it as what it seems to be."""

    _picture: Picture | None = None
    _painted_on: Canvas | None = None

    def __init__(self, *, palette: Palette, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._shown: tuple[str, ...] = ()
        self._title = Text()
        self._zoom = 0

    def show_lines(self, key: Sequence[str], lines: Sequence[PaneLine]) -> None:
        """Show lines that are here already."""
        if self._shown != tuple(key):
            self.workers.cancel_group(self, "preview")
            self._shown, self._picture = tuple(key), None
            self.show(lines)

    def preview(
        self, key: Sequence[str], name: str, pieces: Callable[[], AsyncIterator[bytes]]
    ) -> None:
        """Show a file, unless it is what is shown.

        Args:
            key: tells the file, in its version, from all others.
            name: of the file.
            pieces: asks the scheduler for it.
        """
        if self._shown != tuple(key):
            self._shown, self._picture = tuple(key), None
            self._title = Text(f" {clean(name, one_line=True)}", _STRONG)
            self._load(name, pieces)

    @work(exclusive=True, group="preview")
    async def _load(self, name: str, pieces: Callable[[], AsyncIterator[bytes]]) -> None:
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            async with aclosing(cast("AsyncGenerator[bytes]", pieces())) as stream:
                head, whole = await downloads.peeked(stream, picture_reader.HEAD_BYTES)
                if picture_reader.is_picture(head):
                    await self._load_picture(whole)
                    return
                data, is_whole = await downloads.beginning(whole, previews.MOST_BYTES)
        except AtlasError as error:
            self._shown = ()
            self._remark(error.message)
            return
        lines = await asyncio.to_thread(previews.preview, name, data, is_whole=is_whole)
        self.show([self._title, *lines])

    def _remark(self, text: str) -> None:
        lines = textwrap.wrap(clean(text, one_line=True), max(self.size.width - 2, 10))
        self.show([self._title, *(Text(f" {line}", _FAINT) for line in lines)])

    # -- pictures

    async def _load_picture(self, whole: AsyncIterator[bytes]) -> None:
        if not self._palette.unicode:
            self._remark("Pictures cannot be shown in ASCII; save it to look at it.")
            return
        self._remark("Reading the picture…")
        try:
            self._picture = await pictures.read(whole)
        except Unreadable as error:
            self._remark(f"The picture cannot be shown: {error}. Save it to look at it.")
            return
        self._zoom = 0
        self._fit()

    def perform(self, name: str) -> bool:
        """Show the picture larger or smaller. Returns whether that was asked for, and one is shown.

        Args:
            name: of an action of the table.
        """
        by = {"zoom_in": 1, "zoom_out": -1}.get(name, 0)
        if self._picture is None or not by:
            return False
        self._zoom = min(max(self._zoom + by, 0), pictures.MOST_ZOOM)
        self._fit()
        return True

    def on_resize(self) -> None:
        """Fit the picture as well."""
        if self._picture is not None:
            self._fit()

    def notify_style_update(self) -> None:
        """Paint the picture on another background, when the colours are others now."""
        super().notify_style_update()
        if self._picture is not None and self._canvas() != self._painted_on:
            self._fit()

    @work(exclusive=True, group="fit")
    async def _fit(self) -> None:
        picture = self._picture
        if picture is not None:
            self._painted_on = canvas = self._canvas()
            heading = [self._title, self._caption(picture)]
            painting = await asyncio.to_thread(pictures.painted, picture, canvas, heading)
            if picture is self._picture:
                self._hang(painting)

    def _hang(self, painting: Painting) -> None:
        """Show a painting with what was in the middle before still there."""
        width, height = self.size
        middle = (self.scroll_offset.y + height / 2) / max(len(self.lines), 1)
        across = (self._left + width / 2) / max(self._widest, width, 1)
        self.show(painting, keep_place=True, widest=painting.width)
        self._go(round(middle * len(self.lines) - height / 2))
        self._left = 0
        self.action_scroll_sideways(round(across * painting.width - width / 2))

    def _caption(self, picture: Picture) -> Text:
        several = ", the first of several" if picture.is_several else ""
        zoomed = f"  {1 << self._zoom}x" if self._zoom else ""
        keys = "  + - zoom  z full width"
        about = f" {picture.width} by {picture.height} {picture.kind}{several}{zoomed}"
        return Text.assemble((about, _FAINT), (keys, _FAINT))

    def _canvas(self) -> Canvas:
        app, ground = cast("Appearance", self.app), self.background_colors[1]
        if self._palette.ansi:
            colour = (0, 0, 0) if self._palette.dark else (255, 255, 255)
        else:
            colour = ground.rgb
        return Canvas(
            columns=max(self.size.width, 10),
            lines=max(self.size.height - _HEADING_LINES, 4),
            background=colour,
            half_block_shape=app.half_block_shape(),
            own_colours=app.has_few_colours,
            zoom=self._zoom,
        )
