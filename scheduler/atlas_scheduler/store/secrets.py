"""Keeps the values that jobs may use and nobody is shown: files in a directory of the owner's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from atlas_scheduler.store.files import storage_errors, sync_directory, write_durably
from foundations.errors import NotFound

_SHARED = "shared"
_USERS = "users"
_LONGEST_NAME = 200
"""Of a user, quoted; file systems take 255 bytes, and names of users may have 200 characters."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What may be told of one."""

    name: str
    shared: bool
    set_at_ms: int


class Secrets:
    """The secrets of users, and those that all of them share. Everything here blocks."""

    def __init__(self, directory: Path) -> None:
        """Keep them below a directory, which is made when the first one comes."""
        self._top = directory

    def set(self, name: str, value: bytes, *, user: str | None) -> Secret:
        """Keep a value in place of the one before; it is durable when this returns.

        Args:
            name: of the secret: letters, digits and `_`.
            value: what jobs get.
            user: whose it is; None for everybody's.

        Raises:
            StorageFull: there is no space.
        """
        directory = self._directory(user)
        with storage_errors():
            for one in (self._top, directory.parent, directory):
                one.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(directory / name, value)
        return self._seen(directory / name, shared=user is None)

    def of_user(self, user: str) -> list[Secret]:
        """List what jobs of a user may have, by name; their own hide shared ones."""
        found = {one.name: one for one in self._in(self._directory(None), shared=True)}
        found |= {one.name: one for one in self._in(self._directory(user), shared=False)}
        return [found[name] for name in sorted(found)]

    def remove(self, name: str, *, user: str | None) -> None:
        """Forget a value.

        Raises:
            NotFound: there is none.
        """
        directory = self._directory(user)
        try:
            (directory / name).unlink()
        except (FileNotFoundError, NotADirectoryError):
            whose = "shared secret" if user is None else "secret of yours"
            raise NotFound(f"There is no {whose} named `{name}`.") from None
        sync_directory(directory)

    def missing(self, names: Iterable[str], *, user: str) -> list[str]:
        """Say which of these a user's jobs cannot have."""
        return [name for name in names if self._path(name, user) is None]

    def values(self, names: Iterable[str], *, user: str) -> dict[str, bytes]:
        """Read values for a job of a user.

        Raises:
            NotFound: one is not there; the text names it and says what to do.
        """
        return {name: self._value(name, user) for name in names}

    def _value(self, name: str, user: str) -> bytes:
        path = self._path(name, user)
        try:
            if path is not None:
                return path.read_bytes()
        except FileNotFoundError:
            pass  # it was removed at this moment
        raise NotFound(no_such_secret([name]))

    def _path(self, name: str, user: str) -> Path | None:
        for whose in (user, None):
            path = self._directory(whose) / name
            if path.is_file():
                return path
        return None

    def _in(self, directory: Path, *, shared: bool) -> Iterator[Secret]:
        if not directory.is_dir():
            return
        for path in directory.iterdir():
            if "." not in path.name:  # one that is being written
                yield self._seen(path, shared=shared)

    @staticmethod
    def _seen(path: Path, *, shared: bool) -> Secret:
        return Secret(path.name, shared, path.stat().st_mtime_ns // 1_000_000)

    def _directory(self, user: str | None) -> Path:
        if user is None:
            return self._top / _SHARED
        name = quote(user, safe="")
        if len(name) > _LONGEST_NAME:
            return self._top / _USERS / f"h-{hashlib.sha256(name.encode()).hexdigest()}"
        # The mark in front keeps `.` and `..` from being directories of their own kind.
        return self._top / _USERS / f"u-{name}"


def no_such_secret(names: Iterable[str]) -> str:
    """Say that secrets are missing, and what to do."""
    missing = list(names)
    listed = ", ".join(f"`{name}`" for name in missing)
    what = "no secret" if len(missing) == 1 else "no secrets"
    return f"There is {what} {listed}. Set it with `foundations secret set`."
