"""A job's log as the store keeps it, and what tests read from it."""

from __future__ import annotations

from atlas_scheduler.store.logs import FileLog


class ReadableLog(FileLog):
    """The store's log, read at once."""

    def output(self) -> bytes:
        """What the job itself wrote, as far as it is here."""
        return self._content()[self._begin() :]

    def said(self) -> str:
        """What Atlas said before the job's first byte."""
        return self._content()[: self._begin()].decode()

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _begin(self) -> int:
        origin = self.path.with_name(f"{self.path.name}.origin")
        return int(origin.read_text()) if origin.exists() else len(self._content())
