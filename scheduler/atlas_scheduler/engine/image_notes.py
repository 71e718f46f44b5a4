"""What is known of the images that were built for jobs, beside what Docker itself knows.

A note is a file named by the image's key; when it was changed last is when the image was used last.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from atlas_scheduler.clock import now_ms

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class ImageNote:
    """One image."""

    dockerfile: str
    base: str
    """What its last stage builds on; empty for nothing."""
    base_bytes: int
    """Size of that."""


class ImageNotes:
    """The notes of one home. Every method blocks on the disk."""

    def __init__(
        self,
        directory: Path,
        *,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._directory = directory
        self._clock_ms = clock_ms

    def write(self, key: str, note: ImageNote) -> None:
        """Keep a note; an earlier one of the same image is replaced."""
        self._directory.mkdir(parents=True, exist_ok=True)
        partial = self._directory / f"{key}.{os.getpid()}.part"
        partial.write_text(json.dumps(asdict(note)), encoding="utf-8")
        partial.replace(self._path(key))

    def read(self, key: str) -> ImageNote:
        """Read a note; one that is not there knows nothing."""
        try:
            return ImageNote(**json.loads(self._path(key).read_bytes()))
        except (OSError, ValueError, TypeError):  # damaged by hand: nothing depends on it
            return ImageNote(dockerfile="", base="", base_bytes=0)

    def touch(self, key: str) -> None:
        """Note a use."""
        now_ns = self._clock_ms() * 1_000_000
        with suppress(OSError):
            os.utime(self._path(key), ns=(now_ns, now_ns))

    def used_at_ms(self, key: str) -> int | None:
        """When the image was used last; None when that is not known."""
        try:
            return self._path(key).stat().st_mtime_ns // 1_000_000
        except OSError:
            return None

    def forget(self, key: str) -> None:
        """Remove a note."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}{_SUFFIX}"
