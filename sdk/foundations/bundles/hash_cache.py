"""Remembers the digests of a directory's files, so that what did not change is not read again.

A file counts as unchanged when size, both times and identity are as they were. Times have a grain:
a file that was changed just before it was read may change again within the same grain, so such a
file is not remembered (as in git's index).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

RACY_NS = 2 * 10**9
"""The coarsest grain of a file system's times."""
_FORMAT = 1


def cache_dir() -> Path:
    """Where the user's caches of Atlas are: `$XDG_CACHE_HOME/atlas`, or `~/.cache/atlas`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "atlas"


class HashCache:
    """The digests of one directory's files. It may always be missing, old or damaged."""

    def __init__(self, directory: Path, *, folder: Path | None = None) -> None:
        """Read what is remembered of a directory.

        Args:
            directory: whose files.
            folder: where the cache lies; the user's by default.
        """
        place = folder or cache_dir() / "hashes"
        name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:32]
        self._path = place / f"{name}.json"
        self._before = _read(self._path)
        self._now: dict[str, list[Any]] = {}

    def known(self, path: str, status: os.stat_result) -> str | None:
        """The digest of a file that is as it was, None of any other."""
        entry = self._before.get(path)
        if entry is None or entry[:-1] != _facts(status):
            return None
        self._now[path] = entry
        return str(entry[-1])

    def remember(
        self, path: str, status: os.stat_result, sha256: str, *, read_from_ns: int
    ) -> None:
        """Keep the digest of a file, unless it was changed too shortly before it was read.

        Args:
            path: its path in the directory.
            status: as it was when it was read.
            sha256: the digest.
            read_from_ns: when reading it began, in ns since 1970.
        """
        if max(status.st_mtime_ns, status.st_ctime_ns) + RACY_NS < read_from_ns:
            self._now[path] = [*_facts(status), sha256]

    def save(self) -> None:
        """Write down what was known or remembered. Without a place to write to, nothing is."""
        if self._now == self._before:
            return
        document = {"format": _FORMAT, "files": self._now}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=self._path.parent, prefix=".")
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    json.dump(document, file, separators=(",", ":"))
                Path(part).replace(self._path)
            except BaseException:
                Path(part).unlink()
                raise


def now_ns() -> int:
    """The time, in ns since 1970."""
    return time.time_ns()


def _facts(status: os.stat_result) -> list[Any]:
    return [
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    ]


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        document = json.loads(path.read_bytes())
        files = document["files"]
        is_sound = document["format"] == _FORMAT and all(
            isinstance(entry, list) and len(entry) == 6 for entry in files.values()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return dict(files) if is_sound else {}
