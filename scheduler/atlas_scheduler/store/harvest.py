"""Move what a job changed or created out of its directory, whatever the job made of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from atlas_scheduler.store.files import (
    copy_content,
    make_readable,
    open_directory,
)
from atlas_scheduler.store.tree_walk import Found, walk
from foundations.bundles.unpack import Manifest

LONGEST_PATH_BYTES = 3500
"""Longer paths stay behind, so that every path in an archive can be used as a path."""

MOST_LEFT_BEHIND = 1000
"""How many left-behind entries are named; the others are counted."""

NOT_KEPT = frozenset({"__pycache__"})
"""Directories with what Python makes again from the sources by itself."""

# These say nothing about the entry: trying again may help, and passing over it would lose it.
_TROUBLE_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS}
)
_COMPARE_BYTES = 256 * 1024


class Harvest:
    """Moves files and links from one directory to another one, keeping their paths.

    May be repeated after a crash at any moment: what is moved is moved.
    """

    def __init__(
        self,
        destination: Path,
        *,
        keep: Callable[[Found], bool],
        known_directories: Collection[str] = (),
    ) -> None:
        """Prepare.

        Args:
            destination: Where to; made when there is something to move.
            keep: Whether a file is to be moved.
            known_directories: Those that were there before; others are kept, though empty.
        """
        self._known_directories = frozenset(known_directories)
        self._destination = destination
        self._keep = keep
        self._target_path: str | None = None
        self._target = -1
        self._left_behind_count = 0
        self.left_behind: dict[str, str] = {}
        """What could not be moved, and why."""
        self.passed_over: set[str] = set()
        """Files that `keep` did not want."""

    def run(self, job_dir: Path, name: str) -> None:
        """Move from one directory in a job's directory.

        Raises:
            OSError: the machine is in trouble, such as a full disk; call again later.
        """
        try:
            directory = _open_in(job_dir, name)
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave(name, error)
            return
        try:
            for found in walk(directory, leave_out=NOT_KEPT):
                self._judge(found)
        finally:
            os.close(directory)
            self._close_target()

    def _judge(self, found: Found) -> None:
        if found.problem:
            self._leave_behind(found.path, found.problem)
        elif found.is_directory and found.path in self._known_directories:
            return
        elif not (found.is_directory or found.is_file or found.is_link):
            self._leave_behind(found.path, "is a socket, a named pipe or a device")
        elif len(os.fsencode(found.path)) > LONGEST_PATH_BYTES:
            self._leave_behind(found.path, f"has a path of more than {LONGEST_PATH_BYTES} bytes")
        else:
            try:
                if found.is_directory:
                    self._open_target(found.path)
                else:
                    self._move_if_kept(found)
            except OSError as error:
                self._leave(found.path, error)

    def _move_if_kept(self, found: Found) -> None:
        if found.is_file and not self._keep(found):
            self.passed_over.add(found.path)
            return
        if found.is_file and not found.status.st_mode & stat.S_IRUSR:
            make_readable(found.name, inside=found.inside)
        parent = found.path.rpartition("/")[0]
        target = self._open_target(parent)
        try:
            os.rename(found.name, found.name, src_dir_fd=found.inside, dst_dir_fd=target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy_and_unlink(found, target)

    def _copy_and_unlink(self, found: Found, target: int) -> None:
        """Do what rename does, between file systems."""
        # Beside the destination, where no name can be one of the job's.
        part = self._destination.with_name(f"{self._destination.name}.part")
        part.unlink(missing_ok=True)
        if found.is_link:
            part.symlink_to(os.readlink(found.name, dir_fd=found.inside))
        else:
            _copy_file(found, part)
        os.rename(part, found.name, dst_dir_fd=target)
        os.unlink(found.name, dir_fd=found.inside)

    def _leave(self, path: str, error: OSError) -> None:
        if error.errno in _TROUBLE_OF_THE_MACHINE:
            raise error
        self._leave_behind(path, f"cannot be moved: {error.strerror}")

    def _leave_behind(self, path: str, why: str) -> None:
        self._left_behind_count += 1
        surplus = self._left_behind_count - MOST_LEFT_BEHIND
        if surplus > 0:
            self.left_behind["…"] = f"and {surplus} more"
        else:
            self.left_behind[path] = why

    def _open_target(self, path: str) -> int:
        """Return a descriptor of a directory of the destination, made when missing."""
        if path == self._target_path:
            return self._target
        self._close_target()
        self._destination.mkdir(exist_ok=True)
        directory = open_directory(self._destination)
        for name in path.split("/") if path else ():
            try:
                inner = _made_directory(name, directory)
            finally:
                os.close(directory)
            directory = inner
        self._target_path, self._target = path, directory
        return directory

    def _close_target(self) -> None:
        if self._target_path is not None:
            os.close(self._target)
            self._target_path = None


class Unchanged:
    """Tells the files of a job's directory that are still as its bundle had them."""

    def __init__(self, manifest: Manifest, tree: Path, *, made_ns: int | None) -> None:
        """Compare with an unpacked bundle.

        Args:
            manifest: What is in the bundle.
            tree: Where.
            made_ns: When all of the job's files had been made, by the clock of the file system;
                None where that is not known.
        """
        self._files = manifest.files
        self._tree = tree
        self._made_ns = made_ns

    def has(self, found: Found) -> bool:
        """Say whether a file is as it was; its content is read only where its times say that
        something was done to it. Jobs can set the time of change, but not that of its inode."""
        facts = self._files.get(found.path)
        if facts is None:
            return False
        size_bytes, mtime_ns, mode = facts
        status = found.status
        if status.st_size != size_bytes or stat.S_IMODE(status.st_mode) != mode:
            return False
        is_untouched = self._made_ns is None or status.st_ctime_ns <= self._made_ns
        return (is_untouched and status.st_mtime_ns == mtime_ns) or self._has_content(found)

    def _has_content(self, found: Found) -> bool:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        now = os.open(found.name, flags, dir_fd=found.inside)
        try:
            before = os.open(self._tree / found.path, flags)
            try:
                return _same_content(now, before)
            finally:
                os.close(before)
        finally:
            os.close(now)


def listing(directory: Path) -> tuple[list[str], dict[str, str]]:
    """Return the files in a directory, and its links with where they lead."""
    files: list[str] = []
    links: dict[str, str] = {}
    try:
        top = open_directory(directory)
    except FileNotFoundError:
        return files, links
    try:
        for found in walk(top):
            if found.is_file:
                files.append(found.path)
            elif found.is_link:
                links[found.path] = os.readlink(found.name, dir_fd=found.inside)
    finally:
        os.close(top)
    return files, links


def _open_in(job_dir: Path, name: str) -> int:
    top = open_directory(job_dir)
    try:
        return open_directory(name, inside=top)
    finally:
        os.close(top)


def _made_directory(name: str, inside: int) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=inside)
    return open_directory(name, inside=inside)


def _copy_file(found: Found, destination: Path) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    source = os.open(found.name, flags, dir_fd=found.inside)
    try:
        status = os.fstat(source)
        with destination.open("xb") as copy:
            copy_content(source, copy.fileno(), status.st_size)
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode) & 0o777)
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(source)


def _same_content(one: int, other: int) -> bool:
    while True:
        mine, theirs = os.read(one, _COMPARE_BYTES), os.read(other, _COMPARE_BYTES)
        if mine != theirs:
            return False
        if not mine:
            return True
