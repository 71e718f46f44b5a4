"""An archive as a tar.gz, made while it is sent, in constant memory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from atlas_scheduler.store.tree_walk import Found, walk
from foundations.bundles.rules import link_problem, name_problem
from foundations.bundles.tarball_writer import END, READ_BYTES, GzipEncoder, encode_member, padding
from foundations.bundles.unpack import RETRIEVED

_PIECE_BYTES = 64 * 1024
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What no archive may have in a name, and what would read as its replacement.
_TO_ESCAPE = re.compile(
    "[\x00-\x1f\x7f-\x9f\\\\\u2028-\u202e\u2066-\u2069\udc80-\udcff]|%(?=[0-9A-F]{2})"
)
_ESCAPES = re.compile("(?:%[0-9A-F]{2})+")


class ArchiveStream:
    """Yields a tar.gz of files and directories under one top directory.

    Names that an archive may not have are written with `%XX` for the bytes in question. Entries
    that even so cannot be represented are left out: sockets, links that lead out, paths that
    are too long.
    """

    def __init__(
        self,
        top: str,
        *,
        directories: Sequence[tuple[str, Callable[[], int]]],
        files: Sequence[tuple[str, Path]] = (),
        since_seconds: int = 0,
    ) -> None:
        """Prepare.

        Args:
            top: name of the directory that everything is in.
            directories: name in the archive, and what opens it; a missing one is left out.
            files: name in the archive and place on disk, likewise.
            since_seconds: leave out files in directories that changed before (seconds since 1970).
        """
        self._top = top
        self._directories = directories
        self._files = files
        self._since_seconds = since_seconds
        self._gzip = GzipEncoder()

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the packed file in pieces.

        Raises:
            OSError: a file cannot be read to its end; the stream is then visibly cut off.
        """
        pending = [self._gzip.header()]
        pending_bytes = 0
        for data in self._content():
            packed = self._gzip.encode(data)
            pending.append(packed)
            pending_bytes += len(packed)
            if pending_bytes >= _PIECE_BYTES:
                yield b"".join(pending)
                pending, pending_bytes = [], 0
        pending.append(self._gzip.finish())
        yield b"".join(pending)

    def _content(self) -> Iterator[bytes]:
        yield encode_member(self._top, kind="directory")
        for name, open_it in self._directories:
            yield from self._directory(f"{self._top}/{name}", open_it)
        for name, path in self._files:
            yield from _file(f"{self._top}/{name}", path, inside=None)
        yield END

    def _directory(self, path: str, open_it: Callable[[], int]) -> Iterator[bytes]:
        try:
            directory = open_it()
        except FileNotFoundError:
            return
        try:
            yield encode_member(path, kind="directory")
            for found in walk(directory):
                if found.is_file and found.status.st_mtime < self._since_seconds:
                    continue
                yield from _member(f"{path}/{escaped(found.path)}", found)
        finally:
            os.close(directory)


def _member(path: str, found: Found) -> Iterator[bytes]:
    if found.problem or name_problem(path, RETRIEVED):
        return
    if found.is_directory:
        yield encode_member(path, kind="directory")
    elif found.is_file:
        yield from _file(path, found.name, inside=found.inside)
    elif found.is_link:
        target = os.readlink(found.name, dir_fd=found.inside)
        if not link_problem(found.path, target, RETRIEVED):
            yield encode_member(path, kind="link", target=target)


def _file(path: str, name: str | Path, *, inside: int | None) -> Iterator[bytes]:
    try:
        descriptor = os.open(name, _READ_FLAGS, dir_fd=inside)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        yield encode_member(
            path,
            size_bytes=status.st_size,
            executable=bool(status.st_mode & 0o100),
            # A record is the server's own; of a file of the job's, the job said whose it is.
            private=inside is not None and not status.st_mode & 0o077,
            mtime_seconds=int(status.st_mtime),
        )
        missing = status.st_size
        # Not beyond the size in the header, even where the file grows.
        while missing:
            data = os.read(descriptor, min(missing, READ_BYTES))
            if not data:
                raise OSError(f"{path} became shorter while it was sent")
            missing -= len(data)
            yield data
        yield padding(status.st_size)
    finally:
        os.close(descriptor)


def escaped(path: str) -> str:
    """Write a path so that it is allowed; different paths stay different."""
    return _TO_ESCAPE.sub(lambda m: "".join(f"%{byte:02X}" for byte in os.fsencode(m[0])), path)


def unescaped(path: str) -> str:
    """Return the path that `escaped` wrote so."""
    return _ESCAPES.sub(lambda m: os.fsdecode(bytes.fromhex(m[0].replace("%", ""))), path)
