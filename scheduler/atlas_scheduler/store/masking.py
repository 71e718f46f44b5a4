"""Makes values of secrets in logs unreadable; nothing gets longer or shorter by it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

SHORTEST_BYTES = 4
"""Shorter values would make much else unreadable, and are easily guessed anyway."""
_PIECE_BYTES = 8 * 1024 * 1024


def needles(values: Iterable[bytes]) -> list[bytes]:
    """List what to look for: each value, and each line of those that have several."""
    found: set[bytes] = set()
    for value in values:
        whole = value.strip()
        found.update({whole, *(line.strip() for line in whole.splitlines())})
    return sorted((one for one in found if len(one) >= SHORTEST_BYTES), key=len, reverse=True)


def masked(data: bytes, wanted: Sequence[bytes]) -> bytes:
    """Return the bytes with asterisks in place of what is wanted."""
    for one in wanted:
        if one in data:
            data = data.replace(one, b"*" * len(one))
    return data


def mask_file(path: Path, wanted: Collection[bytes]) -> None:
    """Put asterisks into a file in place of what is wanted, wherever it lies.

    A missing file is fine. Its size stays, so that places in it are the same as before.
    """
    if not wanted:
        return
    ordered = sorted(wanted, key=len, reverse=True)
    overlap = len(ordered[0]) - 1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        offset = 0
        while len(piece := os.pread(descriptor, _PIECE_BYTES + overlap, offset)) > 0:
            changed = masked(piece, ordered)
            if changed != piece:
                os.pwrite(descriptor, changed, offset)
            offset += _PIECE_BYTES
    finally:
        os.close(descriptor)
