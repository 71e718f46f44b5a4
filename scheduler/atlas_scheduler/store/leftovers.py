"""Files in the home that nothing needs any more: found, and what a bundle takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.listed_bundles import LISTING_SUFFIX
from foundations.home import Home

BUNDLE_REST_SECONDS = 3600.0
"""A bundle that no job uses may be about to get one for so long."""
UPLOAD_REST_SECONDS = 24 * 3600.0
"""What has come of an upload may still be continued for so long."""

Kind = Literal["bundle", "upload", "file", "work_dir"]
_PACKED = ".tar.gz"
_SUFFIXES = (_PACKED, LISTING_SUFFIX)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be of no use; for bundles and work dirs the jobs decide."""

    kind: Kind
    name: str
    """The digest, the job's id, or the file's name."""
    path: Path


def candidates(home: Home, *, now_seconds: float) -> Iterator[Candidate]:
    """Look for bundles and uploads that have rested for long enough, and for every work dir."""
    for path in _entries(home.bundles):
        name, dot, kind = path.name.partition(".")
        if dot + kind in _SUFFIXES and _rests(path, BUNDLE_REST_SECONDS, now_seconds):
            yield Candidate("bundle", f"sha256:{name}", path)
    for path in _entries(home.bundles / "incoming"):
        if _rests(path, UPLOAD_REST_SECONDS, now_seconds):
            yield Candidate("upload", path.name, path)
    for path in _entries(home.job_dirs):
        with suppress(ValueError):
            yield Candidate("work_dir", str(uuid.UUID(path.name)), path)


def bundle_bytes(home: Home, digest: str) -> int:
    """What a bundle takes, packed and unpacked; files that it shares with others count too."""
    name = digest.removeprefix("sha256:")
    found = sum(bytes_on_disk(home.bundles / f"{name}{suffix}") for suffix in _SUFFIXES)
    return found + bytes_on_disk(home.bundles / name)


def _entries(directory: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(directory.iterdir())
    return []


def _rests(path: Path, seconds: float, now_seconds: float) -> bool:
    try:
        return now_seconds - path.lstat().st_mtime > seconds
    except OSError:
        return False  # it has just gone
