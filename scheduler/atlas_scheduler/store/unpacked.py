"""The tree of a bundle's files on disk, and whether it can be trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from foundations.bundles.unpack import Manifest


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A bundle's content on disk."""

    tree: Path
    """Its files; never to be written to."""
    manifest: Manifest


def read_unpacked(directory: Path, *, boot_id: str) -> Unpacked | None:
    """Read what an extraction left in a directory; None when it may be incomplete.

    Nothing in a tree is synced, so that only one made since the machine started is whole.
    """
    try:
        written = json.loads((directory / "manifest.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if written["boot_id"] != boot_id:
        return None
    manifest = Manifest(files=written["files"], directories=written["directories"], links={})
    return Unpacked(directory / "tree", manifest)
