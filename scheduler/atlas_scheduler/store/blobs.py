"""The content of files by its digest, each once: what bundles that came file by file are made of.

A blob under its name is whole and durable. Trees of bundles are links to blobs, so that bundles
which share files share their space; nothing ever writes into a blob or a tree.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from atlas_scheduler.store.files import sync_directory
from atlas_scheduler.store.reflink import copy_file
from atlas_scheduler.store.syncing import sync_files
from foundations.bundles.listing import ListedFile, Listing, distinct
from foundations.errors import BundleRejected

LEASE_SECONDS = 3600.0
"""For so long a blob stays that somebody was told is here, though no bundle has it yet."""
RESUMABLE_BYTES = 1024 * 1024
"""Of a file that was cut off, less is not worth keeping, nor telling anybody."""


class Blobs:
    """The blobs of one home. Everything here blocks on the disk; any thread may call it."""

    def __init__(
        self, directory: Path, incoming: Path, *, clock_seconds: Callable[[], float]
    ) -> None:
        """Open them; nothing is made before the first one comes.

        Args:
            directory: where they lie.
            incoming: where they come in, on the same file system.
            clock_seconds: only grows.
        """
        self.directory = directory
        self.incoming = incoming
        self._clock = clock_seconds
        self._lock = threading.RLock()
        self._leases: dict[str, float] = {}
        self._open_parts: set[str] = set()
        self._whole: dict[str, Path] = {}

    def path(self, sha256: str) -> Path:
        """Where a blob lies, or would."""
        return self.directory / sha256

    def part(self, sha256: str) -> Path:
        """Where one comes in that was cut off and can be continued."""
        return self.incoming / f"{sha256}.part"

    def missing(self, listing: Listing) -> dict[str, tuple[int, int]]:
        """What of a listing is not here: size, and how much of it has arrived, by digest.

        What is here stays for a while, so that whoever asked need not send it.

        Raises:
            BundleError: the listing contradicts itself.
            BundleRejected: a blob is here and has another size.
        """
        found: dict[str, tuple[int, int]] = {}
        until = self._clock() + LEASE_SECONDS
        with self._lock:
            for sha256, size_bytes in distinct(listing.files.values()).items():
                self._leases[sha256] = until
                here = _size(self.path(sha256))
                if here is None:
                    arrived = _size(self.part(sha256)) or 0
                    if arrived < RESUMABLE_BYTES:
                        arrived = 0
                    found[sha256] = (size_bytes, min(arrived, size_bytes))
                elif here != size_bytes:
                    raise BundleRejected(
                        f"The file with the digest {sha256} has {here} bytes, not {size_bytes}."
                    )
        return found

    def claim_part(self, sha256: str) -> bool:
        """Keep a part to oneself. Returns False when somebody else is sending the same."""
        with self._lock:
            if sha256 in self._open_parts:
                return False
            self._open_parts.add(sha256)
            return True

    def release_part(self, sha256: str) -> None:
        """Let others continue a part."""
        with self._lock:
            self._open_parts.discard(sha256)

    def set_aside(self, sha256: str, path: Path) -> None:
        """Note where a file lies that is whole and waits to be published."""
        with self._lock:
            self._whole[sha256] = path

    def beginnings(self, sha256: str) -> Iterator[Path]:
        """Where what others have sent of a file may lie, in the order in which it moves on."""
        yield self.part(sha256)
        with self._lock:
            whole = self._whole.get(sha256)
        if whole is not None:
            yield whole
        yield self.path(sha256)

    def publish(self, arrived: dict[str, Path]) -> None:
        """Give files that were checked their names, once all of them are durable."""
        if not arrived:
            return
        try:
            sync_files(list(arrived.values()))
        except OSError:
            for sha256, path in arrived.items():
                path.unlink(missing_ok=True)
                self._whole.pop(sha256, None)
            raise
        with self._lock:
            self.directory.mkdir(exist_ok=True)
            until = self._clock() + LEASE_SECONDS
            for sha256, path in arrived.items():
                path.rename(self.path(sha256))
                self._whole.pop(sha256, None)
                self._leases[sha256] = until
        sync_directory(self.directory)

    def holding_all(self, listing: Listing, then: Callable[[], None]) -> dict[str, tuple[int, int]]:
        """Do something that relies on every blob of a listing, if all are here.

        None of them can go away meanwhile. Returns what is `missing`; nothing when it was done.
        """
        with self._lock:
            missing = self.missing(listing)
            if not missing:
                then()
                for file in listing.files.values():
                    self._leases.pop(file.sha256, None)  # what was done holds them now
            return missing

    def build_tree(self, listing: Listing, tree: Path) -> None:
        """Make the files of a listing in an empty directory, by links to blobs where that is right.

        Raises:
            FileNotFoundError: a blob is not here.
        """
        with self._lock:
            for path in listing.directories:
                (tree / path).mkdir(mode=0o755)
            prefix = f"{tree}/"
            for path, file in listing.files.items():
                self._place(file, prefix + path)

    def drop(self, names: Iterable[str], still_used: Callable[[], set[str]]) -> int:
        """Remove blobs that no bundle uses. Returns how many went.

        Args:
            names: which ones to judge.
            still_used: says which blobs the bundles use; asked while none can be added.
        """
        with self._lock:
            now = self._clock()
            self._leases = {name: until for name, until in self._leases.items() if until > now}
            going = set(names) - self._leases.keys()
            going -= still_used() if going else set()
            for name in going:
                self.path(name).unlink(missing_ok=True)
            return len(going)

    def stale(self, *, changed_before_seconds: float) -> list[str]:
        """Blobs that nothing has touched since a time (seconds since 1970)."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_ctime < changed_before_seconds:
                        found.append(entry.name)
        return found

    def _place(self, file: ListedFile, place: str) -> None:
        blob = self.path(file.sha256)
        status = blob.lstat()
        mtime_ns = file.mtime_seconds * 10**9
        if status.st_nlink == 1:
            # No tree shows it yet: it can be as this one wants it.
            blob.chmod(file.mode)
            os.utime(blob, ns=(mtime_ns, mtime_ns))
        elif status.st_mode & 0o777 != file.mode or status.st_mtime_ns != mtime_ns:
            return _copy(blob, place, file)
        try:
            os.link(blob, place)
        except OSError as error:
            if error.errno not in (errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP):
                raise
            _copy(blob, place, file)


def _copy(blob: Path, place: str, file: ListedFile) -> None:
    source = os.open(blob, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        copy = os.open(place, flags, file.mode)
        try:
            copy_file(source, copy, file.size_bytes)
            os.fchmod(copy, file.mode)
            os.utime(copy, ns=(file.mtime_seconds * 10**9,) * 2)
        finally:
            os.close(copy)
    finally:
        os.close(source)


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return None
