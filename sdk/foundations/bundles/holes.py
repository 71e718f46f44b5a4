"""Writes files whose long runs of zeros take no space, where the file system can leave them out."""

from __future__ import annotations

import os

_CHUNK_BYTES = 64 * 1024
_LEAST_BYTES = 4096
"""Less would not free a block of most file systems."""
_ZEROS = bytes(_CHUNK_BYTES)


def write_with_holes(descriptor: int, data: bytes | memoryview) -> None:
    """Write everything at the end of a file, however many calls it takes.

    Args:
        descriptor: stands at the end of the file; afterwards it does again.
        data: what to write.
    """
    rest = memoryview(data)
    written = 0
    for start in range(0, len(rest), _CHUNK_BYTES):
        chunk = rest[start : start + _CHUNK_BYTES]
        if _is_hole(chunk):
            _write_all(descriptor, rest[written:start])
            written = start + len(chunk)
            os.ftruncate(descriptor, os.lseek(descriptor, len(chunk), os.SEEK_CUR))
    _write_all(descriptor, rest[written:])


def _is_hole(chunk: memoryview) -> bool:
    if len(chunk) < _LEAST_BYTES or chunk[0] or chunk[-1]:
        return False  # almost always, and without a copy
    return bytes(chunk) == _ZEROS[: len(chunk)]


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
