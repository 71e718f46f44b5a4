"""How much of the disk a file takes, or a directory with all that is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from atlas_scheduler.store.files import open_directory
from atlas_scheduler.store.tree_walk import walk

_BLOCK_BYTES = 512  # of `st_blocks`, whatever the file system's own


def bytes_on_disk(path: Path, *, before_each: Callable[[], None] = lambda: None) -> int:
    """Add up a file, or a directory with all that can be read in it. Blocks as long as that takes.

    What cannot be read, or goes away meanwhile, is left out; no link is followed.

    Args:
        path: what is looked at; a missing one takes nothing.
        before_each: called before each look at something; what it raises ends the work.
    """
    before_each()
    total = 0
    with suppress(OSError):
        total = path.lstat().st_blocks * _BLOCK_BYTES
        if path.is_symlink() or not path.is_dir():
            return total
        top = open_directory(path)
        try:
            for found in walk(top):
                before_each()
                total += found.status.st_blocks * _BLOCK_BYTES
        finally:
            os.close(top)
    return total
