"""Compares the files of two bundles; what may cost much has a limit."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.text_diff import TookTooLong, unified
from atlas_scheduler.store.unpacked import Unpacked
from foundations.errors import NotFound
from foundations.models import FileDiff
from foundations.text.terminal import clean

_PIECE_BYTES = 1024 * 1024
_EXECUTABLE = 0o100
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOWHERE = "/dev/null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How far a comparison goes."""

    file_bytes: int = 512 * 1024
    """Largest file whose lines are compared."""
    lines: int = 20_000
    """Most lines of such a file: a step of comparing takes a time that grows with their square."""
    answer_bytes: int = 4 * 1024 * 1024
    """Most text of all diffs together."""
    files: int = 2_000
    """Most files that are listed."""
    file_seconds: float = 1.0
    """Longest time for the lines of one file."""
    seconds: float = 15.0
    """Longest time for everything; what is not compared by then is listed as unknown."""


def compare_sources(
    bundles: Bundles, old: str, new: str, *, caps: Caps | None = None
) -> tuple[list[FileDiff], int]:
    """Compare two bundles, given by their digests.

    Returns:
        The files that differ, by path, and how many more there are than are listed.

    Raises:
        NotFound: a bundle is not here, or was removed meanwhile.
    """
    if old == new:
        return [], 0
    try:
        with _Tree(bundles.unpacked(old)) as before, _Tree(bundles.unpacked(new)) as after:
            return _Comparison(before, after, caps or Caps()).run()
    except FileNotFoundError as error:
        raise NotFound("The files of one of the jobs were deleted meanwhile.") from error


class _Tree:
    """Opens the files of an unpacked bundle, quickly when they come in order; follows no link."""

    def __init__(self, unpacked: Unpacked) -> None:
        self.files = unpacked.manifest.files
        self._top = os.open(unpacked.tree, _DIRECTORY)
        self._parent = ""
        self._directory = os.dup(self._top)

    def __enter__(self) -> _Tree:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._directory)
        os.close(self._top)

    def open(self, path: str) -> int:
        parent, _, name = path.rpartition("/")
        if parent != self._parent:
            self._enter(parent)
        return os.open(name, _FILE, dir_fd=self._directory)

    def _enter(self, parent: str) -> None:
        self._move(os.dup(self._top))
        self._parent = ""
        for part in parent.split("/") if parent else ():
            self._move(os.open(part, _DIRECTORY, dir_fd=self._directory))
        self._parent = parent

    def _move(self, directory: int) -> None:
        os.close(self._directory)
        self._directory = directory


class _Comparison:
    def __init__(self, old: _Tree, new: _Tree, caps: Caps) -> None:
        self._old = old
        self._new = new
        self._caps = caps
        self._left_bytes = caps.answer_bytes
        self._deadline = time.monotonic() + caps.seconds

    def run(self) -> tuple[list[FileDiff], int]:
        found: list[FileDiff] = []
        left_out = 0
        for path, change in self._differing():
            if len(found) < self._caps.files:
                found.append(self._describe(path, change))
            else:
                left_out += 1
        return found, left_out

    def _differing(self) -> Iterator[tuple[str, Literal["added", "removed", "changed", "unknown"]]]:
        old, new = self._old.files, self._new.files
        for path in sorted(old.keys() | new.keys()):
            if path not in old:
                yield path, "added"
            elif path not in new:
                yield path, "removed"
            elif old[path][0] != new[path][0] or self._mode_line(path):
                yield path, "changed"
            else:
                same = self._has_same_content(path)
                if not same:
                    yield path, "unknown" if same is None else "changed"

    def _has_same_content(self, path: str) -> bool | None:
        """Compare two files of one size; None when there is no time left."""
        # One byte more than there is shows the end in the same read.
        most = min(_PIECE_BYTES, self._old.files[path][0] + 1)
        with _opened(self._old, path) as old, _opened(self._new, path) as new:
            while time.monotonic() <= self._deadline:
                piece = os.read(old, most)
                # Both are regular files, of which a read gives all there is up to its limit.
                if piece != os.read(new, most):
                    return False
                if len(piece) < most:
                    return True
        return None

    def _describe(
        self, path: str, change: Literal["added", "removed", "changed", "unknown"]
    ) -> FileDiff:
        diff, omitted = "", "there was no time to compare it"
        if change != "unknown":
            diff, omitted = self._diff(path)
        if len(diff) > self._left_bytes:
            diff, omitted = "", "the answer is full"
        self._left_bytes -= len(diff)
        return FileDiff(
            # A name that is no text cannot be sent as it is.
            path=path.encode("utf-8", "replace").decode(),
            change=change,
            diff=diff,
            omitted=omitted or None,
        )

    def _diff(self, path: str) -> tuple[str, str]:
        """The diff of a file, or why there is none."""
        sizes = [one.files[path][0] for one in (self._old, self._new) if path in one.files]
        if self._left_bytes <= 0:
            return "", "the answer is full"
        if max(sizes) > self._caps.file_bytes:
            return "", f"larger than {self._caps.file_bytes // 1024} KiB"
        texts = [_text(self._old, path), _text(self._new, path)]
        if None in texts:
            return "", "binary"
        if any(text is not None and text.count("\n") > self._caps.lines for text in texts):
            return "", f"more than {self._caps.lines} lines"
        deadline = min(self._deadline, time.monotonic() + self._caps.file_seconds)
        name = clean(path.encode("utf-8", "replace").decode(), one_line=True)
        try:
            lines = unified(
                texts[0] or "",
                texts[1] or "",
                old_name=f"a/{name}" if path in self._old.files else _NOWHERE,
                new_name=f"b/{name}" if path in self._new.files else _NOWHERE,
                is_late=lambda: time.monotonic() > deadline,
            )
        except TookTooLong:
            return "", "its lines differ too much to be compared in time"
        return self._mode_line(path) + lines, ""

    def _mode_line(self, path: str) -> str:
        """Say that a file became executable, or is no longer."""
        old, new = self._old.files.get(path), self._new.files.get(path)
        if old is None or new is None or old[2] & _EXECUTABLE == new[2] & _EXECUTABLE:
            return ""
        return f"old mode 100{old[2] & 0o777:o}\nnew mode 100{new[2] & 0o777:o}\n"


@contextlib.contextmanager
def _opened(tree: _Tree, path: str) -> Iterator[int]:
    descriptor = tree.open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _text(tree: _Tree, path: str) -> str | None:
    """The text of a file, empty when there is no such file; None when it is no text."""
    if path not in tree.files:
        return ""
    with _opened(tree, path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read()
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None
