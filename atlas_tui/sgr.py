"""The colours that a job writes (SGR sequences) as styles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.color import Color
from rich.style import Style

SEQUENCE = re.compile(r"\x1b\[([0-9;:]{0,32})m")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ENDS = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    29: ("strike",),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What the sequences so far amount to."""

    colour: Color | None = None
    background: Color | None = None
    attributes: frozenset[str] = frozenset()

    def style(self, *, in_colour: bool = True) -> Style:
        """The same as a style, or what is left of it without colours."""
        return _style(self if in_colour else Look(attributes=self.attributes))


PLAIN = Look()


@lru_cache(maxsize=1024)
def _style(look: Look) -> Style:
    on = dict.fromkeys(look.attributes, True)
    return Style(
        color=look.colour,
        bgcolor=look.background,
        bold=on.get("bold"),
        dim=on.get("dim"),
        italic=on.get("italic"),
        underline=on.get("underline"),
        reverse=on.get("reverse"),
        strike=on.get("strike"),
    )


@lru_cache(maxsize=4096)
def after(look: Look, codes: str) -> Look:
    """The look after one more sequence; `codes` is what stands between `[` and `m`."""
    numbers = _numbers(codes)
    for code in numbers:
        if code in (38, 48):
            colour = _extended(numbers)
            if colour is not None:
                look = _coloured(look, colour, background=code == 48)
        else:
            look = _after_one(look, code)
    return look


def _after_one(look: Look, code: int) -> Look:
    if code == 0:
        return PLAIN
    if code in _ATTRIBUTES:
        return replace(look, attributes=look.attributes | {_ATTRIBUTES[code]})
    if code in _ENDS:
        return replace(look, attributes=look.attributes - set(_ENDS[code]))
    if code == 39:
        return replace(look, colour=None)
    if code == 49:
        return replace(look, background=None)
    for first, last, number, background in (
        (30, 37, 0, False),
        (40, 47, 0, True),
        (90, 97, 8, False),
        (100, 107, 8, True),
    ):
        if first <= code <= last:
            return _coloured(look, Color.from_ansi(number + code - first), background=background)
    return look


def _coloured(look: Look, colour: Color, *, background: bool) -> Look:
    return replace(look, background=colour) if background else replace(look, colour=colour)


def _numbers(codes: str) -> Iterator[int]:
    for part in codes.split(";"):
        if ":" not in part:
            yield int(part or 0)
            continue
        first, *rest = [int(one or 0) for one in part.split(":")]
        # 38:2:r:g:b comes with the number of a colour space before r, too.
        yield from (first, rest[0], *rest[-3:]) if rest[0] == 2 else (first, *rest)


def _extended(numbers: Iterator[int]) -> Color | None:
    kind = next(numbers, None)
    if kind == 5:
        number = next(numbers, 256)
        return Color.from_ansi(number) if number < 256 else None
    if kind == 2:
        parts = [next(numbers, 256) for _ in range(3)]
        return Color.from_rgb(*parts) if max(parts) < 256 else None
    return None
