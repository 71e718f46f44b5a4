"""Where the lines of a log begin, and what of a line is seen: the same for server and screens.

A log is looked at in blocks of fixed size and place, so that nobody has to read it from its start.
A line that has no end for a whole block is cut where the next block begins, so that a log without
a newline has lines too, and a line is never longer than two blocks.
"""

from __future__ import annotations

import re
from array import array

BLOCK_BYTES = 64 * 1024
_COLOUR = re.compile(rb"\x1b\[[0-9;:]{0,32}m")
_LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""


def line_starts(place: int, block: bytes, before: bytes) -> array[int]:
    """Offsets of the lines that begin in a block, in order.

    Args:
        place: where the block begins; a multiple of `BLOCK_BYTES`.
        block: what is there of it.
        before: the whole block before it; empty for the first.
    """
    starts = array("Q")
    first = _first_start(place, block, before)
    if first is not None:
        starts.append(place + first)
    at = block.find(b"\n") + 1
    while 0 < at < len(block):
        starts.append(place + at)
        at = block.find(b"\n", at) + 1
    return starts


def _first_start(place: int, block: bytes, before: bytes) -> int | None:
    """Where in a block the line begins that no newline of the same block begins."""
    if not block:
        return None
    if not place or before.endswith(b"\n"):
        return 0
    if b"\n" in before:
        return None
    shift = 0
    while shift < _LONGEST_CHARACTER and block[shift : shift + 1] >= b"\x80":
        if block[shift] >= 0xC0:
            break
        shift += 1
    return None if block[shift : shift + 1] in (b"", b"\n") else shift


def shown(line: bytes) -> bytes:
    """What a line shows: what was written after its last carriage return, without its end."""
    return line.rstrip(b"\r\n").rpartition(b"\r")[2]


def without_colour(text: bytes) -> bytes:
    """Text without what changes its colour."""
    return _COLOUR.sub(b"", text) if b"\x1b" in text else text
