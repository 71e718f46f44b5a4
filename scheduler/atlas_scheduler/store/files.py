"""Steps on files that the store shares: durable, or safe in trees that a job may have prepared.

A job owns its directory while it runs: any part of it may be a link, unreadable, or absurdly deep.
So nothing here follows a link below the directory it was given.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from foundations.bundles.holes import stretches
from foundations.errors import StorageFull

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HANDLE = getattr(os, "O_PATH", os.O_RDONLY)
_OWNER_ALL = 0o700
_COPY_BYTES = 1024 * 1024
_LEAST_WITH_HOLES = 64 * 1024
"""A smaller file is copied as it is: to look for holes takes longer."""
_NO_RANGE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_REMOVAL_ROUNDS = 10


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Turn a full disk (or quota) into `StorageFull`; other errors pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The scheduler's disk is full. Free space on it and try again."
            ) from error
        raise


def sync_directory(path: Path) -> None:
    """Make renames in a directory survive a power cut."""
    descriptor = os.open(path, _DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Write a whole file so that either the old or the new content is there, also after a crash."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_directory(path.parent)


def open_directory(name: str | os.PathLike[str], *, inside: int | None = None) -> int:
    """Open a directory, no link, and give its owner the rights to work in it.

    Args:
        name: one name in `inside`, or a path whose parents are trusted.
        inside: descriptor of the parent directory.

    Raises:
        OSError: it is something else (`ENOTDIR`), or belongs to somebody else.
    """
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=inside)
    except PermissionError:
        _add_rights(name, inside, _OWNER_ALL, stat.S_ISDIR)
        descriptor = os.open(name, _DIRECTORY, dir_fd=inside)
    mode = os.fstat(descriptor).st_mode
    if mode & _OWNER_ALL != _OWNER_ALL:
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, mode & 0o777 | _OWNER_ALL)
    return descriptor


def make_readable(name: str, *, inside: int) -> None:
    """Let the owner read and write a file; what is no regular file stays as it is."""
    _add_rights(name, inside, 0o600, stat.S_ISREG)


def _add_rights(
    name: str | os.PathLike[str], inside: int | None, rights: int, fits: Callable[[int], bool]
) -> None:
    """Add rights to what may not even be opened for reading, still following no link."""
    descriptor = os.open(name, _HANDLE | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=inside)
    try:
        mode = os.fstat(descriptor).st_mode
        if fits(mode):
            # Such a descriptor has no fchmod, but a path of its own.
            Path(f"/proc/self/fd/{descriptor}").chmod(mode & 0o777 | rights)
    finally:
        os.close(descriptor)


def open_file_below(top: Path, parts: Sequence[str]) -> int:
    """Open a file for reading, following no link at any part below `top`.

    Raises:
        OSError: a part is missing, is a link, or is no directory.
    """
    directory = open_directory_below(top, parts[:-1])
    try:
        return os.open(parts[-1], _FILE, dir_fd=directory)
    finally:
        os.close(directory)


def open_directory_below(top: Path, parts: Sequence[str]) -> int:
    """Open a directory, following no link at any part below `top`.

    Raises:
        OSError: a part is missing, is a link, or is no directory.
    """
    directory = os.open(top, _DIRECTORY)
    for part in parts:
        try:
            inner = os.open(part, _DIRECTORY, dir_fd=directory)
        finally:
            os.close(directory)
        directory = inner
    return directory


def copy_content(source: int, destination: int, size_bytes: int) -> None:
    """Copy so many bytes of one open file into another, both at their beginning.

    That happens inside the kernel where it can; holes stay holes, so `destination` must be empty.

    Raises:
        OSError: the file is shorter than that, or cannot be copied.
    """
    status = os.fstat(source)
    if status.st_size < size_bytes:
        raise OSError(errno.EIO, "the file is shorter than it was")
    if size_bytes < _LEAST_WITH_HOLES or status.st_blocks * 512 >= size_bytes:
        return _copy_range(source, destination, size_bytes)
    for start, end in stretches(source, size_bytes):
        os.lseek(source, start, os.SEEK_SET)
        os.lseek(destination, start, os.SEEK_SET)
        _copy_range(source, destination, end - start)
    os.ftruncate(destination, size_bytes)


def _copy_range(source: int, destination: int, size_bytes: int) -> None:
    """Copy so many bytes from where the one stands to where the other does."""
    missing = size_bytes
    try:
        while missing and (copied := os.copy_file_range(source, destination, missing)):
            missing -= copied
    except OSError as error:
        if error.errno not in _NO_RANGE_COPY:
            raise
    while missing and (data := os.read(source, min(missing, _COPY_BYTES))):
        missing -= len(data)
        write_all(destination, data)
    if missing:
        raise OSError(errno.EIO, "the file is shorter than it was")


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write everything, however many calls it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, or the one file or link that is there instead.

    Works in constant depth: directories in it are moved to the top and emptied there, so that
    neither the length of a path nor the number of open files limits it. A missing one is fine.

    Raises:
        OSError: something cannot be removed; all the rest is.
    """
    try:
        top = open_directory(path)
    except FileNotFoundError:
        return
    except OSError as error:
        # A link is the one or the other, depending on the system.
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        path.unlink(missing_ok=True)
        return
    try:
        _Removal(top).run()
    finally:
        os.close(top)
    path.rmdir()


class _Removal:
    """Empties one open directory."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._directories: deque[str] = deque()
        self._error: OSError | None = None

    def run(self) -> None:
        # More than one round only where something still writes into it.
        for _ in range(_REMOVAL_ROUNDS):
            self._empty(self._top)
            while self._directories:
                self._remove(self._directories.popleft())
            if self._error:
                raise self._error
            with os.scandir(self._top) as entries:
                if next(entries, None) is None:
                    return

    def _remove(self, name: str) -> None:
        """Remove a directory that lies at the top."""
        try:
            directory = open_directory(name, inside=self._top)
            try:
                self._empty(directory)
            finally:
                os.close(directory)
            os.rmdir(name, dir_fd=self._top)
        except FileNotFoundError:
            return
        except OSError as error:
            self._error = self._error or error

    def _empty(self, directory: int) -> None:
        with os.scandir(directory) as entries:
            listing = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_directory in listing:
            try:
                if is_directory:
                    self._directories.append(self._move_up(name, directory))
                else:
                    os.unlink(name, dir_fd=directory)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._error = self._error or error

    def _move_up(self, name: str, directory: int) -> str:
        if directory == self._top:
            return name
        free_name = uuid.uuid4().hex
        try:
            os.rename(name, free_name, src_dir_fd=directory, dst_dir_fd=self._top)
        except PermissionError:
            os.close(open_directory(name, inside=directory))
            os.rename(name, free_name, src_dir_fd=directory, dst_dir_fd=self._top)
        return free_name
