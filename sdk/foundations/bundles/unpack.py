"""Unpack a tar.gz that may be hostile, into an empty directory.

Only regular files and directories come out of it (and harmless links, where asked for). Every open
goes through a directory descriptor and follows no link, so nothing outside can be reached even
when the checks of names had a hole. The server runs this module as a child process that limits
itself (`main`); it loads the standard library only, and little of that, since an upload may wait
for the child to start.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from foundations.bundles.holes import write_with_holes
from foundations.bundles.rules import GIB, Limits, quoted
from foundations.bundles.tarball_reader import Member, TarballReader
from foundations.errors import BundleError

RETRIEVED = Limits(
    expanded_bytes=2**63,
    compressed_bytes=2**63,
    ratio=2**63,
    members=10_000_000,
    file_bytes=2**63,
    depth=200,
    path_bytes=4096,
)
"""For what a trusted scheduler sends back: any amount, under the same rules for names."""

_READ_BYTES = 256 * 1024
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHILD_MEMORY_BYTES = 512 * 1024**2
_CHILD_CPU_SECONDS = 1800


class Manifest(NamedTuple):
    """What was unpacked, by path."""

    files: dict[str, tuple[int, int, int]]
    """Size in bytes, time of change in ns, and mode of each file, as the file system has them."""
    directories: list[str]
    """Every directory, parents before children."""
    links: dict[str, str]
    """Where each link leads."""


def unpack(
    chunks: Iterable[bytes],
    destination: Path,
    *,
    limits: Limits | None = None,
    links: bool = False,
    as_user: bool = False,
) -> Manifest:
    """Unpack a packed file that comes in pieces.

    What was written before an error stays: unpack into a new directory, and rename it when done.

    Args:
        chunks: The bytes of the tar.gz, in pieces of any size.
        destination: An existing, empty directory.
        limits: How much is accepted; those for bundles by default.
        links: Whether relative symbolic links that stay inside are made (last) or refused.
        as_user: Whether files get what rights the umask leaves of those that they had, like
            others that a user makes; else each has mode 0644 or 0755, whoever unpacks it.

    Raises:
        BundleError: the archive is damaged, too large, or has something that is not accepted.
        OSError: the file system failed; `ENOSPC` when it is full.
    """
    reader = TarballReader(chunks, limits=limits or Limits(), links=links)
    try:
        with contextlib.closing(_Destination(destination, as_user=as_user)) as tree:
            for member in reader.members():
                tree.add(member, reader.content())
            tree.make_links()
            return tree.manifest
    except BundleError as problem:
        raise BundleError(f"The archive cannot be unpacked: {problem}.") from problem


def unpack_file(
    archive: Path, destination: Path, *, limits: Limits | None = None, links: bool = False
) -> Manifest:
    """Unpack a packed file from disk; see `unpack`."""
    with archive.open("rb") as file:
        return unpack(
            iter(lambda: file.read(_READ_BYTES), b""), destination, limits=limits, links=links
        )


class _Destination:
    """The directory that is filled: reached by descriptors, never by a path from the archive."""

    def __init__(self, path: Path, *, as_user: bool) -> None:
        self._as_user = as_user
        self.manifest = Manifest(files={}, directories=[], links={})
        self._known_directories = {""}
        self._explicit_directories = {""}
        # The way to the directory used last; members mostly come directory by directory.
        self._names: list[str] = []
        self._descriptors = [os.open(path, _OPEN_DIRECTORY)]
        with os.scandir(self._descriptors[0]) as entries:
            is_empty = next(entries, None) is None
        if not is_empty:
            self.close()
            raise BundleError("the directory for it is not empty")

    def close(self) -> None:
        """Let go of the descriptors."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def add(self, member: Member, content: Iterator[memoryview]) -> None:
        """Write one member; links wait for `make_links`."""
        try:
            if member.kind == "directory":
                self._add_directory(member.path)
            elif member.kind == "link":
                self._add_link(member)
            else:
                self._add_file(member, content)
        except (FileExistsError, NotADirectoryError) as error:
            raise BundleError(
                f"member {quoted(member.path)} clashes with another member"
            ) from error

    def make_links(self) -> None:
        """Make the links, when nothing is written any more that could go through one."""
        for path, target in self.manifest.links.items():
            parent, _, name = path.rpartition("/")
            try:
                os.symlink(target, name, dir_fd=self._enter(parent))
            except (FileExistsError, NotADirectoryError) as error:
                raise BundleError(f"member {quoted(path)} clashes with another member") from error

    def _add_directory(self, path: str) -> None:
        if path and path in self._explicit_directories:
            raise FileExistsError(path)
        self._explicit_directories.add(path)
        self._enter(path)

    def _add_link(self, member: Member) -> None:
        if member.path in self.manifest.links:
            raise FileExistsError(member.path)
        self.manifest.links[member.path] = member.target

    def _add_file(self, member: Member, content: Iterator[memoryview]) -> None:
        parent, _, name = member.path.rpartition("/")
        mode = 0o755 if member.executable else 0o644
        if self._as_user and member.private:
            mode &= 0o700
        rights = mode if self._as_user else 0o600
        descriptor = os.open(name, _NEW_FILE, rights, dir_fd=self._enter(parent))
        try:
            for piece in content:
                write_with_holes(descriptor, piece)
            if not self._as_user:
                os.fchmod(descriptor, mode)
            os.utime(descriptor, ns=(member.mtime_ns, member.mtime_ns))
            kept_mtime_ns = os.fstat(descriptor).st_mtime_ns
        finally:
            os.close(descriptor)
        self.manifest.files[member.path] = (member.size_bytes, kept_mtime_ns, mode)

    def _enter(self, path: str) -> int:
        """Return a descriptor of a directory below, which is made when missing."""
        names = path.split("/") if path else []
        shared = 0
        for wanted, current in zip(names, self._names, strict=False):
            if wanted != current:
                break
            shared += 1
        while len(self._names) > shared:
            self._names.pop()
            os.close(self._descriptors.pop())
        for name in names[shared:]:
            self._descriptors.append(self._open("/".join((*self._names, name)), name))
            self._names.append(name)
        return self._descriptors[-1]

    def _open(self, path: str, name: str) -> int:
        parent = self._descriptors[-1]
        is_new = path not in self._known_directories
        if is_new:
            os.mkdir(name, 0o755 if self._as_user else 0o700, dir_fd=parent)
            self._known_directories.add(path)
            self.manifest.directories.append(path)
        descriptor = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
        if is_new and not self._as_user:
            os.fchmod(descriptor, 0o755)
        return descriptor


