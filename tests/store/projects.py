"""Bundles to store, and looks into what the store made of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from atlas_scheduler.store.bundles import Bundles
from foundations.bundles.bundle import pack
from foundations.home import Home

MOST_BYTES = 10_000_000
FILES = {"main.py": "print()\n", "src/model.py": "x = 1\n", "data/a.csv": "1,2\n", "run.sh": "#!"}


@dataclass(frozen=True)
class Packed:
    """A packed project in memory."""

    digest: str
    data: bytes


def write_tree(top: Path, files: dict[str, str]) -> None:
    """Make files with their directories."""
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)


def packed(files: dict[str, str] | None = None) -> Packed:
    """Pack a project with these files; `*.sh` are executable."""
    with tempfile.TemporaryDirectory() as name:
        project, bundle = Path(name) / "project", Path(name) / "bundle"
        project.mkdir()
        write_tree(project, FILES if files is None else files)
        for path in project.rglob("*"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
            if path.suffix == ".sh":
                path.chmod(0o755)
        result = pack(project, bundle)
        return Packed(result.digest, bundle.read_bytes())


async def pieces(data: bytes, size: int = 100) -> AsyncIterator[bytes]:
    """Send data in pieces, as a request's body comes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def stored(bundles: Bundles, files: dict[str, str] | None = None) -> str:
    """Have a project stored; return its digest."""
    bundle = packed(files)
    await bundles.receive(pieces(bundle.data), digest=bundle.digest, max_bytes=MOST_BYTES)
    return bundle.digest


def kept(home: Home) -> list[str]:
    """Everything in the directory of bundles that is no part of an unpacked tree."""
    return sorted(
        str(path.relative_to(home.bundles))
        for path in home.bundles.rglob("*")
        if "tree" not in path.relative_to(home.bundles).parts[:-1]
    )


def files_in(top: Path) -> dict[str, str]:
    """Content of every file, by path."""
    return {
        str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()
    }
