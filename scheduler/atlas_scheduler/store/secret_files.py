"""Gives values of secrets to attempts: files in memory, for as long as the attempt is there."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from atlas_scheduler.store.files import remove_tree, storage_errors

MEMORY = Path("/dev/shm")  # noqa: S108 - below it a directory that only its owner can enter


class SecretFiles:
    """Directories of secrets, one an attempt. Everything here but `has` blocks."""

    def __init__(self, instance: str, *, fallback: Path, memory: Path = MEMORY) -> None:
        """Lay files out for the attempts of one scheduler.

        Args:
            instance: of the scheduler; keeps those of others apart.
            fallback: where they lie on systems that have no file system in memory.
            memory: that file system.
        """
        in_memory = memory.is_dir() and os.access(memory, os.W_OK)
        self._top = memory / f"atlas-{os.getuid()}-{instance}" if in_memory else fallback

    def lay_out(self, attempt: str, values: Mapping[str, bytes]) -> Path:
        """Write the values of an attempt into files of its own; may be repeated.

        Returns:
            The directory.

        Raises:
            PermissionError: somebody else was there first and made what lies at its place.
            StorageFull: there is no space.
        """
        directory = self._top / attempt
        with storage_errors():
            _own(self._top)
            directory.mkdir(mode=0o700, exist_ok=True)
            for name, value in values.items():
                path = directory / name
                path.unlink(missing_ok=True)
                path.touch(mode=0o400, exist_ok=False)
                # Only root may open a file for writing that nobody may write to.
                path.chmod(0o600)
                path.write_bytes(value)
                path.chmod(0o400)
        return directory

    def has(self, attempt: str) -> bool:
        """Whether an attempt was given any: one look, mostly into memory."""
        return (self._top / attempt).exists()

    def values(self, attempt: str) -> list[bytes]:
        """Read what an attempt was given; nothing when that is gone."""
        try:
            return [path.read_bytes() for path in (self._top / attempt).iterdir()]
        except FileNotFoundError:
            return []

    def take_away(self, attempt: str) -> None:
        """Remove the files of an attempt, if there are any."""
        remove_tree(self._top / attempt)

    def sweep(self, attempts: Collection[str]) -> None:
        """Remove the files of all attempts but these."""
        for name in self._names():
            if name not in attempts:
                self.take_away(name)

    def _names(self) -> Iterator[str]:
        try:
            yield from [path.name for path in self._top.iterdir()]
        except FileNotFoundError:
            return


def _own(directory: Path) -> None:
    """Make a directory that only its owner can enter; everybody may write beside it.

    Raises:
        PermissionError: it is somebody else's, or open to others.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or status.st_mode & 0o077:
        raise PermissionError(f"{directory} is not a directory that only this user can enter")
