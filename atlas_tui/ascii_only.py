"""Puts ASCII characters into the place of all others, as wide as these: for `--plain`."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    **dict.fromkeys("─━┄┅┈┉╌╍═\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("│┃┆┇┊┋╎╏║▏▎▍▌▋▊▉▐▕", "|"),
    **dict.fromkeys("█▇▆▅▄▃▂▀■▓▒", "#"),
    **dict.fromkeys("▁░·•…", "."),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
    **dict.fromkeys("▼↓", "v"),
    **dict.fromkeys("▲↑", "^"),
    **dict.fromkeys("▶→", ">"),
    **dict.fromkeys("◀←", "<"),
    **dict.fromkeys("\u00d7✗", "x"),
    "✓": "+",
    "●": "*",
    "◆": "*",
    "○": "o",
}
_BOX = range(0x2500, 0x2580)
"""What lines are drawn with; what is left of them are corners and crossings."""


class AsciiOnly(LineFilter):
    """Textual's last step before a line is written."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the same line in ASCII."""
        return [
            one if one.control or one.text.isascii() else Segment(ascii_text(one.text), one.style)
            for one in segments
        ]


def ascii_text(text: str) -> str:
    """Write a text in ASCII that takes as many cells."""
    return "".join(character if character.isascii() else _sign(character) for character in text)


@lru_cache(4096)
def _sign(character: str) -> str:
    width = cell_len(character)
    if ord(character) in _BOX:
        return _SIGNS.get(character, "+")
    plain = _SIGNS.get(character) or unicodedata.normalize("NFKD", character)[:1]
    return plain if width == 1 and plain.isascii() else "?" * width
