"""Finds a git repository and reads where its HEAD is, without running git."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCHES = "refs/heads/"
_SMALL_BYTES = 4_096
_PACKED_REFS_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out, as far as its files tell."""

    commit: str | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A working tree and where git keeps what belongs to it."""

    top: Path
    git_dir: Path
    common_dir: Path
    """Differs from `git_dir` for a worktree that was added to another one."""

    @classmethod
    def around(cls, directory: Path) -> Repository | None:
        """Find the repository that a directory lies in, by a few looks for `.git`."""
        directory = directory.resolve()
        for top in (directory, *directory.parents):
            found = _git_dir(top / ".git")
            if found is not None:
                common = _text(found / "commondir").strip()
                return cls(top, found, found / common if common else found)
        return None

    def head(self) -> Head:
        """Read what is checked out."""
        text = _text(self.git_dir / "HEAD").strip()
        if not text.startswith("ref: "):
            return Head(commit=_commit(text))
        name = text.removeprefix("ref: ").strip()
        if not name.startswith("refs/") or ".." in name or name.endswith("/.invalid"):
            return Head()  # broken, or kept in another format
        branch = name.removeprefix(_BRANCHES) if name.startswith(_BRANCHES) else None
        commit = _commit(_text(self.common_dir / name).strip())
        return Head(commit=commit or self._packed(name), branch=branch)

    def signature(self) -> tuple[object, ...]:
        """Give what changes with every commit, checkout, `git add` and change of settings."""
        text = _text(self.git_dir / "HEAD")
        name = text.removeprefix("ref: ").strip() if text.startswith("ref: refs/") else "HEAD"
        watched = (
            self.git_dir / "index",
            self.common_dir / name,
            self.common_dir / "packed-refs",
            self.common_dir / "reftable" / "tables.list",
            self.common_dir / "config",
        )
        return (text, *map(_identity, watched))

    def _packed(self, name: str) -> str | None:
        for line in _text(self.common_dir / "packed-refs", _PACKED_REFS_BYTES).splitlines():
            commit, _, found = line.partition(" ")
            if found == name:
                return _commit(commit)
        return None


def _git_dir(mark: Path) -> Path | None:
    """Follow a `.git`: a directory, or a file that names one (worktrees, submodules)."""
    try:
        mode = mark.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(mode):
        return mark
    text = _text(mark).strip()
    return mark.parent / text.removeprefix("gitdir: ") if text.startswith("gitdir: ") else None


def _commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _text(path: Path, limit_bytes: int = _SMALL_BYTES) -> str:
    """Read the beginning of a regular file; empty when it is none or cannot be read."""
    with suppress(OSError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return os.read(descriptor, limit_bytes).decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    return ""
