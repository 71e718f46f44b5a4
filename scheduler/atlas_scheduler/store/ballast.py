"""A file that is given up on a full disk, so that there is space to delete something."""

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


class Ballast:
    """One file of no meaning. Methods block on the disk, and may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is written before `lay`."""
        self._path = path
        self._lock = threading.Lock()

    def lay(self) -> bool:
        """Write the file where it is missing and there is room. Returns whether it is there."""
        with self._lock:
            if self._path.exists():
                return True
            self._path.parent.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(self._path.parent)
            size_bytes = min(LARGEST_BYTES, disk.total // _SHARE_OF_DISK)
            if disk.free < _ROOM * size_bytes:
                return False
            return self._write(size_bytes)

    def release(self) -> bool:
        """Give its space up. Returns whether there was any."""
        with self._lock:
            try:
                self._path.unlink()
            except FileNotFoundError:
                return False
            return True

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
