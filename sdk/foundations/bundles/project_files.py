"""Walk a project directory: what goes into its bundle, and what does not."""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foundations.bundles.exclusions import GIT_RULES, OWN_RULES, Exclusions
from foundations.bundles.rules import Limits, name_problem, quoted
from foundations.errors import BundleError
from foundations.home import Home
from foundations.retrieval import holds_archive

LARGEST_SHOWN = 5
LEFT_OUT_SHOWN = 50

_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory to pack."""

    path: str
    """In the bundle."""
    source: str
    """On disk."""
    is_directory: bool


@contextlib.contextmanager
def reading(path: str) -> Iterator[None]:
    """Name the file in any error of the file system."""
    try:
        yield
    except OSError as error:
        raise BundleError(
            f"{quoted(path)} cannot be read: {error.strerror}. Make it readable, or leave it out "
            f"with {OWN_RULES}."
        ) from error


@contextlib.contextmanager
def opened(source: str, path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open a file of a project for reading, with how it stands.

    Raises:
        BundleError: it is no regular file any more, or cannot be read.
    """
    with reading(path):
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise changed(path)
        yield descriptor, status
    finally:
        os.close(descriptor)


def changed(path: str) -> BundleError:
    """Say that a file does not stay as it is for long enough."""
    return BundleError(
        f"{quoted(path)} changed while it was read. Try again, or leave it out with {OWN_RULES}."
    )


def changed_since(before: os.stat_result, now: os.stat_result) -> bool:
    """Tell whether somebody wrote to a file between two looks at it."""
    return (before.st_size, before.st_mtime_ns) != (now.st_size, now.st_mtime_ns)


class ProjectFiles:
    """One walk over a directory, in the bundle's order. Links are followed."""

    def __init__(self, directory: Path, *, limits: Limits) -> None:
        self._top = directory
        self._limits = limits
        self._passed_over: set[_Identity] = set()
        self._heap: list[tuple[int, str]] = []
        self._entry_count = 0
        self.size_bytes = 0
        self.file_count = 0
        self.warnings: list[str] = []
        self.left_out: list[str] = []
        """The first files and directories that a rule leaves out; a directory ends with `/`."""
        self.left_out_count = 0
        with contextlib.suppress(OSError):
            # Atlas' own files, where somebody submits the directory that holds them.
            self.pass_over(Home.default().root.stat())

    def pass_over(self, status: os.stat_result) -> None:
        """Leave out a file or directory, by its identity."""
        self._passed_over.add((status.st_dev, status.st_ino))

    def largest(self) -> tuple[tuple[str, int], ...]:
        """Return the largest files so far."""
        return tuple((path, size) for size, path in sorted(self._heap, reverse=True))

    def entries(self) -> Iterator[Entry]:
        """Yield what is to be packed: parents first, by name."""
        try:
            status = self._top.stat()
        except OSError as error:
            raise BundleError(f"{self._top} cannot be packed: {error.strerror}.") from error
        if not stat.S_ISDIR(status.st_mode):
            raise BundleError(f"{self._top} cannot be packed: it is not a directory.")
        listing = self._list(os.fspath(self._top), str(self._top))
        yield from self._directory("", listing, Exclusions(), ((status.st_dev, status.st_ino),))

    def _directory(
        self,
        base: str,
        listing: list[os.DirEntry[str]],
        rules: Exclusions,
        above: tuple[_Identity, ...],
    ) -> Iterator[Entry]:
        rules = _extended(rules, base, listing)
        for entry in listing:
            path = base + entry.name
            mode, identity, size_bytes = self._judge(entry, path)
            shown = f"{path}/" if stat.S_ISDIR(mode) else path
            if rules.exclude(shown):
                self._leave_out(shown)
                continue
            if identity in self._passed_over:
                continue
            if stat.S_ISREG(mode) and rules.exclude_archive(path) and holds_archive(entry.path):
                self._leave_out(path)
                continue
            if stat.S_ISDIR(mode):
                yield from self._subdirectory(entry, path, rules, (*above, identity))
            elif stat.S_ISREG(mode):
                self._count(path, size_bytes)
                yield Entry(path, entry.path, is_directory=False)
            else:
                self.warnings.append(f"{quoted(path)} is {_kind(mode)}; it is left out.")

    def _subdirectory(
        self,
        entry: os.DirEntry[str],
        path: str,
        rules: Exclusions,
        chain: tuple[_Identity, ...],
    ) -> Iterator[Entry]:
        if chain[-1] in chain[:-1]:
            self.warnings.append(
                f"{quoted(path)} is a link to a directory that it lies in; it is left out."
            )
            return
        listing = self._list(entry.path, path)
        if rules.exclude_contents(f"{path}/", {inner.name for inner in listing}):
            self._leave_out(f"{path}/")
            return
        self._count(path, None)
        yield Entry(path, entry.path, is_directory=True)
        yield from self._directory(f"{path}/", listing, rules, chain)

    def _leave_out(self, shown: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < LEFT_OUT_SHOWN:
            self.left_out.append(shown)

    @staticmethod
    def _list(directory: str, shown: str) -> list[os.DirEntry[str]]:
        with reading(shown), os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)

    @staticmethod
    def _judge(entry: os.DirEntry[str], path: str) -> tuple[int, _Identity, int]:
        """Return mode, identity and size of what an entry is, or leads to."""
        try:
            status = entry.stat()
        except OSError as error:
            if not entry.is_symlink() or error.errno not in _LEADS_NOWHERE:
                with reading(path):
                    raise
            status = entry.stat(follow_symlinks=False)
        return status.st_mode, (status.st_dev, status.st_ino), status.st_size

    def _count(self, path: str, size_bytes: int | None) -> None:
        """Judge an entry and add it up; None is the size of a directory."""
        if problem := name_problem(path, self._limits):
            raise BundleError(
                f"{quoted(path)} cannot be packed: {problem}. Rename it, or leave it out "
                f"with {OWN_RULES}."
            )
        self._entry_count += 1
        if self._entry_count > self._limits.members:
            raise BundleError(
                f"{self._top} has more than {self._limits.members} files and directories to pack. "
                f"Leave data out with {OWN_RULES}, and give it to the job as a volume."
            )
        if size_bytes is None:
            return
        self.file_count += 1
        self.size_bytes += size_bytes
        push = heapq.heappush if len(self._heap) < LARGEST_SHOWN else heapq.heappushpop
        push(self._heap, (size_bytes, path))


def _extended(rules: Exclusions, base: str, listing: list[os.DirEntry[str]]) -> Exclusions:
    contents = {}
    for entry in listing:
        if entry.name in (OWN_RULES, GIT_RULES) and entry.is_file():
            with reading(base + entry.name):
                contents[entry.name] = Path(entry.path).read_bytes()
    return rules.extended(base, own=contents.get(OWN_RULES), git=contents.get(GIT_RULES))


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link that leads nowhere"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a device"
