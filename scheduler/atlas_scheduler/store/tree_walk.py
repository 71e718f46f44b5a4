"""Walk a directory that a job may have prepared: no link is followed, and depth has a limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from atlas_scheduler.store.files import open_directory

DEEPEST = 100
"""How many directories below the top are entered. Each takes a descriptor while it is walked."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a walked directory."""

    path: str
    """Below the top, parts joined with `/`; bytes that are not UTF-8 as lone surrogates."""
    name: str
    """Its last part, to be used with `inside`."""
    inside: int
    """Descriptor of the directory it lies in; valid until the next entry is asked for."""
    status: os.stat_result
    problem: str | None = None
    """Why a directory is not entered."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory; its entries follow unless there is a problem."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


def walk(
    directory: int, *, leave_out: frozenset[str] = frozenset(), base: str = "", depth: int = 0
) -> Iterator[Found]:
    """Yield everything below an open directory, parents first, by name.

    Args:
        directory: descriptor of the top.
        leave_out: names of directories that are passed over.
        base: path of `directory` below the top, with `/` at the end.
        depth: how many directories are above it.
    """
    # The whole listing first: the caller may move what it finds.
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield Found(base + name, name, directory, status)
        elif name not in leave_out:
            yield from _walk_directory(
                Found(base + name, name, directory, status), leave_out=leave_out, depth=depth + 1
            )


def _walk_directory(found: Found, *, leave_out: frozenset[str], depth: int) -> Iterator[Found]:
    if depth > DEEPEST:
        yield _with_problem(found, f"lies more than {DEEPEST} directories deep")
        return
    try:
        inner = open_directory(found.name, inside=found.inside)
    except OSError as error:
        yield _with_problem(found, f"cannot be opened: {error.strerror}")
        return
    try:
        yield found
        yield from walk(inner, leave_out=leave_out, base=f"{found.path}/", depth=depth)
    finally:
        os.close(inner)


def _with_problem(found: Found, problem: str) -> Found:
    return Found(found.path, found.name, found.inside, found.status, problem)
