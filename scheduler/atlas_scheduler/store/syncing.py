"""Makes many files durable at once."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_FEW = 16
"""Up to so many files are synced one by one; a whole file system is not for their sake."""


def sync_files(paths: Sequence[Path]) -> None:
    """Bring files of one file system to the disk: each, or all that it has to write."""
    if len(paths) > _FEW and sync_file_system(paths[0].parent):
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_file_system(directory: Path) -> bool:
    """Sync the whole file system of a directory. Returns False where the system cannot.

    Raises:
        OSError: something could not be written.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), os.fspath(directory))
    finally:
        os.close(descriptor)
    return True
