"""Holes of files: long runs of zeros that take no space where a file system can leave them out."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

_CHUNK_BYTES = 64 * 1024
_LEAST_BYTES = 4096
"""Less would not free a block of most file systems."""
_ZEROS = bytes(_CHUNK_BYTES)


def stretches(descriptor: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield where in a file there is anything but holes, up to a size."""
    end = 0
    while end < size_bytes:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # nothing but holes from here on
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size_bytes)
        if start < end:
            yield start, end


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
