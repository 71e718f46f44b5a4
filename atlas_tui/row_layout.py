"""Fits the columns of a table into the cells that there are; no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.text import Text

from atlas_tui.columns import Column
from foundations.text.terminal import clean, display_width, shorten

GAP = 1
PINNED = 2
"""So many columns stay at the left when the others are moved sideways."""
_NARROWEST = 8
"""Width that a growing column is narrowed to before another one is left out."""

_READABLE = 14
"""Width that the last column has at least, if it grows and is not the only one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column and its width in cells."""

    column: Column
    width: int


_LEAST_ROOM = 12
"""In less room nothing is broken into lines: a word a line helps nobody."""


def place(columns: Sequence[Column], width: int, *, skip: int = 0) -> list[Placed]:
    """Choose which columns fit into `width` cells, and how wide each is.

    Args:
        columns: in their order.
        width: cells there are.
        skip: how many of those behind the pinned ones are scrolled out to the left.
    """
    wanted = [*columns[:PINNED], *columns[PINNED + skip :]]
    shown: list[Column] = []
    used = 0
    for one in wanted:
        least = min(one.width, _NARROWEST) if one.grows else one.width
        if shown and used + GAP + least > width:
            break
        used += least + (GAP if shown else 0)
        shown.append(one)
    placed = _shared(shown, max(width - used, 0))
    if _is_sliver(placed):
        return _shared(shown[:-1], max(width - used + min(shown[-1].width, _NARROWEST) + GAP, 0))
    return placed


def _is_sliver(placed: Sequence[Placed]) -> bool:
    """Whether the last column is too narrow to read, where another one has a use for its room."""
    last = placed[-1]
    is_narrow = last.column.grows and last.width < min(last.column.width, _READABLE)
    return is_narrow and any(one.column.grows for one in placed[:-1])


def _shared(shown: Sequence[Column], spare: int) -> list[Placed]:
    """Give what is left to the columns that grow, first up to their own width, then evenly."""
    widths = [min(one.width, _NARROWEST) if one.grows else one.width for one in shown]
    growing = [index for index, one in enumerate(shown) if one.grows]
    for index in growing:
        more = min(spare, max(shown[index].width - widths[index], 0))
        widths[index] += more
        spare -= more
    # Those that can have enough come first: what they leave goes to the others.
    growing.sort(key=lambda index: shown[index].enough is None)
    for rank, index in enumerate(growing):
        share = spare // (len(growing) - rank)
        enough = shown[index].enough
        if enough is not None and rank < len(growing) - 1:
            share = min(share, max(enough - widths[index], 0))
        widths[index] += share
        spare -= share
    return [Placed(one, width) for one, width in zip(shown, widths, strict=True)]


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Clean a text and make it exactly `width` cells wide."""
    shown = shorten(clean(text, one_line=True), width)
    padding = " " * (width - display_width(shown))
    return padding + shown if right else shown + padding


def wrapped(text: str, width: int) -> list[str]:
    """Break a cleaned text into lines of so many cells: between words, and in longer ones."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            pieces = chop_cells(word, max(width, 2))
            lines += pieces or [""]
    return [line for line in lines if line] or [""]


def hanging(line: Text, begin: int, width: int) -> Iterator[Text]:
    """Break a line that is too wide: what follows its first `begin` characters stands below itself.

    Args:
        line: cleaned, and one cell a character up to `begin`.
        begin: where the part begins that is broken.
        width: cells there are.
    """
    room = width - begin
    if line.cell_len <= width or room < _LEAST_ROOM:
        yield line
        return
    label, rest = line[:begin], line[begin:]
    place = 0
    for piece in wrapped(rest.plain, room):
        place = rest.plain.index(piece, place)
        yield label.append_text(rest[place : place + len(piece)])
        label, place = Text(" " * begin), place + len(piece)
