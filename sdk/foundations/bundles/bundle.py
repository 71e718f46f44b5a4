"""Pack a project directory into a bundle: a tar.gz that depends on nothing but the content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from foundations.bundles.project_files import Entry, ProjectFiles, changed, opened, reading
from foundations.bundles.rules import Limits
from foundations.bundles.tarball_writer import END, READ_BYTES, GzipEncoder, encode_member, padding
from foundations.errors import BundleError


@dataclass(frozen=True)
class Estimate:
    """What packing a directory would take."""

    size_bytes: int
    """Of all files, before compression."""
    file_count: int
    largest: tuple[tuple[str, int], ...]
    """The largest files, path and bytes, largest first."""
    warnings: tuple[str, ...]
    """What is left out although no rule says so, a sentence each."""
    left_out: tuple[str, ...] = ()
    """The first files and directories that a rule leaves out; a directory ends with `/`."""
    left_out_count: int = 0
    """How many they are in all, whatever is in a directory not counted."""


Watch = Callable[[int], None]
"""Told how many bytes are done so far; what it raises ends the work."""


@dataclass(frozen=True)
class Packed:
    """A bundle on disk."""

    digest: str
    """`sha256:` and the hex digest of the packed file."""
    size_bytes: int
    """Of the packed file."""
    file_count: int
    largest: tuple[tuple[str, int], ...]
    """The largest files, path and bytes before compression, largest first."""
    warnings: tuple[str, ...]
    """What was left out although no rule says so, a sentence each."""


def estimate(
    directory: Path, *, limits: Limits | None = None, watch: Watch | None = None
) -> Estimate:
    """Add up what `pack` would pack.

    Raises:
        BundleError: the directory cannot be packed; the text names the file and the reason.
    """
    scan = ProjectFiles(directory, limits=limits or Limits())
    for _ in scan.entries():
        if watch is not None:
            watch(scan.size_bytes)
    return Estimate(
        scan.size_bytes,
        scan.file_count,
        scan.largest(),
        tuple(scan.warnings),
        tuple(scan.left_out),
        scan.left_out_count,
    )


def pack(
    directory: Path,
    destination: Path,
    *,
    limits: Limits | None = None,
    watch: Watch | None = None,
) -> Packed:
    """Pack a directory into the new file `destination`, in constant memory.

    Links are followed, so that the bundle holds content only. What is left out is said by
    `foundations.bundles.exclusions`. Nothing is left at `destination` after an error.

    Raises:
        BundleError: it cannot be packed; the text names the file and the reason.
    """
    scan = ProjectFiles(directory, limits=limits or Limits())
    try:
        with destination.open("xb") as file:
            try:
                scan.pass_over(os.fstat(file.fileno()))
                bundle = _BundleFile(file, watch)
                for entry in scan.entries():
                    _pack_entry(bundle, entry)
                bundle.finish()
            except BaseException:
                destination.unlink()
                raise
    except OSError as error:
        raise BundleError(f"Cannot write the bundle: {error}.") from error
    return Packed(
        f"sha256:{bundle.hash.hexdigest()}",
        bundle.size_bytes,
        scan.file_count,
        scan.largest(),
        tuple(scan.warnings),
    )


class _BundleFile:
    """The packed file, hashed while it is written."""

    def __init__(self, file: BinaryIO, watch: Watch | None) -> None:
        self._file = file
        self._watch = watch
        self._unpacked_bytes = 0
        self._gzip = GzipEncoder()
        self.hash = hashlib.sha256()
        self.size_bytes = 0
        self._put(self._gzip.header())

    def write(self, data: bytes) -> None:
        self._put(self._gzip.encode(data))
        self._unpacked_bytes += len(data)
        if self._watch is not None:
            self._watch(self._unpacked_bytes)

    def finish(self) -> None:
        self.write(END)
        self._put(self._gzip.finish())

    def _put(self, packed: bytes) -> None:
        self._file.write(packed)
        self.hash.update(packed)
        self.size_bytes += len(packed)


def _pack_entry(bundle: _BundleFile, entry: Entry) -> None:
    if entry.is_directory:
        # Its time of change says when something in it was made or removed, be it a cache file:
        # with it, equal projects would give different bundles.
        bundle.write(encode_member(entry.path, kind="directory"))
        return
    with opened(entry.source, entry.path) as (descriptor, status):
        _pack_content(bundle, entry.path, descriptor, status)


def _pack_content(bundle: _BundleFile, path: str, descriptor: int, status: os.stat_result) -> None:
    bundle.write(
        encode_member(
            path,
            size_bytes=status.st_size,
            executable=bool(status.st_mode & 0o100),
            mtime_seconds=int(status.st_mtime),
        )
    )
    missing_bytes = status.st_size
    while data := _read(descriptor, path):
        missing_bytes -= len(data)
        if missing_bytes < 0:
            raise changed(path)
        bundle.write(data)
    if missing_bytes:
        raise changed(path)
    bundle.write(padding(status.st_size))


def _read(descriptor: int, path: str) -> bytes:
    with reading(path):
        return os.read(descriptor, READ_BYTES)
