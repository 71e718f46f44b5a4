"""What is in a bundle, file by file with the digest of each: its listing, as bytes that name it.

Two ways lead to a bundle: one packed file, named by its own digest, or a listing, named by the
digest of the listing, whose files travel one by one and only where they are missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from foundations.bundles.rules import Limits, name_problem, quoted
from foundations.errors import BundleError

LARGEST_LISTING_BYTES = 64 * 1024**2
"""Room for as many files as a bundle may have, with paths of 230 characters."""

_FORMAT = 1
_SHA256 = re.compile("[0-9a-f]{64}")
_LATEST_SECONDS = 8**11 - 1  # what a tar header can hold, so that both ways mean the same


class ListedFile(NamedTuple):
    """One file of a bundle."""

    sha256: str
    """Of its content, in hex."""
    size_bytes: int
    mtime_seconds: int
    executable: bool

    @property
    def mode(self) -> int:
        """The rights that it gets."""
        return 0o755 if self.executable else 0o644


class Listing(NamedTuple):
    """The content of a bundle."""

    files: dict[str, ListedFile]
    """By path, parts joined with `/`."""
    directories: list[str]
    """Every directory, parents before children."""

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files.values())

    def encode(self) -> bytes:
        """Return the bytes that the bundle is named by."""
        files = [
            [path, file.sha256, file.size_bytes, file.mtime_seconds, int(file.executable)]
            for path, file in self.files.items()
        ]
        document = {"format": _FORMAT, "directories": self.directories, "files": files}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def digest_of(listing: bytes) -> str:
    """Return the digest that names a bundle with this listing."""
    return f"sha256:{hashlib.sha256(listing).hexdigest()}"


def clamped_mtime(seconds: float) -> int:
    """Return a time of change as a listing holds it."""
    return min(max(int(seconds), 0), _LATEST_SECONDS)


def parse_listing(data: bytes, *, limits: Limits | None = None) -> Listing:
    """Read a listing that may be hostile.

    Raises:
        BundleError: it is damaged, or has something that no bundle may have.
    """
    try:
        document = json.loads(data)
        if document["format"] != _FORMAT:
            raise BundleError(f"its format is {document['format']!r}, not {_FORMAT}")
        directories, files = document["directories"], document["files"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError("it is not a listing") from error
    return _Reader(limits or Limits()).read(directories, files)


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._directories = {""}
        self._paths: set[str] = set()
        self._left_bytes = limits.expanded_bytes

    def read(self, directories: Any, files: Any) -> Listing:
        if not isinstance(directories, list) or not isinstance(files, list):
            raise BundleError("it is not a listing")
        if len(directories) + len(files) > self._limits.members:
            raise BundleError(
                f"it has more than {self._limits.members} files and directories, and data is "
                "better given to the job as a volume"
            )
        for path in directories:
            self._enter(path)
            self._directories.add(path)
        found = dict(self._file(entry) for entry in files)
        return Listing(found, directories)

    def _file(self, entry: Any) -> tuple[str, ListedFile]:
        if not isinstance(entry, list) or len(entry) != 5:
            raise BundleError("an entry of it is not that of a file")
        path, sha256, size_bytes, mtime_seconds, executable = entry
        self._enter(path)
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise BundleError(f"{quoted(path)} has no digest")
        for number, most in (
            (size_bytes, self._limits.file_bytes),
            (mtime_seconds, _LATEST_SECONDS),
            (executable, 1),
        ):
            if type(number) is not int or not 0 <= number <= most:
                raise BundleError(f"{quoted(path)} has a size, time or mode that cannot be")
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise BundleError(f"its files have more than {self._limits.expanded_bytes} bytes")
        return path, ListedFile(sha256, size_bytes, mtime_seconds, bool(executable))

    def _enter(self, path: Any) -> None:
        """Check a path that is new, below a directory that is known."""
        if not isinstance(path, str):
            raise BundleError("a path in it is not text")
        if problem := name_problem(path, self._limits):
            raise BundleError(f"{quoted(path)} is not allowed: {problem}")
        if path in self._paths:
            raise BundleError(f"{quoted(path)} is there twice")
        if path.rpartition("/")[0] not in self._directories:
            raise BundleError(f"{quoted(path)} lies in no directory of it")
        self._paths.add(path)


def distinct(files: Iterable[ListedFile]) -> dict[str, int]:
    """The size of each content by its digest, once however many files have it.

    Raises:
        BundleError: the same content is said to have two sizes.
    """
    sizes: dict[str, int] = {}
    for file in files:
        if sizes.setdefault(file.sha256, file.size_bytes) != file.size_bytes:
            raise BundleError("two files of it have the same digest and different sizes")
    return sizes
