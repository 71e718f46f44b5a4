"""A file that is given up on a full disk, so that jobs can end and something can be deleted."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path

LARGEST_BYTES = 16 << 20
_SHARE_OF_DISK = 64
"""On a small disk it takes no more than one part in so many."""
_ROOM = 4
"""It is laid only where so many times its size is free: it must not fill the disk itself."""
_PIECE_BYTES = 1 << 20
_SPARES = 16
"""So many times a part could be given up; half of them are kept for deletions."""


class Ballast:
    """One file of no meaning. Methods block on the disk, and may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is written before `lay`."""
        self._path = path
        self._lock = threading.Lock()

    def lay(self) -> bool:
        """Write the file where it is not whole and there is room. Returns whether it is there."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(self._path.parent)
            here_bytes, whole_bytes = self._size_bytes(), _whole_bytes(disk.total)
            if here_bytes < whole_bytes and disk.free >= _ROOM * whole_bytes:
                return self._write(whole_bytes)
            return bool(here_bytes)

    def spare(self) -> bool:
        """Give up a small part of its space, unless it has become small. Returns whether it did."""
        with self._lock:
            here_bytes = self._size_bytes()
            if not here_bytes:
                return False
            whole_bytes = _whole_bytes(shutil.disk_usage(self._path.parent).total)
            left_bytes = here_bytes - whole_bytes // _SPARES
            if left_bytes < whole_bytes // 2:
                return False
            os.truncate(self._path, left_bytes)
            return True

    def release(self) -> bool:
        """Give its space up. Returns whether there was any."""
        with self._lock:
            try:
                self._path.unlink()
            except FileNotFoundError:
                return False
            return True

    def _size_bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _write(self, size_bytes: int) -> bool:
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            with part.open("wb") as file:
                for start in range(0, size_bytes, _PIECE_BYTES):
                    # Noise, so that a file system that compresses keeps all of it.
                    file.write(os.urandom(min(_PIECE_BYTES, size_bytes - start)))
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return False
        part.rename(self._path)
        return True


def _whole_bytes(disk_bytes: int) -> int:
    return min(LARGEST_BYTES, disk_bytes // _SHARE_OF_DISK)
