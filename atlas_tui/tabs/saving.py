"""Saving a file of a job to a path that the user types."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from atlas_tui.downloads import save
from atlas_tui.messages import Prompt, Question
from atlas_tui.tabs.tab import JobTab
from foundations.cli.groups import CommandFailed
from foundations.cli.output_file import refuse_to_replace
from foundations.errors import AtlasError
from foundations.text.quantities import size


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be saved."""

    name: str
    """As it is told; its last part is the name of the file in a directory."""
    size_bytes: int
    pieces: Callable[[], AsyncIterator[bytes]]
    """Asks the scheduler for it."""
    command: str
    """The same on the command line."""


async def save_item(tab: JobTab, item: Item) -> None:
    """Ask where to, ask again when something is there, and save."""
    # Only the last part of what a job chose as a name: it must not lead anywhere else.
    last = PurePosixPath(item.name).name
    default = last if last not in ("", "..") else "file"
    typed = await tab.atlas.ask(
        Prompt(
            f"Save {item.name} ({size(item.size_bytes)}) to",
            value=default,
            hint=f"A file or a directory, from {Path.cwd()}",
            problem=lambda text: None if text.strip() else "a path",
        )
    )
    if typed is None:
        return
    path = _path(typed, default)
    if not await _may_be_written(tab, path):
        return
    total = size(item.size_bytes)
    try:
        saved = await save(
            item.pieces(), path, progress=lambda count: tab.say(f"Saving: {size(count)} of {total}")
        )
    except OSError as error:
        tab.say(f"{path} cannot be written: {error.strerror or error}.", bad=True)
    except AtlasError as error:
        tab.say(f"{item.name} was not saved: {error.message}", bad=True)
    else:
        tab.say(f"Saved {item.name}, {size(saved)}, to {path}", command=item.command)


def _path(typed: str, name: str) -> Path:
    path = Path(typed.strip()).expanduser()
    return path / name if path.is_dir() else path


def _is_there(path: Path) -> bool:
    """Whether a file is there that would be replaced; raises CommandFailed when it is no file."""
    refuse_to_replace(path, force=True)
    return os.path.lexists(path)


async def _may_be_written(tab: JobTab, path: Path) -> bool:
    try:
        is_there = _is_there(path)
    except CommandFailed as error:
        tab.say(error.message, bad=True)
        return False
    if not is_there:
        return True
    return await tab.atlas.confirm(Question("Replace the file that is there?", (str(path),)))
