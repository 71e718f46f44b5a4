"""A job's log in one file, as the store keeps it, with its output's beginning beside it."""

from __future__ import annotations

import threading
from pathlib import Path


class FileJobLog:
    """A log that behaves: what Atlas says, then the job's bytes; it survives being made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_suffix(".begin")
        self._lock = threading.Lock()
        self.touches = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    @property
    def path(self) -> Path:
        return self._path

    def say(self, text: str) -> None:
        self.append(text.encode() + b"\n")

    def begin_output(self) -> int:
        if not self._mark.exists():
            self._mark.write_text(str(self._path.stat().st_size))
        return self._path.stat().st_size - int(self._mark.read_text())

    def append(self, data: bytes) -> None:
        with self._lock, self._path.open("ab") as file:
            file.write(data)

    def touch(self) -> None:
        self.touches += 1

    def output(self) -> bytes:
        """What the job itself wrote, as far as it is here."""
        begin = int(self._mark.read_text()) if self._mark.exists() else self._path.stat().st_size
        return self._path.read_bytes()[begin:]

    def said(self) -> str:
        """What Atlas said before the job's first byte."""
        begin = int(self._mark.read_text()) if self._mark.exists() else self._path.stat().st_size
        return self._path.read_bytes()[:begin].decode()
