"""Whether there is space for what is uploaded, beside what else is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from foundations.errors import StorageFull
from foundations.text.quantities import size


class UploadSpace:
    """The space of one directory for uploads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.keep_free_bytes: Callable[[], int] = lambda: 0
        """How much space an upload must leave for what else is written."""

    def require(self, size_bytes: int) -> None:
        """Make sure of the directory, and of space in it.

        Raises:
            StorageFull: so many bytes do not fit.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        free_bytes, kept_bytes = shutil.disk_usage(self._directory).free, self.keep_free_bytes()
        if free_bytes - kept_bytes < size_bytes:
            raise StorageFull(
                f"The scheduler has no space for a bundle of {size_bytes} bytes: its disk has "
                f"{size(free_bytes)} free, of which {size(kept_bytes)} are kept for jobs that "
                "run. Free space on its disk and try again."
            )