def main() -> None:
    """Answer one request on standard input, as a child process that may be killed at any time.

    The request is one JSON line: `archive`, `destination`, `limits` (fields of `Limits`),
    `manifest` (where to write the manifest) and `boot_id` (kept in it). The answer is one JSON
    line: `{"ok": true}`, or `{"error": text, "kind": "refused" | "full" | "failed"}`.
    """
    _limit_resource("RLIMIT_AS", _CHILD_MEMORY_BYTES)
    _limit_resource("RLIMIT_CPU", _CHILD_CPU_SECONDS)
    _limit_resource("RLIMIT_NOFILE", 256)
    _limit_resource("RLIMIT_CORE", 0)
    line = sys.stdin.readline()
    if line:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        limits = Limits(**request["limits"])
        _limit_resource("RLIMIT_FSIZE", max(limits.file_bytes, GIB))
        manifest = unpack_file(
            Path(request["archive"]), Path(request["destination"]), limits=limits
        )
        _write_manifest(manifest, Path(request["manifest"]), boot_id=request["boot_id"])
    except BundleError as problem:
        return {"error": problem.message, "kind": "refused"}
    except MemoryError:
        return {"error": "The archive needs too much memory to unpack.", "kind": "refused"}
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return {"error": str(error), "kind": "full" if full else "failed"}
    return {"ok": True}


def _write_manifest(manifest: Manifest, path: Path, *, boot_id: str) -> None:
    """Write it entry by entry: as one text it would need several times its size in memory."""
    with path.open("x", encoding="utf-8") as file:
        file.write(f'{{"boot_id": {json.dumps(boot_id)},\n"files": {{')
        separator = "\n"
        for name, facts in manifest.files.items():
            file.write(f"{separator}{json.dumps(name)}: {json.dumps(facts)}")
            separator = ",\n"
        file.write(f'}},\n"directories": {json.dumps(manifest.directories)}}}\n')


def _limit_resource(name: str, most: int) -> None:
    """Lower a limit of this process; a system that does not know it goes without."""
    import resource

    kind = getattr(resource, name, None)
    if kind is None:
        return
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
