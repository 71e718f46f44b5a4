"""Directories of this machine while one is being typed: what is there, how it may go on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foundations.job_config import FILE_NAME

MOST_SHOWN = 500
RECENT_KEPT = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A directory that may be meant."""

    path: str
    """As the user would type it, with `/` at its end."""
    note: str = ""
    """What is in it that jobs are made of."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return f"{self.path.rstrip('/').rpartition('/')[2]}/"


def look(typed: str) -> list[Found]:
    """List the directories that a typed path may mean, those with a project in them first.

    What cannot be read is not there. Takes as long as the file system takes.
    """
    parent, _, beginning = typed.rpartition("/")
    parent = f"{parent}/" if "/" in typed else ""
    where = Path(parent or ".").expanduser()
    found = []
    try:
        with os.scandir(where) as entries:
            for entry in entries:
                if not _is_meant(entry.name, beginning) or not _is_directory(entry):
                    continue
                found.append(Found(f"{parent}{entry.name}/", _note(Path(entry.path))))
                if len(found) >= MOST_SHOWN:
                    break
    except OSError:
        return []
    return sorted(found, key=lambda one: (not one.note, one.path.lower()))


def absolute(typed: str) -> Path:
    """The directory that is meant, wherever the app was started."""
    return Path(typed.strip()).expanduser().absolute()


def completion(typed: str, found: Sequence[Found]) -> str | None:
    """How far a typed path can go on without a choice, or None."""
    paths = [one.path for one in found if one.path.startswith(typed)]
    if not paths:
        return None
    first, last = min(paths), max(paths)
    same = next(
        (place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(last)),
    )
    return first[:same] if same > len(typed) else None


def likely(recent: Sequence[str]) -> str:
    """The directory that is probably meant: the current one if it is a project, or the latest."""
    here = Path.cwd()
    return str(here) if _note(here) else next(iter(recent), "")


def remembered(path: str, recent: Sequence[str]) -> tuple[str, ...]:
    """The recent directories after one was used, the latest first."""
    return (path, *(one for one in recent if one != path))[:RECENT_KEPT]


def _is_meant(name: str, beginning: str) -> bool:
    hidden = name.startswith(".") and not beginning.startswith(".")
    return name.startswith(beginning) and not hidden


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _note(directory: Path) -> str:
    """Say what makes a directory a project."""
    there = [name for name in (FILE_NAME, "main.py") if (directory / name).is_file()]
    return ", ".join(there)
