"""Makes text that came from a job safe for a terminal, and measures how wide it is there."""

from __future__ import annotations

import codecs
import re
import unicodedata

_REPLACEMENT = "\ufffd"
# C1 controls, the marks that reorder text, line separators and lone surrogates.
_UNPRINTABLE = "\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f{_UNPRINTABLE}]")
_UNSAFE_IN_A_LINE = re.compile(f"[\x00-\x1f\x7f{_UNPRINTABLE}]")
# A carriage return only rewrites the line that the job itself wrote: progress bars need it.
_IN_A_LOG = re.compile(
    f"(?P<colour>\x1b\\[[0-9;:]{{0,32}}m)|\r\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{_UNPRINTABLE}]"
)
_UNFINISHED = re.compile("(?:\x1b(?:\\[[0-9;:]{0,32})?|\r)\\Z")
_RESET = "\x1b[0m"


def clean(text: str, *, one_line: bool = False) -> str:
    r"""Replace what would control a terminal by a visible symbol.

    Newlines and tabs stay, unless `one_line` asks for symbols in their place too.
    """
    return (_UNSAFE_IN_A_LINE if one_line else _UNSAFE).sub(_symbol, text)


class LogText:
    """Turns the bytes of a log into text for a terminal, piece by piece.

    Colours pass when `colour` says so and vanish otherwise; every other control sequence becomes
    visible. Characters and sequences may be cut anywhere between two pieces.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """Return what can be shown now."""
        text = self._held + self._decoder.decode(data)
        cut = _UNFINISHED.search(text)
        self._held = text[cut.start() :] if cut else ""
        return self._clean(text[: cut.start()] if cut else text)

    def finish(self) -> str:
        """Return what was held back, and end a colour that the job left on."""
        text = self._clean(self._held + self._decoder.decode(b"", final=True))
        self._held = ""
        if self._coloured:
            self._coloured = False
            text += _RESET
        return text

    def _clean(self, text: str) -> str:
        return _IN_A_LOG.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        found = match[0]
        if match["colour"]:
            if not self._colour:
                return ""
            self._coloured = found not in (_RESET, "\x1b[m")
            return found
        return "\n" if found == "\r\n" else _symbol(match)


def display_width(text: str) -> int:
    """Count the cells that cleaned text takes in one line of a terminal."""
    return len(text) if text.isascii() else sum(_cells(character) for character in text)


def shorten(text: str, width: int) -> str:
    """Cut text to `width` cells, the last of them an ellipsis where something is missing."""
    if display_width(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…" if width > 0 else ""


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else _REPLACEMENT
