"""A project directory as a listing: what is in it, with the digest of each file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from foundations.bundles.bundle import Watch
from foundations.bundles.hash_cache import HashCache, now_ns
from foundations.bundles.listing import ListedFile, Listing, clamped_mtime, digest_of
from foundations.bundles.project_files import (
    Entry,
    ProjectFiles,
    changed,
    changed_since,
    opened,
    reading,
)
from foundations.bundles.rules import Limits

HASHING_THREADS = 4
_READ_BYTES = 1024 * 1024
_BATCH_FILES = 4096
"""What a pool is given at once: it keeps a kilobyte of each until it is asked for."""


@dataclass(frozen=True)
class Tree:
    """A directory, listed."""

    digest: str
    """Names the bundle."""
    listing: bytes
    sources: dict[str, tuple[str, str]]
    """Where each content lies, by its digest: path on disk, and path in the bundle."""
    size_bytes: int
    """Of all files."""
    file_count: int


def list_tree(
    directory: Path,
    *,
    limits: Limits | None = None,
    watch: Watch | None = None,
    cache: HashCache | None = None,
) -> Tree:
    """List what `bundle.pack` would pack; read only files that changed since the last time.

    Args:
        directory: the project.
        limits: how much it may hold.
        watch: told how many bytes are listed so far; what it raises ends the work.
        cache: remembers digests; the user's own by default.

    Raises:
        BundleError: it cannot be listed; the text names the file and the reason.
    """
    scan = ProjectFiles(directory, limits=limits or Limits())
    known = HashCache(directory) if cache is None else cache
    lister = _Lister(known, watch)
    directories: list[str] = []
    entries: list[Entry] = []
    for entry in scan.entries():
        if entry.is_directory:
            directories.append(entry.path)
        else:
            entries.append(entry)
    files, sources = lister.run(entries)
    known.save()
    listing = Listing(files, directories).encode()
    return Tree(digest_of(listing), listing, sources, lister.done_bytes, scan.file_count)


class _Lister:
    def __init__(self, cache: HashCache, watch: Watch | None) -> None:
        self._cache = cache
        self._watch = watch
        self.done_bytes = 0

    def run(self, entries: list[Entry]) -> tuple[dict[str, ListedFile], dict[str, tuple[str, str]]]:
        # Not at the top: small projects, of which most are, need no threads.
        from concurrent.futures import ThreadPoolExecutor

        files: dict[str, ListedFile] = {}
        sources: dict[str, tuple[str, str]] = {}
        with ThreadPoolExecutor(HASHING_THREADS, "atlas-hash") as pool:
            try:
                unknown: list[Entry] = []
                for entry in entries:
                    with reading(entry.path):
                        status = Path(entry.source).stat()
                    sha256 = self._cache.known(entry.path, status)
                    if sha256 is None:
                        unknown.append(entry)
                        files[entry.path] = _listed("", status)  # its place in the order
                    else:
                        files[entry.path] = _listed(sha256, status)
                        sources.setdefault(sha256, (entry.source, entry.path))
                        self._count(status.st_size)
                for start in range(0, len(unknown), _BATCH_FILES):
                    batch = unknown[start : start + _BATCH_FILES]
                    read = pool.map(self._read, batch)
                    for entry, (sha256, status) in zip(batch, read, strict=True):
                        files[entry.path] = _listed(sha256, status)
                        sources.setdefault(sha256, (entry.source, entry.path))
                        self._count(status.st_size)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return files, sources

    def _read(self, entry: Entry) -> tuple[str, os.stat_result]:
        began_ns = now_ns()
        digest = hashlib.sha256()
        with opened(entry.source, entry.path) as (descriptor, status):
            missing_bytes = status.st_size
            with reading(entry.path):
                while missing_bytes >= 0 and (data := os.read(descriptor, _READ_BYTES)):
                    digest.update(data)
                    missing_bytes -= len(data)
            if missing_bytes or changed_since(status, os.fstat(descriptor)):
                raise changed(entry.path)
        sha256 = digest.hexdigest()
        self._cache.remember(entry.path, status, sha256, read_from_ns=began_ns)
        return sha256, status

    def _count(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes
        if self._watch is not None:
            self._watch(self.done_bytes)


def _listed(sha256: str, status: os.stat_result) -> ListedFile:
    return ListedFile(
        sha256=sha256,
        size_bytes=status.st_size,
        mtime_seconds=clamped_mtime(status.st_mtime),
        executable=bool(status.st_mode & 0o100),
    )
